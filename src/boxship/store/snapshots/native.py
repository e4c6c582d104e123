"""Snapshots as plain copies: for file systems that overlayfs cannot stand on. Slow, and always right."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from boxship.errors import InvalidArgument
from boxship.model.mount import Mount
from boxship.services.files import Change
from boxship.store.archive.changes import size_of_changes, tree_changes
from boxship.store.archive.packer import pack_changes, pack_tree
from boxship.store.archive.pipeline import Put, produced
from boxship.store.archive.unpacker import UnpackOptions, Whiteouts, unpack
from boxship.store.archive.writer import TarWriter
from boxship.store.removal import remove_tree
from boxship.store.snapshots.directories import DirectorySnapshotter, LayerUnpacking
from boxship.store.snapshots.snapshotter import Kind, Snapshot, SnapshotExists, Usage
from boxship.store.snapshots.space import FULL, free_bytes


class NativeSnapshotter(DirectorySnapshotter):
    """See the Snapshotter protocol. `<number>/fs` is the whole file system at that point."""

    name = "vfs"
    is_layered = False

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
        number = self._directories.reserve()
        directory = self._directories.path(number)
        directory.mkdir(mode=0o700)
        try:
            if kind is Kind.ACTIVE:
                self._copy(below, directory / "fs")
            self._directories.insert(number, key, kind, below)
        except BaseException:
            remove_tree(directory)
            raise
        return self.mounts(key)

    def _copy(self, below: int | None, target: Path) -> None:
        target.mkdir(mode=0o755)
        if below is not None:
            copy_tree(self._fs(below), target)

    def mounts(self, key: str) -> Sequence[Mount]:
        """How to mount an active snapshot or a view."""
        row = self._directories.get(key)
        if row.kind is Kind.COMMITTED:
            raise InvalidArgument(f"snapshot {key} is committed")
        if row.kind is Kind.VIEW and row.parent is not None:
            return (Mount("bind", str(self._fs(row.parent)), ("ro", "rbind")),)
        return (Mount("bind", str(self._fs(row.number)), ("rw", "rbind")),)

    def commit(self, name: str, key: str) -> Snapshot:
        """Freeze an active snapshot."""
        usage = self.usage(key)
        self._sync(self.diff_path(key))
        self._directories.rename(key, name, usage.size, usage.inodes)
        return self.stat(name)

    @contextlib.contextmanager
    def unpacking(self, parent: str | None) -> Iterator[LayerUnpacking]:
        """Begin a snapshot straight from a layer, on a copy of its parent."""
        below = self._directories.parent(parent)
        number = self._directories.reserve()
        directory = self._directories.path(number)
        directory.mkdir(mode=0o700)
        work = LayerUnpacking(self._directories, number)
        try:
            self._copy(below, work.directory)
            work.options = UnpackOptions(
                whiteouts=Whiteouts.REMOVE,
                max_bytes=free_bytes(directory),
                max_bytes_reason=FULL,
            )
            yield work
        finally:
            if not work.committed:
                remove_tree(directory)

    def usage(self, key: str) -> Usage:
        """What it adds to its parent."""
        row = self._directories.get(key)
        if row.kind is Kind.COMMITTED:
            return Usage(row.size, row.inodes)
        if row.kind is Kind.VIEW:
            return Usage(0, 0)
        changes = self.changes(key)
        return Usage(size_of_changes(self._fs(row.number), changes), len(changes))

    def describe(self, key: str) -> dict[str, str]:
        """Nothing that clients would know."""
        self._directories.get(key)
        return {}

    def changes(self, key: str) -> Sequence[Change]:
        """What it adds, changes and deletes, sorted by path."""
        row = self._directories.get(key)
        below = self._fs(row.parent) if row.parent is not None else None
        return tree_changes(self._fs(row.number), below)

    def write_diff(self, key: str, writer: TarWriter) -> None:
        """Write what it adds, changes and deletes as a layer."""
        fd = os.open(self.diff_path(key), os.O_RDONLY | os.O_DIRECTORY)
        try:
            pack_changes(writer, fd, self.changes(key))
        finally:
            os.close(fd)

    def lower_paths(self, key: str) -> Sequence[Path]:
        """Nothing stands below a copy."""
        self._directories.get(key)
        return ()


def copy_tree(source: Path, target: Path) -> None:
    """Copy everything below a directory, with owners, times, links and extended attributes."""
    source_fd = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
    target_fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    try:

        def pack(put: Put) -> None:
            writer = TarWriter(put)
            pack_tree(writer, source_fd)
            writer.close()

        with contextlib.closing(produced(pack)) as chunks:
            unpack(chunks, target_fd, UnpackOptions())
        status = os.fstat(source_fd)
        os.fchown(target_fd, status.st_uid, status.st_gid)
        os.fchmod(target_fd, status.st_mode & 0o7777)
        os.utime(target_fd, ns=(status.st_mtime_ns, status.st_mtime_ns))
    finally:
        os.close(target_fd)
        os.close(source_fd)
