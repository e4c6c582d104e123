"""Snapshots as overlayfs directories: `<number>/fs`, and for active ones `<number>/work`."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from boxship.errors import InvalidArgument
from boxship.model.mount import MADE_TO_MOUNT_UPON, Mount
from boxship.services.files import Change
from boxship.store.archive.changes import overlay_changes
from boxship.store.archive.packer import PackOptions, pack_tree
from boxship.store.archive.unpacker import UnpackOptions, Whiteouts
from boxship.store.archive.writer import TarWriter
from boxship.store.metadata import Metadata
from boxship.store.removal import remove_tree
from boxship.store.snapshots.directories import DirectorySnapshotter, LayerUnpacking
from boxship.store.snapshots.snapshotter import (
    Kind,
    Snapshot,
    SnapshotExists,
    Sync,
    Usage,
)
from boxship.store.snapshots.space import FULL, free_bytes, measure

_CONTAINERS: Final = "container/"
_SKIPPED: Final = frozenset(os.fsencode(path[1:]) for path in MADE_TO_MOUNT_UPON)
_MTAB: Final = "/proc/mounts"
_MAX_LAYERS: Final = 500  # of one overlay mount, in the kernel
# What copied-up files would refer to lower layers by must not come about: a layer stands for itself.
_OPTIONS: Final = ("index=off", "redirect_dir=off", "metacopy=off")


class OverlaySnapshotter(DirectorySnapshotter):
    """See the Snapshotter protocol.

    `user_xattrs` is for user namespaces, where overlayfs keeps its marks in `user.overlay.*`.
    """

    name = "overlay2"
    is_layered = True

    def __init__(
        self, root: Path, metadata: Metadata, *, sync: Sync, user_xattrs: bool = False
    ) -> None:
        super().__init__(root, metadata, sync=sync)
        self._user_xattrs = user_xattrs

    def prepare(self, key: str, parent: str | None) -> Sequence[Mount]:
        """Open a writable snapshot."""
        return self._open(key, parent, Kind.ACTIVE)

    def view(self, key: str, parent: str) -> Sequence[Mount]:
        """Open a read-only snapshot."""
        return self._open(key, parent, Kind.VIEW)

    def _open(self, key: str, parent: str | None, kind: Kind) -> Sequence[Mount]:
        below = self._directories.parent(parent)
        if self._directories.find(key) is not None:
            raise SnapshotExists(key)
        with self._directories.metadata.transaction():
            number = self._directories.reserve()
            directory = self._directories.path(number)
            try:
                self._make(directory, self._fs(below) if below else None, kind)
                self._directories.insert(number, key, kind, below)
            except BaseException:
                remove_tree(directory)
                raise
        return self._mounts(number, kind, self._directories.chain(below))

    def _make(self, directory: Path, below: Path | None, kind: Kind) -> None:
        directory.mkdir(mode=0o700)
        if kind is Kind.VIEW:
            return
        files = directory / "fs"
        files.mkdir(mode=0o755)
        if below is not None:  # the upper directory's attributes are those of `/`
            status = below.stat()
            os.chown(files, status.st_uid, status.st_gid)
            shutil.copymode(below, files)
        (directory / "work").mkdir(mode=0o700)

    def mounts(self, key: str) -> Sequence[Mount]:
        """How to mount an active snapshot or a view."""
        row = self._directories.get(key)
        if row.kind is Kind.COMMITTED:
            raise InvalidArgument(f"snapshot {key} is committed")
        return self._mounts(row.number, row.kind, self._directories.chain(row.parent))

    def _mounts(self, number: int, kind: Kind, chain: list[int]) -> Sequence[Mount]:
        if len(chain) > _MAX_LAYERS:
            raise InvalidArgument(f"{len(chain)} layers are more than overlayfs can stack")
        directory = self._directories.path(number)
        if not chain:
            access = "rw" if kind is Kind.ACTIVE else "ro"
            return (Mount("bind", str(directory / "fs"), (access, "rbind")),)
        lower = [str(self._fs(layer)) for layer in chain]
        if kind is Kind.VIEW and len(lower) == 1:
            return (Mount("bind", lower[0], ("ro", "rbind")),)
        options = [f"lowerdir={':'.join(lower)}"]
        if kind is Kind.ACTIVE:
            options += [f"upperdir={directory / 'fs'}", f"workdir={directory / 'work'}"]
        else:
            options.append("ro")
        options += ["userxattr"] if self._user_xattrs else _OPTIONS
        return (Mount("overlay", "overlay", tuple(options)),)

    def commit(self, name: str, key: str) -> Snapshot:
        """Freeze an active snapshot."""
        row = self._directories.get(key)
        directory = self._directories.path(row.number)
        size, inodes = measure(directory / "fs")
        self._sync(directory)
        self._directories.rename(key, name, size, inodes)
        with contextlib.suppress(
            OSError
        ):  # what overlayfs still holds there goes with the snapshot
            remove_tree(directory / "work")
        return self.stat(name)

    @contextlib.contextmanager
    def unpacking(self, parent: str | None) -> Iterator[LayerUnpacking]:
        """Begin a snapshot straight from a layer."""
        below = self._directories.chain(self._directories.parent(parent))
        number = self._directories.reserve()
        directory = self._directories.path(number)
        directory.mkdir(mode=0o700)
        work = LayerUnpacking(self._directories, number)
        try:
            files = directory / "fs"
            files.mkdir(mode=0o755)
            work.options = UnpackOptions(
                whiteouts=Whiteouts.OVERLAY,
                lower=tuple(self._fs(layer) for layer in below),
                opaque_xattr=f"{'user' if self._user_xattrs else 'trusted'}.overlay.opaque",
                max_bytes=free_bytes(files),
                max_bytes_reason=FULL,
            )
            yield work
        finally:
            if not work.committed:
                remove_tree(directory)

    def usage(self, key: str) -> Usage:
        """What its own layer takes now."""
        row = self._directories.get(key)
        if row.kind is Kind.COMMITTED:
            return Usage(row.size, row.inodes)
        if row.kind is Kind.VIEW:
            return Usage(0, 0)
        return Usage(*measure(self._fs(row.number)))

    def size(self, key: str) -> int:
        """Bytes that its own files take now, without what was put there before it started."""
        size = super().size(key)
        return size - _mtab_size(self.diff_path(key)) if key.startswith(_CONTAINERS) else size

    def describe(self, key: str) -> dict[str, str]:
        """The directories, as Docker's GraphDriver data names them."""
        row = self._directories.get(key)
        directory = self._directories.path(row.number)
        data = {
            "MergedDir": str(directory / "merged"),
            "UpperDir": str(directory / "fs"),
            "WorkDir": str(directory / "work"),
        }
        lower = [str(self._fs(number)) for number in self._directories.chain(row.parent)]
        return {"LowerDir": ":".join(lower), **data} if lower else data

    def changes(self, key: str) -> Sequence[Change]:
        """What it adds, changes and deletes, sorted by path."""
        return overlay_changes(self.diff_path(key), self.lower_paths(key))

    def write_diff(self, key: str, writer: TarWriter) -> None:
        """Write its own files as a layer."""
        fd = os.open(self.diff_path(key), os.O_RDONLY | os.O_DIRECTORY)
        try:
            skip = _is_made_to_mount_upon if key.startswith(_CONTAINERS) else None
            pack_tree(writer, fd, PackOptions(whiteouts=True, skip=skip))
        finally:
            os.close(fd)

    def lower_paths(self, key: str) -> Sequence[Path]:
        """The directories of the layers below, top first."""
        row = self._directories.get(key)
        return tuple(self._fs(number) for number in self._directories.chain(row.parent))


def _is_made_to_mount_upon(path: bytes) -> bool:
    return path in _SKIPPED


def _mtab_size(upper: Path) -> int:
    try:
        etc = os.open(upper / "etc", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return 0
    try:
        return len(_MTAB) if os.readlink("mtab", dir_fd=etc) == _MTAB else 0
    except OSError:
        return 0
    finally:
        os.close(etc)
