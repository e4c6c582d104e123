"""Numbered snapshot directories and their rows: what the snapshotters have in common.

`<root>/<number>/` holds one snapshot: numbers keep the paths short, since overlayfs's options must fit
into a page. A directory is complete before its row exists; a row goes before its directory. So a crash
leaves directories without rows, never rows without directories, and `recover` sweeps.
"""

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boxship.store.archive.unpacker import Unpacked, UnpackOptions
from boxship.store.metadata import Metadata
from boxship.store.removal import remove_tree
from boxship.store.snapshots.snapshotter import (
    Kind,
    NoSuchSnapshot,
    Snapshot,
    SnapshotExists,
    SnapshotInUse,
    Sync,
    Usage,
)

_COLUMNS = "number, key, kind, parent, created, bytes, inodes"


class Row:
    """A snapshot's row."""

    __slots__ = ("created", "inodes", "key", "kind", "number", "parent", "size")

    def __init__(self, values: tuple[Any, ...]) -> None:
        self.number: int = values[0]
        self.key: str = values[1]
        self.kind = Kind(values[2])
        self.parent: int | None = values[3]
        self.created: int = values[4]
        self.size: int = values[5]
        self.inodes: int = values[6]


class SnapshotDirectories:
    """Rows and directories, kept in step."""

    def __init__(self, root: Path, metadata: Metadata) -> None:
        self.root = root
        self.metadata = metadata
        root.mkdir(parents=True, exist_ok=True)

    def path(self, number: int) -> Path:
        """The directory of one snapshot."""
        return self.root / str(number)

    def find(self, key: str) -> Row | None:
        """The row with this key."""
        sql = f"SELECT {_COLUMNS} FROM snapshots WHERE key = ?"  # noqa: S608
        rows = self.metadata.execute(sql, (key,))
        return Row(rows[0]) if rows else None

    def get(self, key: str) -> Row:
        """The row with this key; raise NoSuchSnapshot."""
        row = self.find(key)
        if row is None:
            raise NoSuchSnapshot(key)
        return row

    def parent(self, key: str | None) -> int | None:
        """The number of a committed snapshot to stand on; raise when it is anything else."""
        if key is None:
            return None
        row = self.get(key)
        if row.kind is not Kind.COMMITTED:
            raise SnapshotInUse(f"snapshot {key} is not committed")
        return row.number

    def chain(self, number: int | None) -> list[int]:
        """A snapshot and all below it, top first."""
        sql = """WITH RECURSIVE below (number, parent, depth) AS (
            SELECT number, parent, 0 FROM snapshots WHERE number = ?
            UNION ALL SELECT s.number, s.parent, depth + 1
            FROM snapshots s JOIN below ON s.number = below.parent
        ) SELECT number FROM below ORDER BY depth"""
        return [row[0] for row in self.metadata.execute(sql, (number,))] if number else []

    def insert(
        self, number: int, key: str, kind: Kind, parent: int | None, size: int = 0, inodes: int = 0
    ) -> None:
        """Record a snapshot whose directory is complete."""
        sql = f"INSERT INTO snapshots ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        try:
            self.metadata.insert(
                sql, (number, key, kind.value, parent, time.time_ns(), size, inodes)
            )
        except sqlite3.IntegrityError as error:
            if "FOREIGN KEY" in str(error):
                raise NoSuchSnapshot(f"the parent of {key}") from error
            raise SnapshotExists(key) from error

    def reserve(self) -> int:
        """A number that no snapshot has or had."""
        sql = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'snapshots' RETURNING seq"
        with self.metadata.transaction():
            rows = self.metadata.execute(sql)
            if rows:
                return int(rows[0][0])
            self.metadata.change("INSERT INTO sqlite_sequence (name, seq) VALUES ('snapshots', 1)")
            return 1

    def rename(self, key: str, name: str, size: int, inodes: int) -> None:
        """Turn an active row into a committed one."""
        sql = """UPDATE snapshots SET key = ?, kind = 'committed', bytes = ?, inodes = ?
            WHERE key = ? AND kind = 'active'"""
        try:
            changed = self.metadata.change(sql, (name, size, inodes, key))
        except sqlite3.IntegrityError as error:
            raise SnapshotExists(name) from error
        if not changed:
            raise NoSuchSnapshot(key)

    def delete(self, key: str) -> Path:
        """Drop the row and return its directory, which the caller removes then."""
        row = self.get(key)
        try:
            self.metadata.change("DELETE FROM snapshots WHERE key = ?", (key,))
        except sqlite3.IntegrityError as error:
            raise SnapshotInUse(f"snapshot {key} has children") from error
        return self.path(row.number)

    def list(self) -> tuple[Snapshot, ...]:
        """All rows."""
        sql = """SELECT s.key, s.kind, p.key, s.created, s.bytes, s.inodes
            FROM snapshots s LEFT JOIN snapshots p ON p.number = s.parent ORDER BY s.number"""
        return tuple(
            Snapshot(key, Kind(kind), parent, created, size, inodes)
            for key, kind, parent, created, size, inodes in self.metadata.execute(sql)
        )

    def snapshot(self, key: str) -> Snapshot | None:
        """One row as others see it."""
        sql = """SELECT s.key, s.kind, p.key, s.created, s.bytes, s.inodes
            FROM snapshots s LEFT JOIN snapshots p ON p.number = s.parent WHERE s.key = ?"""
        for key_, kind, parent, created, size, inodes in self.metadata.execute(sql, (key,)):
            return Snapshot(key_, Kind(kind), parent, created, size, inodes)
        return None

    def recover(self) -> None:
        """Remove directories without rows, and rows (with those above them) without directories."""
        present = {path.name for path in self.root.iterdir()}
        known: set[str] = set()
        broken: set[int] = set()
        sql = "SELECT number, parent FROM snapshots ORDER BY number"
        for number, parent in self.metadata.execute(sql):
            if str(number) in present and parent not in broken:
                known.add(str(number))
            else:
                broken.add(number)
        with self.metadata.transaction():
            for number in sorted(broken, reverse=True):
                self.metadata.change("DELETE FROM snapshots WHERE number = ?", (number,))
        for name in present - known:
            remove_tree(self.root / name)


