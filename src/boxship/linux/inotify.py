"""inotify(7): being told that a file grew."""

import ctypes
import os
from typing import Final

from boxship.linux.syscalls import StrPath, c_path

_IN_MODIFY: Final = 0x2
_IN_CLOEXEC: Final = 0o2000000
_IN_NONBLOCK: Final = 0o4000

_libc: Final = ctypes.CDLL(None, use_errno=True)


def watch_file(path: StrPath) -> int:
    """A non-blocking descriptor that becomes readable when the file is written to; read it to clear it."""
    fd = _libc.inotify_init1(_IN_CLOEXEC | _IN_NONBLOCK)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if _libc.inotify_add_watch(fd, c_path(path), _IN_MODIFY) < 0:
        error = ctypes.get_errno()
        os.close(fd)
        raise OSError(error, os.strerror(error), os.fsdecode(path))
    return int(fd)
