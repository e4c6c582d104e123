"""Packing directories into a tar: a layer's changes, a container's whole file system, a path of it.

The tree may belong to a running container, which can exchange any name at any time: everything is opened
relative to its directory's descriptor and never through a symlink. Order and content depend only on the
tree, so that equal trees give equal digests.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from boxship.errors import InvalidArgument
from boxship.services.files import Change
from boxship.store.archive.entry import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    LINK,
    REGULAR,
    SYMLINK,
    Entry,
)
from boxship.store.archive.lower import is_opaque
from boxship.store.archive.places import is_whiteout
from boxship.store.archive.unpacker import OPAQUE_WHITEOUT, WHITEOUT
from boxship.store.archive.writer import TarWriter

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK: Final = 1 << 20
_DELETED: Final = 2
_MAX_DEPTH: Final = 250  # one descriptor each
_TYPES: Final = {
    stat.S_IFREG: REGULAR,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHARACTER,
    stat.S_IFBLK: BLOCK_DEVICE,
    stat.S_IFIFO: FIFO,
}
_GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)


class PackOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to pack: overlayfs's marks of removal become `.wh.` members when `whiteouts` is set.

    `skip` leaves out a path (relative, without slash at the ends) and all below it.
    """

    whiteouts: bool = False
    skip: Callable[[bytes], bool] | None = None


def pack_tree(writer: TarWriter, root_fd: int, options: PackOptions = PackOptions()) -> None:  # noqa: B008 - frozen
    """Pack everything below a directory, not the directory itself."""
    packer = _Packer(writer, options)
    with _opened(b".", root_fd, _DIRECTORY) as fd:
        if fd is not None:
            packer.children(fd, b"", 0)


def pack_path(
    writer: TarWriter,
    parent_fd: int,
    name: bytes,
    archive_name: bytes,
    options: PackOptions = PackOptions(),  # noqa: B008 - frozen
) -> None:
    """Pack one name of a directory, and all below it, under another name."""
    _Packer(writer, options).member(parent_fd, name, archive_name, 0)


def pack_changes(writer: TarWriter, root_fd: int, changes: Sequence[Change]) -> None:
    """Pack what `docker diff` would tell of a tree, and nothing else, as a layer."""
    kept = {os.fsencode(change.path[1:]) for change in changes if change.kind != _DELETED}
    pack_tree(writer, root_fd, PackOptions(skip=lambda path: path not in kept))
    for change in changes:
        if change.kind == _DELETED:
            directory, _, name = os.fsencode(change.path[1:]).rpartition(b"/")
            mark = (directory + b"/" if directory else b"") + WHITEOUT + name
            writer.add(Entry(mark, mode=0o600))


class _Packer:
    def __init__(self, writer: TarWriter, options: PackOptions) -> None:
        self._writer = writer
        self._options = options
        self._seen: dict[tuple[int, int], bytes] = {}  # inode → the name it was packed under

    def children(self, fd: int, prefix: bytes, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise InvalidArgument(f"directories are nested too deeply: {os.fsdecode(prefix)[:60]}…")
        for name in sorted(os.fsencode(name) for name in os.listdir(fd)):
            self.member(fd, name, prefix + name, depth)

    def member(self, parent: int, name: bytes, path: bytes, depth: int) -> None:
        if self._options.skip is not None and self._options.skip(path):
            return
        try:
            status = os.lstat(name, dir_fd=parent)
        except FileNotFoundError:
            return  # it went while we walked
        kind = _TYPES.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return  # a socket: tar has no form for it
        if self._options.whiteouts and is_whiteout(status):
            self._add_whiteout(path, status)
        elif kind == REGULAR:
            self._file(parent, name, path, status)
        elif kind == DIRECTORY:
            self._directory(parent, name, path, depth)
        else:
            entry = _entry(path, kind, status)
            if kind == SYMLINK:
                try:
                    entry.link = os.readlink(name, dir_fd=parent)
                except OSError:
                    return
            elif kind != FIFO:
                entry.major, entry.minor = os.major(status.st_rdev), os.minor(status.st_rdev)
            self._writer.add(entry)

    def _add_whiteout(self, path: bytes, status: os.stat_result) -> None:
        directory, _, name = path.rpartition(b"/")
        marked = (directory + b"/" if directory else b"") + WHITEOUT + name
        entry = _entry(marked, REGULAR, status)
        entry.mode = 0o600  # as Docker writes it
        self._writer.add(entry)

    def _file(self, parent: int, name: bytes, path: bytes, status: os.stat_result) -> None:
        inode = (status.st_dev, status.st_ino)
        if status.st_nlink > 1:
            first = self._seen.setdefault(inode, path)
            if first is not path:
                entry = _entry(path, LINK, status)
                entry.link = first
                self._writer.add(entry)
                return
        with _opened(name, parent, _FILE) as fd:
            if fd is None:
                return
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return  # exchanged between the two looks
            entry = _entry(path, REGULAR, status)
            entry.size = status.st_size
            entry.xattrs = _xattrs(fd)
            self._writer.add(entry)
            left = entry.size
            while left and (data := os.read(fd, min(left, _CHUNK))):
                self._writer.write(data)
                left -= len(data)

    def _directory(self, parent: int, name: bytes, path: bytes, depth: int) -> None:
        with _opened(name, parent, _DIRECTORY) as fd:
            if fd is None:
                return
            status = os.fstat(fd)
            entry = _entry(path + b"/", DIRECTORY, status)
            entry.xattrs = _xattrs(fd)
            self._writer.add(entry)
            if self._options.whiteouts and is_opaque(fd):
                mark = _entry(path + b"/" + OPAQUE_WHITEOUT, REGULAR, status)
                mark.mode = 0o600
                self._writer.add(mark)
            self.children(fd, path + b"/", depth + 1)


def _entry(path: bytes, kind: bytes, status: os.stat_result) -> Entry:
    return Entry(
        path,
        kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
    )


def _xattrs(fd: int) -> dict[bytes, bytes] | None:
    try:
        names = os.listxattr(fd)
    except OSError:
        return None
    if not names:
        return None
    found: dict[bytes, bytes] = {}
    for name in names:
        if _is_kept(name):
            with contextlib.suppress(OSError):
                found[os.fsencode(name)] = os.getxattr(fd, name)
    return found or None


def _is_kept(name: str) -> bool:
    if name.startswith(("trusted.overlay.", "user.overlay.")):
        return False
    return name == "security.capability" or name.startswith(
        ("user.", "trusted.", "system.posix_acl_")
    )


@contextlib.contextmanager
def _opened(name: bytes, parent: int, flags: int) -> Iterator[int | None]:
    """A descriptor, or None when the name went or changed its kind while we walked."""
    try:
        fd = os.open(name, flags, dir_fd=parent)
    except OSError as error:
        if error.errno not in _GONE:
            raise
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)
