"""A container's archive onto the local disk, without leaving the folder it is meant for.

What a container sends is not to be trusted: every path is walked from the folder's descriptor, one
name at a time and never through a symbolic link.
"""

import os
import stat
from tarfile import TarFile, TarInfo

from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHUNK = 1 << 20
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class ChunkFile:
    """Chunks as the file object that tarfile reads."""

    def __init__(self, chunks: "Iterable[bytes]") -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self.size = 0

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0:
            if not self._rest:
                self._rest = memoryview(next(self._chunks, b""))
                if not self._rest:
                    break
            parts.append(self._rest[:size])
            self._rest = self._rest[size:]
            size -= len(parts[-1])
        data = b"".join(parts)
        self.size += len(data)
        return data


def unpack(
    source: ChunkFile, folder: str, rename: "Callable[[str], str]", *, owner: bool = False
) -> None:
    """Extract an archive below *folder*; *rename* maps the names in it; *owner*: keep uid and gid."""
    import tarfile

    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    times: list[tuple[str, float]] = []
    try:
        with tarfile.open(fileobj=source, mode="r|", bufsize=CHUNK) as archive:  # type: ignore[call-overload]
            for info in archive:
                name = _clean(rename(info.name))
                if name:
                    _extract(archive, info, root, name, rename, owner=owner)
                    if info.isdir():
                        times.append((name, info.mtime))
        for name, mtime in reversed(times):  # children were written after their folders
            _set_time(root, name, mtime)
    except tarfile.TarError as error:
        raise InvalidArgument(f"archive/tar: invalid tar header: {error}") from None
    finally:
        os.close(root)


def _clean(name: str) -> str:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise InvalidArgument(f'invalid path in archive: "{name}"')
    return "/".join(parts)


def _open_parent(root: int, name: str) -> "tuple[int, str]":
    """A descriptor of the folder that holds *name*; missing folders are made."""
    *folders, last = name.split("/")
    current = os.dup(root)
    try:
        for part in folders:
            try:
                following = os.open(part, DIRECTORY, dir_fd=current)
            except FileNotFoundError:
                os.mkdir(part, 0o755, dir_fd=current)
                following = os.open(part, DIRECTORY, dir_fd=current)
            os.close(current)
            current = following
    except BaseException:
        os.close(current)
        raise
    return current, last


def _extract(
    archive: TarFile,
    info: TarInfo,
    root: int,
    name: str,
    rename: "Callable[[str], str]",
    *,
    owner: bool,
) -> None:
    parent, last = _open_parent(root, name)
    try:
        _make_room(parent, last, name, is_dir=info.isdir())
        if info.isdir():
            _folder(parent, last, info)
        elif info.isreg():
            _file(archive, info, parent, last)
        elif info.issym():
            os.symlink(info.linkname, last, dir_fd=parent)
        elif info.islnk():
            _hard_link(root, _clean(rename(info.linkname)), parent, last)
        elif info.isfifo():
            os.mkfifo(last, info.mode, dir_fd=parent)
        elif info.isdev():
            kind = stat.S_IFCHR if info.ischr() else stat.S_IFBLK
            device = os.makedev(info.devmajor, info.devminor)
            os.mknod(last, kind | info.mode, device, dir_fd=parent)
        else:
            return
        if owner:
            os.chown(last, info.uid, info.gid, dir_fd=parent, follow_symlinks=False)
        if not info.islnk() and not info.issym():
            if not info.isdir():
                os.utime(last, (info.mtime, info.mtime), dir_fd=parent, follow_symlinks=False)
            # what stands at `last` was just made by us, and is no link
            os.chmod(last, stat.S_IMODE(info.mode), dir_fd=parent)
    finally:
        os.close(parent)


def _make_room(parent: int, last: str, name: str, *, is_dir: bool) -> None:
    """Remove what stands in the way; a folder and a file never replace each other."""
    try:
        found = os.stat(last, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        if not is_dir:
            raise InvalidArgument(f'cannot overwrite directory "{name}" with non-directory')
        return
    if is_dir:
        raise InvalidArgument(f'cannot overwrite non-directory "{name}" with directory')
    os.unlink(last, dir_fd=parent)


def _folder(parent: int, last: str, info: TarInfo) -> None:
    try:
        os.mkdir(last, stat.S_IMODE(info.mode), dir_fd=parent)
    except FileExistsError:
        return


def _file(archive: TarFile, info: TarInfo, parent: int, last: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(last, flags, 0o600, dir_fd=parent)
    source = archive.extractfile(info)
    with open(descriptor, "wb", buffering=0) as file:
        while source is not None and (data := source.read(CHUNK)):
            file.write(data)


def _hard_link(root: int, target: str, parent: int, last: str) -> None:
    folder, name = _open_parent(root, target)
    try:
        os.link(name, last, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
    finally:
        os.close(folder)


def _set_time(root: int, name: str, mtime: float) -> None:
    parent, last = _open_parent(root, name)
    try:
        os.utime(last, (mtime, mtime), dir_fd=parent, follow_symlinks=False)
    finally:
        os.close(parent)
