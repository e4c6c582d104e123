"""Measuring directories."""

import os
import stat
from pathlib import Path
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_MAX_DEPTH: Final = 250
FULL: Final = "no space left on device"
_SHARE: Final = 0.95  # of the free space that one layer may fill


def measure(path: Path) -> tuple[int, int]:
    """Bytes as Docker counts a layer's size (files once per inode, no directories), and inodes.

    Works on descriptors, since a running container may exchange names; what it nests deeper than any
    sane tree is not counted.
    """
    seen: set[tuple[int, int]] = set()
    fd = os.open(path, _DIRECTORY)
    try:
        return _measure(fd, seen, 0)
    finally:
        os.close(fd)


def _measure(fd: int, seen: set[tuple[int, int]], depth: int) -> tuple[int, int]:
    size = inodes = 0
    directories = []
    with os.scandir(fd) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            inodes += 1
            if stat.S_ISDIR(status.st_mode):
                directories.append(entry.name)
            elif status.st_nlink == 1 or (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                size += status.st_size
    for name in directories if depth < _MAX_DEPTH else ():
        try:
            inner = os.open(name, _DIRECTORY, dir_fd=fd)
        except OSError:
            continue  # it went
        try:
            below = _measure(inner, seen, depth + 1)
        finally:
            os.close(inner)
        size, inodes = size + below[0], inodes + below[1]
    return size, inodes


def free_bytes(path: Path | int) -> int:
    """How much one layer may unpack to here, a path or a descriptor."""
    status = os.statvfs(path)
    return int(status.f_bavail * status.f_frsize * _SHARE)