class DirectorySnapshotter:
    """What the snapshotters share; each adds how a snapshot is made, mounted and compared."""

    def __init__(self, root: Path, metadata: Metadata, *, sync: Sync) -> None:
        self._directories = SnapshotDirectories(root, metadata)
        self._sync = sync

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._directories.root})"

    def sync(self) -> None:
        """Flush what was unpacked to the disk."""
        self._sync(self._directories.root)

    def remove(self, key: str) -> None:
        """Remove a snapshot of any kind."""
        remove_tree(self.detach(key))

    def detach(self, key: str) -> Path:
        """Forget a snapshot; its directory is the caller's to remove."""
        return self._directories.delete(key)

    def find(self, key: str) -> Snapshot | None:
        """One snapshot, if it is there."""
        return self._directories.snapshot(key)

    def stat(self, key: str) -> Snapshot:
        """One snapshot."""
        snapshot = self.find(key)
        if snapshot is None:
            raise NoSuchSnapshot(key)
        return snapshot

    def list(self) -> Sequence[Snapshot]:
        """All of them."""
        return self._directories.list()

    def keys(self) -> Sequence[str]:
        """The keys of all active snapshots."""
        return [one.key for one in self.list() if one.kind is Kind.ACTIVE]

    def usage(self, key: str) -> Usage:
        """What its own layer takes now."""
        raise NotImplementedError

    def size(self, key: str) -> int:
        """Bytes that its own files take now."""
        return self.usage(key).size

    def diff_path(self, key: str) -> Path:
        """The directory with the snapshot's own files."""
        return self._fs(self._directories.get(key).number)

    def recover(self) -> None:
        """After a crash: rows and directories in step again."""
        self._directories.recover()

    def _fs(self, number: int) -> Path:
        return self._directories.path(number) / "fs"


class LayerUnpacking:
    """A layer on its way to being a snapshot; see the Unpacking protocol."""

    def __init__(self, directories: SnapshotDirectories, number: int) -> None:
        self._directories = directories
        self._number = number
        self.options = UnpackOptions()
        self.committed = False

    @property
    def directory(self) -> Path:
        return self._directories.path(self._number) / "fs"

    def commit(self, name: str, parent: str | None, unpacked: Unpacked) -> None:
        below = self._directories.parent(parent)
        with contextlib.suppress(SnapshotExists):
            self._directories.insert(
                self._number, name, Kind.COMMITTED, below, unpacked.size, unpacked.entries
            )
            self.committed = True
