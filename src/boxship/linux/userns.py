"""User namespaces that only hold a mapping of owners, for idmapped mounts."""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from boxship.errors import Unsupported
from boxship.linux import process

Ranges = Sequence[tuple[int, int, int]]
"""(first inside, first outside, length), as in user_namespaces(7)."""

_HOLDER: Final = ("unshare", "--user", "cat")


@contextlib.contextmanager
def user_namespace(users: Ranges, groups: Ranges) -> Iterator[int]:
    """A descriptor of a user namespace with these mappings; a child process holds it meanwhile.

    A process with threads cannot enter one itself, hence unshare(1).
    """
    with contextlib.ExitStack() as undo:
        child_in, our_out = os.pipe()
        our_in, child_out = os.pipe()
        undo.callback(os.close, our_out)
        undo.callback(os.close, our_in)
        try:
            pid = process.spawn(_HOLDER, stdin=child_in, stdout=child_out)
        finally:
            os.close(child_in)
            os.close(child_out)  # ours: reading ends with the child
        undo.callback(os.waitpid, pid, 0)
        undo.callback(os.kill, pid, signal.SIGKILL)
        os.write(our_out, b"?")
        if not os.read(our_in, 1):  # what `cat` repeats, it says inside
            raise Unsupported("cannot map owners: this machine allows no user namespaces")
        _write(pid, "uid_map", users)
        _write(pid, "gid_map", groups)
        namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        undo.callback(os.close, namespace)
        yield namespace


def _write(pid: int, name: str, ranges: Ranges) -> None:
    lines = "".join(f"{inside} {outside} {length}\n" for inside, outside, length in ranges)
    # one write(2): the kernel takes a mapping whole
    Path(f"/proc/{pid}/{name}").write_bytes(lines.encode())
