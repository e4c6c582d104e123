"""Where a member of an archive goes: directories below a root, reached by descriptor only.

A path is walked component by component with O_NOFOLLOW; a symlink on the way is resolved by hand, as if
the root were `/`, and the walk starts again. So nothing in the tree, even when a container exchanges it
meanwhile, leads out of the root.
"""

import os
import stat
from collections.abc import Callable, Sequence
from typing import Final

from boxship.store.archive.compression import CorruptArchive

Parts = tuple[bytes, ...]

_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_PATH: Final = 4096  # PATH_MAX: longer ones exist only to break something
_MAX_DEPTH: Final = 250  # one descriptor each
_MAX_LINKS: Final = 255  # symlinks and `..` of one path


class SymlinkLoop(CorruptArchive):
    """Symlinks on a path that lead nowhere, or too far."""


class OutsideRoot(CorruptArchive):
    """A member's name, or a hard link's target, that leads out of the archive."""

    def __init__(self, name: bytes, *, is_target: bool = False) -> None:
        super().__init__(f"{os.fsdecode(name)!r} is outside of the archive's root")
        self.name = os.fsdecode(name)
        self.is_target = is_target


def split_path(name: bytes) -> Parts:
    """A member's name as components, `.` and inner `..` taken out; raise for one that leads out."""
    if len(name) > _MAX_PATH:
        raise CorruptArchive(f"file name too long: {name[:60]!r}… has {len(name)} bytes")
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part in (b"", b"."):
            continue
        if part != b"..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            raise OutsideRoot(name)
    if len(parts) > _MAX_DEPTH:
        raise CorruptArchive(f"{len(parts)} directories deep: {name[:60]!r}…")
    return tuple(parts)


def is_whiteout(status: os.stat_result) -> bool:
    """Overlayfs's mark of a deleted file: a character device 0/0."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


class Places:
    """Open directories below a root; keeps the last path open, since members come in order.

    `make` is asked to create a directory that is missing: (parent descriptor, name, whole path).
    """

    def __init__(self, root_fd: int, make: Callable[[int, bytes, Parts], None]) -> None:
        self.root_fd = root_fd
        self._make = make
        self._names: list[bytes] = []
        self._fds: list[int] = []

    def close(self) -> None:
        """Forget what is open; also whenever a directory was removed."""
        self._cut(0)

    def directory(self, parts: Sequence[bytes]) -> int:
        """A descriptor (O_PATH) of this directory, made if missing; valid until the next call."""
        wanted = list(parts)
        links = 0
        while (redirect := self._walk(wanted)) is not None:
            links += 1
            if links > _MAX_LINKS:
                raise SymlinkLoop(f"too many levels of symbolic links in {b'/'.join(parts)!r}")
            wanted = redirect
        return self._fds[-1] if self._fds else self.root_fd

    def _walk(self, wanted: list[bytes]) -> list[bytes] | None:
        """Open the path, or return the path to try instead when a symlink is on it."""
        names = self._names
        if names == wanted:
            return None
        common = 0
        for mine, other in zip(names, wanted, strict=False):
            if mine != other:
                break
            common += 1
        self._cut(common)
        for index in range(common, len(wanted)):
            name = wanted[index]
            if name == b"..":  # of a symlink's target: what is before it are real directories
                return wanted[: max(index - 1, 0)] + wanted[index + 1 :]
            here = self._fds[-1] if self._fds else self.root_fd
            try:
                fd = os.open(name, _DIRECTORY, dir_fd=here)
            except FileNotFoundError:
                self._make(here, name, tuple(wanted[: index + 1]))
                fd = os.open(name, _DIRECTORY, dir_fd=here)
            except NotADirectoryError:
                status = os.lstat(name, dir_fd=here)
                if stat.S_ISLNK(status.st_mode):
                    target = os.readlink(name, dir_fd=here)
                    return _resolved(wanted[:index], target) + wanted[index + 1 :]
                if not is_whiteout(status):
                    raise
                self._make(here, name, tuple(wanted[: index + 1]))
                fd = os.open(name, _DIRECTORY, dir_fd=here)
            self._fds.append(fd)
            names.append(name)
        return None

    def _cut(self, length: int) -> None:
        for fd in self._fds[length:]:
            os.close(fd)
        del self._fds[length:]
        del self._names[length:]


def _resolved(base: list[bytes], target: bytes) -> list[bytes]:
    """A symlink's target as a path from the root, `..` left in for the walk to take."""
    start = [] if target.startswith(b"/") else base
    parts = [*start, *(part for part in target.split(b"/") if part not in (b"", b"."))]
    if len(parts) > _MAX_DEPTH:
        raise SymlinkLoop("a symlink leads too deep")
    return parts
