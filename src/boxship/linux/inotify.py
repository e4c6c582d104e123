"""inotify(7): being told that files grew."""

import ctypes
import os
import struct
from typing import Final

from boxship.linux.syscalls import StrPath, c_path

_IN_MODIFY: Final = 0x2
_IN_ATTRIB: Final = 0x4  # its name went to another file
_IN_CREATE: Final = 0x100
_IN_IGNORED: Final = 0x8000
_IN_CLOEXEC: Final = 0o2000000
_IN_NONBLOCK: Final = 0o4000
_EVENT: Final = struct.Struct("iIII")

_libc: Final = ctypes.CDLL(None, use_errno=True)


class Inotify:
    """One descriptor for many files: non-blocking, readable when one of them was written to or replaced."""

    def __init__(self) -> None:
        self._fd = _checked(_libc.inotify_init1(_IN_CLOEXEC | _IN_NONBLOCK), "inotify")

    def fileno(self) -> int:
        """For who waits until there is something to read."""
        return self._fd

    def add(self, path: StrPath, *, created: bool = False) -> int:
        """Watch a file, or what is *created* in a directory.

        Returns the watch's number, the same for the same file.
        """
        mask = _IN_CREATE if created else _IN_MODIFY | _IN_ATTRIB
        watch = _libc.inotify_add_watch(self._fd, c_path(path), mask)
        return _checked(watch, os.fsdecode(path))

    def remove(self, watch: int) -> None:
        """Watch no more; harmless when the file is gone."""
        _libc.inotify_rm_watch(self._fd, watch)

    def read(self) -> dict[int, bool]:
        """The watches of files that changed, and whether each was replaced; -1 when some were missed."""
        try:
            data = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return {}
        found: dict[int, bool] = {}
        position = 0
        while position < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, position)
            found[watch] = found.get(watch, False) or bool(mask & (_IN_ATTRIB | _IN_IGNORED))
            position += _EVENT.size + length
        return found

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self._fd)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
