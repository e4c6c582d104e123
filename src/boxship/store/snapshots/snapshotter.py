"""What every snapshotter can do."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from boxship.errors import AlreadyExists, Conflict, NotFound
from boxship.model.mount import Mount
from boxship.services.files import Change
from boxship.store.archive.unpacker import Unpacked, UnpackOptions
from boxship.store.archive.writer import TarWriter


class Kind(StrEnum):
    """Where a snapshot is in its life."""

    ACTIVE = "active"
    VIEW = "view"
    COMMITTED = "committed"


class Snapshot(msgspec.Struct, frozen=True):
    """One snapshot; `key` is its name once it is committed. Bytes and inodes are its own layer's."""

    key: str
    kind: Kind
    parent: str | None
    created: int  # nanoseconds since the epoch
    size: int
    inodes: int


class Usage(msgspec.Struct, frozen=True):
    """What a snapshot's own layer takes."""

    size: int
    inodes: int


class Unpacking(Protocol):
    """A layer on its way to being a snapshot: write below `directory` as `options` tell."""

    @property
    def directory(self) -> Path:
        """Where the layer's files go."""
        ...

    @property
    def options(self) -> UnpackOptions:
        """How this snapshotter wants it unpacked."""
        ...

    def commit(self, name: str, parent: str | None, unpacked: Unpacked) -> None:
        """Make it a committed snapshot; when another thread was quicker, that one's stays.

        The files must have been flushed (`Snapshotter.sync`).
        """
        ...


class NoSuchSnapshot(NotFound):
    """No snapshot has this key or name."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no such snapshot: {key}")
        self.key = key


class SnapshotExists(AlreadyExists):
    """The key or name is taken."""

    def __init__(self, key: str) -> None:
        super().__init__(f"snapshot {key} exists")


class SnapshotInUse(Conflict):
    """Other snapshots stand on it."""


Sync = Callable[[Path], None]
"""Flush the file system that holds a path, as syncfs(2) does."""


class Snapshotter(Protocol):
    """Turns layers into mountable root file systems; blocking, and safe in several threads.

    Life of a snapshot: prepare() opens an active one on a committed parent; the caller writes through
    the mounts; commit() freezes it under its ChainID and drops the key. unpack() makes a committed one
    straight from a layer. Only committed snapshots may be parents. remove() refuses a snapshot with
    children. Nothing here mounts: whoever holds the Mounts performs them.
    """

    @property
    def name(self) -> str:
        """The storage driver's name, as `docker info` shows it."""
        ...

    def prepare(self, key: str, parent: str | None) -> Sequence[Mount]:
        """Open a writable snapshot."""
        ...

    def view(self, key: str, parent: str) -> Sequence[Mount]:
        """Open a read-only snapshot."""
        ...

    def mounts(self, key: str) -> Sequence[Mount]:
        """How to mount an active snapshot or a view."""
        ...

    def commit(self, name: str, key: str) -> Snapshot:
        """Freeze an active snapshot; raise SnapshotExists when *name* is there already."""
        ...

    @property
    def is_layered(self) -> bool:
        """True when layers can be unpacked before, and beside, those below them."""
        ...

    def unpacking(self, parent: str | None) -> AbstractContextManager[Unpacking]:
        """Begin a snapshot straight from a layer; what the block did not commit leaves nothing.

        With `is_layered`, *parent* may be None even if the layer has one, as long as `commit` names it.
        """
        ...

    def sync(self) -> None:
        """Flush what was unpacked to the disk."""
        ...

    def remove(self, key: str) -> None:
        """Remove a snapshot of any kind; raise SnapshotInUse while others stand on it."""
        ...

    def detach(self, key: str) -> Path:
        """The quick half of `remove`: forget it, and return the directory the caller then removes."""
        ...

    def find(self, key: str) -> Snapshot | None:
        """One snapshot, if it is there."""
        ...

    def stat(self, key: str) -> Snapshot:
        """One snapshot; raise NoSuchSnapshot."""
        ...

    def list(self) -> Sequence[Snapshot]:
        """All of them."""
        ...

    def usage(self, key: str) -> Usage:
        """What its own layer takes now."""
        ...

    def diff_path(self, key: str) -> Path:
        """The directory with the snapshot's own files: overlay's upper or lower directory."""
        ...

    def lower_paths(self, key: str) -> Sequence[Path]:
        """The directories of the layers below, top first; empty where there are none."""
        ...

    def describe(self, key: str) -> dict[str, str]:
        """Where it is, as the GraphDriver data of `inspect` names it."""
        ...

    def size(self, key: str) -> int:
        """Bytes that its own files take now."""
        ...

    def changes(self, key: str) -> Sequence[Change]:
        """What it adds, changes and deletes, sorted by path."""
        ...

    def write_diff(self, key: str, writer: TarWriter) -> None:
        """Write its own files as a layer, removals as `.wh.` members."""
        ...

    def keys(self) -> Sequence[str]:
        """The keys of all active snapshots."""
        ...

    def recover(self) -> None:
        """After a crash: remove directories without rows and rows without directories."""
        ...
