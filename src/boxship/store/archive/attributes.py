"""Giving files their data and attributes, by descriptor."""

import os
import stat
from typing import Final

from boxship.store.archive.entry import Entry
from boxship.store.archive.reader import TarReader

_TIMES: Final = (-(2**31) * 10**9, (2**34 - 1) * 10**9)  # what ext4 can keep
_COPY: Final = 1 << 20


def write_all(fd: int, data: memoryview) -> None:
    """Write a whole buffer."""
    while data:
        data = data[os.write(fd, data) :]


def write_sparse(fd: int, entry: Entry, reader: TarReader) -> None:
    """Write a sparse member's pieces where they belong."""
    for offset, length in entry.sparse or ():
        os.lseek(fd, offset, os.SEEK_SET)
        left = length
        while left:
            data = reader.read(min(left, _COPY))
            left -= len(data)
            write_all(fd, memoryview(data))
    os.ftruncate(fd, entry.real_size)


def set_times(target: int | bytes, mtime_ns: int, parent: int | None = None) -> None:
    """Set both times, of a descriptor or of a name that is not followed, within what ext4 can keep."""
    low, high = _TIMES
    time_ns = min(max(mtime_ns, low), high)
    if isinstance(target, int):
        os.utime(target, ns=(time_ns, time_ns))
    else:
        os.utime(target, ns=(time_ns, time_ns), dir_fd=parent, follow_symlinks=False)


def copy_data(source: str, target: int) -> None:
    """Copy a file's bytes to a descriptor."""
    with open(source, "rb", buffering=0) as file:
        while data := file.read(_COPY):
            write_all(target, memoryview(data))


def copy_attributes(source: int, status: os.stat_result, target: int) -> None:
    """Give a descriptor the owner, mode, extended attributes and times of another file."""
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    path = f"/proc/self/fd/{source}"
    for name in os.listxattr(path):
        if not name.startswith(("trusted.overlay.", "user.overlay.")):
            os.setxattr(target, name, os.getxattr(path, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
