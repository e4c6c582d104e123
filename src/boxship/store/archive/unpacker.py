"""Unpacking a tar into a directory: a layer into a snapshot, an upload into a container.

Everything is relative to descriptors below the root (see places.py); what a layer removes becomes overlayfs
whiteouts, or is removed where no overlay will interpret them.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from boxship.errors import BoxshipError, Internal, InvalidArgument
from boxship.store.archive.attributes import (
    copy_attributes,
    copy_data,
    set_times,
    write_all,
    write_sparse,
)
from boxship.store.archive.compression import CorruptArchive
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
from boxship.store.archive.lower import Lower
from boxship.store.archive.places import (
    OutsideRoot,
    Parts,
    Places,
    SymlinkLoop,
    is_whiteout,
    split_path,
)
from boxship.store.archive.reader import TarReader
from boxship.store.removal import remove_at

WHITEOUT: Final = b".wh."
OPAQUE_WHITEOUT: Final = b".wh..wh..opq"
_AUFS: Final = b".wh..wh."  # bookkeeping of a file system long gone

_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_ID: Final = 2**32 - 2
_BAD_NAMES: Final = (
    errno.ENOENT,
    errno.ENAMETOOLONG,
    errno.EFBIG,
    errno.EINVAL,
    errno.ELOOP,
    errno.ENOTDIR,
    errno.EEXIST,
)


class MissingLinkTarget(CorruptArchive):
    """A hard link to something that neither the archive nor the given layers below have."""


class Whiteouts(Enum):
    """What `.wh.` members mean: nothing special, overlayfs's own marks, or removal right here."""

    LITERAL = 0
    OVERLAY = 1
    REMOVE = 2


class UnpackOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to unpack. `lower` are the directories of the layers below, top first.

    `owner` replaces the archive's (uid, gid). `max_bytes` and `max_entries` stop a bomb.
    """

    whiteouts: Whiteouts = Whiteouts.LITERAL
    lower: Sequence[Path] = ()
    opaque_xattr: str = "trusted.overlay.opaque"
    no_overwrite_dir_non_dir: bool = False
    owner: tuple[int, int] | None = None
    max_bytes: int = 1 << 62
    max_bytes_reason: str = "it looks like a decompression bomb"
    max_entries: int = 50_000_000


class WouldOverwrite(InvalidArgument):
    """A directory where the archive has something else, or the other way round."""

    def __init__(self, parts: Parts, *, is_directory: bool) -> None:
        self.name = os.fsdecode(b"/".join(parts))
        self.is_directory = is_directory
        super().__init__(self.told(f"/{self.name}"))

    def told(self, place: str) -> str:
        """In Docker's words, which name the *place* that was unpacked into."""
        there, ours = "directory", "non-directory"
        if not self.is_directory:
            there, ours = ours, there
        return f'cannot overwrite {there} "{self.name}" with {ours} "{place}"'


class Unpacked(msgspec.Struct, frozen=True):
    """What came out: members, and bytes as Docker counts a layer's size.

    `implied` are directories without a member of their own: they look as the layers below have them.
    """

    entries: int
    size: int
    implied: tuple[Parts, ...] = ()


def unpack(chunks: Iterable[bytes], root_fd: int, options: UnpackOptions) -> Unpacked:
    """Unpack a plain tar below a directory; read the stream to its end."""
    unpacker = _Unpacker(root_fd, options)
    try:
        return unpacker.run(TarReader(chunks))
    finally:
        unpacker.close()


def inherit_attributes(root_fd: int, implied: Iterable[Parts], lower: Sequence[Path]) -> None:
    """Give directories that a layer only implied the looks they have in the layers below."""
    layers = Lower(lower)
    places = Places(root_fd, _refuse)
    try:
        for parts in implied:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, SymlinkLoop):
                _inherit(layers, parts, places.directory(parts))
    finally:
        places.close()


def _inherit(layers: Lower, parts: Parts, directory: int) -> None:
    with layers.open(parts) as source:
        status = os.fstat(source) if source is not None else None
        if source is None or status is None or not stat.S_ISDIR(status.st_mode):
            return
        fd = os.open(b".", _OPEN_DIRECTORY, dir_fd=directory)
        try:
            copy_attributes(source, status, fd)
        finally:
            os.close(fd)


