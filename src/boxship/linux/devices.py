"""Device nodes of the host, as containers may be given them."""

import errno
import os
import stat
from collections.abc import Iterator
from typing import Final, NamedTuple

# What a container has its own of (pts, shm, mqueue, …): runc leaves them out of a privileged /dev too.
_SKIPPED_DIRECTORIES: Final = frozenset(
    ("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev")
)


class Device(NamedTuple):
    """A character ("c") or block ("b") device node."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int
    uid: int
    gid: int


def read(path: str) -> Device:
    """The device node at *path*, symlinks followed; OSError, ENODEV when it is something else."""
    status = os.stat(path)
    device = _device(path, status)
    if device is None:
        raise OSError(errno.ENODEV, "not a device node", path)
    return device


def find_at(path: str) -> list[Device]:
    """The device at *path*, or all those below it; OSError, ENODEV when there is none."""
    if not os.path.isdir(path):  # noqa: TID251 - one question, no path arithmetic
        return [read(path)._replace(path=path)]
    found = find_below(path)
    if not found:
        raise OSError(errno.ENODEV, "not a device node", path)
    return found


def find_below(directory: str) -> list[Device]:
    """All device nodes below a directory, by name; consoles, symlinks and FIFOs are left out."""
    return sorted(_walk(directory))


def numbers(path: str) -> tuple[int, int]:
    """Major and minor number of the device node at *path*."""
    rdev = os.stat(path).st_rdev
    return os.major(rdev), os.minor(rdev)


def _walk(directory: str) -> Iterator[Device]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED_DIRECTORIES:
                    yield from _walk(entry.path)
            elif entry.name != "console":
                try:
                    device = _device(entry.path, entry.stat(follow_symlinks=False))
                except FileNotFoundError:  # unplugged meanwhile
                    continue
                if device is not None:
                    yield device


def _device(path: str, status: os.stat_result) -> Device | None:
    if stat.S_ISCHR(status.st_mode):
        kind = "c"
    elif stat.S_ISBLK(status.st_mode):
        kind = "b"
    else:
        return None
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    mode = stat.S_IMODE(status.st_mode)
    return Device(path, kind, major, minor, mode, status.st_uid, status.st_gid)
