"""Whether the kernel runs a file as a program, as execve(2) decides it."""

import os
import posixpath
import stat
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from boxship.linux.safepath import open_in_root, reopen

_ELF: Final = b"\x7fELF"
_HEAD: Final = 256  # the kernel looks at no more
_MACHINES: Final = {"x86_64": {62, 3}, "aarch64": {183, 40}}  # e_machine, and of 32-bit programs
_HANDLERS: Final = Path("/proc/sys/fs/binfmt_misc")


def runs(root_fd: int, arguments: Sequence[str], environment: Mapping[str, str], cwd: str) -> bool:
    """False when the program is there and the kernel refuses it: no format it knows, no interpreter.

    True in doubt: for what is not found below the root, and where handlers for other formats are set up.
    """
    for path in _candidates(arguments[0], environment, cwd):
        head = _head(root_fd, path)
        if head is not None:
            return _has_format(root_fd, head)
    return True


def _candidates(program: str, environment: Mapping[str, str], cwd: str) -> Iterator[str]:
    if "/" in program:
        yield posixpath.join(cwd, program)
        return
    for directory in environment.get("PATH", "").split(":"):
        yield posixpath.join(cwd, directory, program)


def _head(root_fd: int, path: str) -> bytes | None:
    """The first bytes of an executable file."""
    try:
        place = open_in_root(root_fd, path, os.O_PATH)
    except OSError:
        return None
    try:
        mode = os.fstat(place).st_mode
        if not (stat.S_ISREG(mode) and mode & 0o111):
            return None
        fd = reopen(place, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    finally:
        os.close(place)
    try:
        return os.read(fd, _HEAD)
    finally:
        os.close(fd)


def _has_format(root_fd: int, head: bytes) -> bool:
    if head.startswith(b"#!"):
        words = head[2:].partition(b"\n")[0].split()
        return bool(words) and _head(root_fd, os.fsdecode(words[0])) is not None
    if _has_handlers():
        return True
    machines = _MACHINES.get(os.uname().machine)
    if not head.startswith(_ELF) or machines is None or len(head) < 20:
        return head.startswith(_ELF)
    order = "<" if head[5] == 1 else ">"
    (machine,) = struct.unpack_from(f"{order}H", head, 18)
    return machine in machines


def _has_handlers() -> bool:
    try:
        return any(entry.name not in ("register", "status") for entry in _HANDLERS.iterdir())
    except OSError:
        return False
