"""Room on the disk that is kept for the moment when there is none left."""

import contextlib
import os
import time
from pathlib import Path
from typing import Final

SIZE: Final = 1 << 20
_RETRY_S: Final = 10.0


class Reserve:
    """A file that is given up so that what must be written still can be: the end of containers, say."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path = path
        self._size = size
        self._tried = 0.0
        self._kept = False
        self.keep()

    def __repr__(self) -> str:
        return f"Reserve({self._path}, {'kept' if self._kept else 'given up'})"

    def keep(self) -> None:
        """Take the room again if it was given up and there is some; tried now and then only."""
        if self._kept or time.monotonic() < self._tried + _RETRY_S:
            return
        self._tried = time.monotonic()
        try:
            with self._path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
            self._kept = True
        except OSError:
            self._give_up()

    def make_room(self) -> None:
        """Give the room up if there is hardly any besides."""
        if self._kept:
            disk = os.statvfs(self._path)
            if disk.f_bavail * disk.f_frsize < self._size // 8:
                self.release()

    def release(self) -> bool:
        """Give the room up; tell whether there was any."""
        if not self._kept:
            return False
        self._tried = time.monotonic()
        self._give_up()
        return True

    def _give_up(self) -> None:
        self._kept = False
        with contextlib.suppress(OSError):
            self._path.unlink()
