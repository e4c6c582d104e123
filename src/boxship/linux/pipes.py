"""Pipes of another process whose readers have gone."""

import contextlib
import os
import select
import stat
from pathlib import Path


def open_deserted(pid: int, *, except_fds: frozenset[int] = frozenset()) -> list[int]:
    """Readers for the pipes that *pid* writes to and nobody reads any more, not blocking; to be closed.

    While one is open, a write succeeds that would fail for ever: good for a process that tries again and
    again.
    """
    readers = []
    for fd in _open_fds(pid) - except_fds:
        path = f"/proc/{pid}/fd/{fd}"
        with contextlib.suppress(OSError):  # it was closed meanwhile
            if _is_write_end(path) and not _has_reader(path):
                readers.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    return readers


def fds_named_in_environment(pid: int, prefix: str) -> frozenset[int]:
    """The descriptors that a process was told of in variables whose names begin with *prefix*."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return frozenset()
    found = (item.partition(b"=") for item in environment.split(b"\0"))
    return frozenset(
        int(value)
        for name, _, value in found
        if name.startswith(prefix.encode()) and value.isdigit()
    )


def _open_fds(pid: int) -> set[int]:
    try:
        return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()


def _is_write_end(path: str) -> bool:
    link = Path(path)
    # the link's permissions say how the descriptor was opened
    opened = link.lstat().st_mode & (stat.S_IRUSR | stat.S_IWUSR)
    return opened == stat.S_IWUSR and stat.S_ISFIFO(link.stat().st_mode)


def _has_reader(path: str) -> bool:
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        poll = select.poll()
        poll.register(writer, 0)  # errors are always reported
        return not poll.poll(0)
    finally:
        os.close(writer)