def _refuse(_parent: int, _name: bytes, parts: Parts) -> None:
    raise FileNotFoundError(errno.ENOENT, "replaced meanwhile", os.fsdecode(b"/".join(parts)))


class _Unpacker:
    def __init__(self, root_fd: int, options: UnpackOptions) -> None:
        self._options = options
        self._root_fd = root_fd
        self._places = Places(root_fd, self._make_parent)
        self._lower = Lower(options.lower)
        # directories' modes and times, set at the end
        self._late: dict[Parts, tuple[int, int | None]] = {}
        self._implied: dict[Parts, None] = {}
        self._created: set[Parts] = set()  # only for Whiteouts.REMOVE
        self._entries = self._bytes = 0

    def close(self) -> None:
        self._places.close()

    def run(self, reader: TarReader) -> Unpacked:
        if self._options.whiteouts is Whiteouts.OVERLAY:
            self._implied[()] = None
        for entry in reader:
            self._count(entry)
            try:
                self._add(entry, reader)
            except ConnectionError:
                raise  # where the archive comes from, not where it goes to
            except OSError as error:
                raise _translated(entry, error) from error
        self._finish_directories()
        implied = tuple(self._implied)
        if self._options.lower:
            inherit_attributes(self._root_fd, implied, self._options.lower)
        return Unpacked(self._entries, self._bytes, implied)

    def _count(self, entry: Entry) -> None:
        self._entries += 1
        self._bytes += len(entry.link) if entry.type == SYMLINK else entry.size
        options = self._options
        if self._bytes > options.max_bytes:
            raise InvalidArgument(
                f"archive unpacks to more than {options.max_bytes} bytes: {options.max_bytes_reason}"
            )
        if self._entries > options.max_entries:
            raise InvalidArgument(f"archive has more than {options.max_entries} members")

    def _add(self, entry: Entry, reader: TarReader) -> None:
        parts = split_path(entry.name)
        if not parts:
            if entry.type == DIRECTORY:
                self._set_root(entry)
            return
        name = parts[-1]
        parent = self._places.directory(parts[:-1])
        if name.startswith(WHITEOUT) and self._options.whiteouts is not Whiteouts.LITERAL:
            self._whiteout(parent, parts, entry)
            return
        if entry.type == REGULAR:
            self._file(parent, parts, entry, reader)
        elif entry.type == DIRECTORY:
            self._directory(parent, parts, entry)
        elif entry.type == SYMLINK:
            self._clear(parent, parts)
            os.symlink(entry.link, name, dir_fd=parent)
            self._chown(parent, name, entry)
            set_times(name, entry.mtime_ns, parent)
        elif entry.type == LINK:
            self._link(parts, entry)
        elif entry.type in (CHARACTER, BLOCK_DEVICE, FIFO):
            self._node(parent, parts, entry)
        else:
            raise CorruptArchive(f"unhandled tar header type {entry.type[0]}")
        if self._options.whiteouts is Whiteouts.REMOVE:
            self._created.update(parts[: index + 1] for index in range(len(parts)))

    def _file(self, parent: int, parts: Parts, entry: Entry, reader: TarReader) -> None:
        try:
            fd = os.open(parts[-1], _NEW_FILE, 0o600, dir_fd=parent)
        except FileExistsError:
            self._clear(parent, parts)
            fd = os.open(parts[-1], _NEW_FILE, 0o600, dir_fd=parent)
        try:
            if entry.sparse is None:
                for piece in reader.data():
                    write_all(fd, piece)
            else:
                write_sparse(fd, entry, reader)
            os.fchown(fd, *self._owner(entry))
            os.fchmod(fd, entry.mode)
            if entry.xattrs:
                self._set_xattrs(fd, entry)  # behind chown, which takes capabilities away
            set_times(fd, entry.mtime_ns)
        finally:
            os.close(fd)

    def _directory(self, parent: int, parts: Parts, entry: Entry) -> None:
        name = parts[-1]
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            status = os.lstat(name, dir_fd=parent)
            if not stat.S_ISDIR(status.st_mode):
                self._replace_by_directory(parent, parts, status)
        self._chown(parent, name, entry)
        if entry.xattrs:
            fd = os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
            try:
                self._set_xattrs(fd, entry)
            finally:
                os.close(fd)
        self._late[parts] = (entry.mode, entry.mtime_ns)
        self._implied.pop(parts, None)

    def _replace_by_directory(self, parent: int, parts: Parts, status: os.stat_result) -> None:
        name = parts[-1]
        if self._options.no_overwrite_dir_non_dir:
            raise WouldOverwrite(parts, is_directory=False)
        os.unlink(name, dir_fd=parent)
        os.mkdir(name, 0o700, dir_fd=parent)
        if self._options.whiteouts is Whiteouts.OVERLAY and is_whiteout(status):
            self._set_opaque(parent, name)  # removed, then made anew: the old one stays hidden

    def _link(self, parts: Parts, entry: Entry) -> None:
        try:
            target = split_path(entry.link)
        except OutsideRoot:
            raise OutsideRoot(entry.link, is_target=True) from None
        if not target:
            raise CorruptArchive(f"invalid hardlink {_show(entry.name)} -> {_show(entry.link)}")
        if target == parts:
            return
        self._copy_up(target)
        source = os.dup(self._places.directory(target[:-1]))
        try:
            parent = self._places.directory(parts[:-1])
            self._clear(parent, parts)
            os.link(
                target[-1], parts[-1], src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False
            )
        except FileNotFoundError:
            raise MissingLinkTarget(
                f"invalid hardlink {_show(entry.name)} -> {_show(entry.link)}: no such file"
            ) from None
        finally:
            os.close(source)

    def _node(self, parent: int, parts: Parts, entry: Entry) -> None:
        kind = {CHARACTER: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}[entry.type]
        name = parts[-1]
        self._clear(parent, parts)
        try:
            device = os.makedev(entry.major, entry.minor) if entry.type != FIFO else 0
            os.mknod(name, kind | 0o600, device, dir_fd=parent)
        except OverflowError:
            raise CorruptArchive(f"bad device number of {_show(entry.name)}") from None
        except PermissionError:
            if entry.type == FIFO:
                raise
            return  # user namespaces have no devices; Docker leaves them out there too
        self._chown(parent, name, entry)
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{fd}", entry.mode)  # mknod's mode meets the umask
        finally:
            os.close(fd)
        set_times(name, entry.mtime_ns, parent)

    # what layers remove

    def _whiteout(self, parent: int, parts: Parts, entry: Entry) -> None:
        name = parts[-1]
        if name == OPAQUE_WHITEOUT:
            if self._options.whiteouts is Whiteouts.OVERLAY:
                self._set_opaque(parent, b".")
            else:
                self._remove_older(parent, parts[:-1])
            return
        if name.startswith(_AUFS):
            return
        target = name[len(WHITEOUT) :]
        if target in (b"", b".", b".."):
            raise CorruptArchive(f"invalid whiteout {_show(b'/'.join(parts))}")
        if self._options.whiteouts is Whiteouts.REMOVE:
            if (*parts[:-1], target) not in self._created:
                remove_at(parent, target)
            return
        try:
            os.mknod(target, stat.S_IFCHR, 0, dir_fd=parent)
            set_times(target, entry.mtime_ns, parent)
        except FileExistsError:
            # this layer made it itself: whiteouts speak of the layers below only
            if stat.S_ISDIR(os.lstat(target, dir_fd=parent).st_mode):
                self._set_opaque(parent, target)

    def _remove_older(self, parent: int, parts: Parts) -> None:
        fd = os.open(b".", _OPEN_DIRECTORY, dir_fd=parent)
        try:
            for name in os.listdir(fd):
                if (*parts, os.fsencode(name)) not in self._created:
                    remove_at(fd, name)
        finally:
            os.close(fd)

    def _set_opaque(self, parent: int, name: bytes) -> None:
        fd = os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
        try:
            os.setxattr(fd, self._options.opaque_xattr, b"y")
        finally:
            os.close(fd)

    # places and attributes

    def _clear(self, parent: int, parts: Parts) -> None:
        """Take away what has the name already: the last of several members counts."""
        name = parts[-1]
        try:
            status = os.lstat(name, dir_fd=parent)
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=parent)
            return
        if self._options.no_overwrite_dir_non_dir:
            raise WouldOverwrite(parts, is_directory=True)
        remove_at(parent, name)
        length = len(parts)
        for inner in [inner for inner in self._late if inner[:length] == parts]:
            del self._late[inner]

    def _make_parent(self, parent: int, name: bytes, parts: Parts) -> None:
        """Make a directory that has no member of its own, looking as it does in the layers below."""
        with contextlib.suppress(FileNotFoundError):
            present = os.lstat(name, dir_fd=parent)
            if is_whiteout(present) and self._options.whiteouts is Whiteouts.OVERLAY:
                self._replace_by_directory(parent, parts, present)
                self._late.setdefault(parts, (0o755, None))
                return
        os.mkdir(name, 0o755, dir_fd=parent)
        owner = self._options.owner or (0, 0)
        os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)
        self._late.setdefault(parts, (0o755, None))
        self._implied[parts] = None

    def _set_root(self, entry: Entry) -> None:
        if self._options.whiteouts is Whiteouts.LITERAL:
            return  # an upload does not change the directory it goes to; a layer may
        fd = os.open(b".", _OPEN_DIRECTORY, dir_fd=self._root_fd)
        try:
            os.fchown(fd, *self._owner(entry))
            self._set_xattrs(fd, entry)
        finally:
            os.close(fd)
        self._late[()] = (entry.mode, entry.mtime_ns)
        self._implied.pop((), None)

    def _finish_directories(self) -> None:
        places = Places(self._root_fd, _refuse)
        try:
            for parts, (mode, mtime_ns) in self._late.items():
                with contextlib.suppress(FileNotFoundError, NotADirectoryError, SymlinkLoop):
                    fd = os.open(b".", _OPEN_DIRECTORY, dir_fd=places.directory(parts))
                    try:
                        os.fchmod(fd, mode)
                        if mtime_ns is not None:
                            set_times(fd, mtime_ns)
                    finally:
                        os.close(fd)
        finally:
            places.close()

    def _copy_up(self, parts: Parts) -> None:
        """Bring a file that only the layers below have into this one, so that it can be linked."""
        if not self._options.lower:
            return
        parent = self._places.directory(parts[:-1])
        with contextlib.suppress(FileNotFoundError):
            os.lstat(parts[-1], dir_fd=parent)
            return
        with self._lower.open(parts) as lower:
            status = os.fstat(lower) if lower is not None else None
            if lower is None or status is None or not stat.S_ISREG(status.st_mode):
                return
            fd = os.open(parts[-1], _NEW_FILE, 0o600, dir_fd=parent)
            try:
                copy_data(f"/proc/self/fd/{lower}", fd)
                copy_attributes(lower, status, fd)
            finally:
                os.close(fd)

    def _owner(self, entry: Entry) -> tuple[int, int]:
        if self._options.owner is not None:
            return self._options.owner
        if entry.uid > _MAX_ID or entry.gid > _MAX_ID:
            raise CorruptArchive(f"bad owner {entry.uid}:{entry.gid} of {_show(entry.name)}")
        return entry.uid, entry.gid

    def _chown(self, parent: int, name: bytes, entry: Entry) -> None:
        os.chown(name, *self._owner(entry), dir_fd=parent, follow_symlinks=False)

    def _set_xattrs(self, fd: int, entry: Entry) -> None:
        for key, value in (entry.xattrs or {}).items():
            if key.startswith((b"trusted.overlay.", b"user.overlay.")):
                continue  # these would steer the kernel's overlayfs, which is not a layer's business
            try:
                os.setxattr(fd, key, value)
            except OSError as error:
                # as Docker: what this file system or our rights do not allow is left out
                if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.EINVAL, errno.ERANGE):
                    raise


def _show(name: bytes) -> str:
    return f'"{os.fsdecode(name[:200])}"'


def _translated(entry: Entry, error: OSError) -> BoxshipError:
    text = f"cannot unpack {_show(entry.name)}: {os.strerror(error.errno or 0).lower()}"
    return CorruptArchive(text) if error.errno in _BAD_NAMES else Internal(text)
