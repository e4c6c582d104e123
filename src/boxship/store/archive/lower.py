"""What the layers below have at a path: overlayfs's look-up, by descriptor, without mounting anything."""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from boxship.store.archive.places import Parts, is_whiteout

OPAQUE: Final = ("trusted.overlay.opaque", "user.overlay.opaque")
_PATH: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Lower:
    """Layer directories, the top one first."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = directories

    @contextlib.contextmanager
    def open(self, parts: Parts) -> Iterator[int | None]:
        """An O_PATH descriptor of what is seen at the path, or None; symlinks are not followed."""
        found = None
        for directory in self._directories:
            found, hidden = _look_up(directory, parts)
            if found is not None or hidden:
                break
        try:
            yield found
        finally:
            if found is not None:
                os.close(found)

    def stat(self, parts: Parts) -> os.stat_result | None:
        """The status of what is seen at the path."""
        with self.open(parts) as fd:
            return None if fd is None else os.fstat(fd)


def is_opaque(fd: int) -> bool:
    """Tell whether a directory (O_PATH will do) hides what is below it."""
    for name in OPAQUE:
        try:
            if os.getxattr(f"/proc/self/fd/{fd}", name) == b"y":
                return True
        except OSError:
            continue
    return False


def _look_up(directory: Path, parts: Parts) -> tuple[int | None, bool]:
    """A descriptor of the path in one layer, and whether this layer hides the path of those below."""
    fd = os.open(directory, _PATH | os.O_DIRECTORY)
    hidden = False
    for index, name in enumerate(parts):
        hidden = hidden or (index > 0 and is_opaque(fd))
        try:
            inner = os.open(name, _PATH, dir_fd=fd)
        except (FileNotFoundError, NotADirectoryError):
            os.close(fd)
            return None, hidden
        os.close(fd)
        fd = inner
        status = os.fstat(fd)
        last = index == len(parts) - 1
        if is_whiteout(status) or (not last and not stat.S_ISDIR(status.st_mode)):
            os.close(fd)
            return None, True
    return fd, False
