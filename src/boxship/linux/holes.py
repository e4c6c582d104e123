"""fallocate(2): giving back a part of a file."""

import ctypes
import errno
import os
from typing import Final

_KEEP_SIZE: Final = 0x1
_PUNCH_HOLE: Final = 0x2
_UNSUPPORTED: Final = (errno.EOPNOTSUPP, errno.ENOSYS)

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


def punch(fd: int, offset: int, length: int) -> None:
    """Let the file system have a range, which then reads as zeros; harmless where it does not want it."""
    if _libc.fallocate(fd, _KEEP_SIZE | _PUNCH_HOLE, offset, length) < 0:
        number = ctypes.get_errno()
        if number not in _UNSUPPORTED:
            raise OSError(number, os.strerror(number))
