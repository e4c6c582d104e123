"""The metadata database: one SQLite file, one connection, typed documents.

SQLite before 3.51.3 can corrupt a WAL that several connections of one process reset, so there is exactly
one. Calls take microseconds (a durable commit some 0.4 ms) and are made straight from the event loop; worker
threads may call too. A `transaction()` belongs to a thread: never await inside it.
"""

import builtins
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from boxship.errors import (
    AlreadyExists,
    BoxshipError,
    Conflict,
    Internal,
    NotFound,
    Unavailable,
    Unsupported,
)
from boxship.model.build_record import BuildRecord
from boxship.model.container import Container, ContainerNameTaken, Exec, NoSuchContainer, NoSuchExec
from boxship.model.descriptor import Descriptor
from boxship.model.image import Image, NoSuchImage
from boxship.model.network import Endpoint, Network, NetworkNameTaken, NoSuchNetwork, Sandbox
from boxship.model.volume import NoSuchVolume, Volume
from boxship.store.reserve import Reserve

T = TypeVar("T", bound=msgspec.Struct)

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
Value = str | int | bytes | None


class ImageReference(msgspec.Struct, frozen=True, kw_only=True):
    """A name of an image, in full: `docker.io/library/busybox:latest` or `…@sha256:…`.

    `target` is what the name means at its registry or in the archive: a manifest or an index.
    """

    name: str
    image_id: str
    target: Descriptor


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Where documents of one type are kept.

    `columns` are copied out of the document's attributes of the same name or of the given one; the
    first is the key. `taken` makes the error for a unique column other than the key.
    """

    name: str
    key: str
    columns: Mapping[str, str] = {}
    missing: Callable[[str], NotFound] = NotFound
    taken: Callable[[Any, str], BoxshipError] | None = None


class Repository(Generic[T]):
    """Documents of one type by key."""

    def __init__(self, metadata: "Metadata", document: type[T], table: Table) -> None:
        self._db = metadata
        self._table = table
        self._decode = msgspec.json.Decoder(document).decode
        self._encode = msgspec.json.Encoder().encode
        columns = [table.key, *table.columns]
        values = ", ".join("?" * (len(columns) + 1))
        updates = ", ".join(
            f"{column} = excluded.{column}" for column in [*table.columns, "document"]
        )
        insert = f"INSERT INTO {table.name} ({', '.join(columns)}, document) VALUES ({values})"  # noqa: S608
        self._insert = insert
        self._upsert = f"{insert} ON CONFLICT ({table.key}) DO UPDATE SET {updates}"
        self._select = f"SELECT document FROM {table.name}"  # noqa: S608
        self._attributes = [table.key, *table.columns.values()]

    def __repr__(self) -> str:
        return f"Repository({self._table.name}: {self.count()})"

    def get(self, key: str) -> T:
        """The document with this key; raises the noun's NotFound."""
        found = self.find(key)
        if found is None:
            raise self._table.missing(key)
        return found

    def find(self, key: str) -> T | None:
        """The document with this key, if there is one."""
        rows = self.find_by(self._table.key, key)
        return rows[0] if rows else None

    def find_by_name(self, name: str) -> T | None:
        """The document with this unique name, if there is one."""
        rows = self.find_by("name", name)
        return rows[0] if rows else None

    def find_by(self, column: str, value: Value) -> list[T]:
        """All documents with this value in an indexed column, oldest first."""
        return self._documents(f"{self._select} WHERE {column} IS ?", (value,))

    def find_by_prefix(self, prefix: str, limit: int = 2) -> list[T]:
        """Documents whose key starts so: two of them mean that the prefix is ambiguous."""
        key = self._table.key
        sql = f"{self._select} WHERE {key} >= ? AND {key} < ? ORDER BY {key} LIMIT ?"
        return self._documents(sql, (prefix, prefix + "\U0010ffff", limit))

    def list(self) -> list[T]:
        """All documents."""
        return self._documents(self._select, ())

    def count(self) -> int:
        """How many there are."""
        (number,) = self._db.execute(f"SELECT count(*) FROM {self._table.name}")[0]  # noqa: S608
        return int(number)

    def add(self, document: T) -> None:
        """Store a new document; raise AlreadyExists when the key or a unique column is taken."""
        self._write(self._insert, document)

    def put(self, document: T) -> None:
        """Store a document, replacing the one of the same key; raise AlreadyExists as `add` does."""
        self._write(self._upsert, document)

    def delete(self, key: str) -> bool:
        """Drop a document; tell whether it was there. Raise Conflict while other rows refer to it."""
        sql = f"DELETE FROM {self._table.name} WHERE {self._table.key} = ?"  # noqa: S608
        try:
            return self._db.change(sql, (key,)) > 0
        except sqlite3.IntegrityError as error:
            raise Conflict(f"{self._table.name} {key} is in use") from error

    def _write(self, sql: str, document: T) -> None:
        values = [getattr(document, name) for name in self._attributes]
        try:
            self._db.change(sql, (*values, self._encode(document)))
        except sqlite3.IntegrityError as error:
            raise self._conflict(document, str(error)) from error

    def _conflict(self, document: T, text: str) -> BoxshipError:
        if not text.startswith("UNIQUE"):
            return Conflict(f"cannot store in {self._table.name}: {text}")
        if self._table.taken is not None and ".name" in text:
            name: str = getattr(document, "name")  # noqa: B009
            owner = self.find_by_name(name)
            return self._table.taken(name, str(getattr(owner, self._table.key, "")))
        return AlreadyExists(f"{self._table.name} {getattr(document, self._table.key)} exists")

    def _documents(self, sql: str, parameters: Sequence[Value]) -> "builtins.list[T]":
        decode = self._decode
        return [decode(row[0]) for row in self._db.execute(sql, parameters)]


class Settings:
    """Small values by key."""

    def __init__(self, metadata: "Metadata") -> None:
        self._db = metadata

    def find(self, key: str) -> bytes | None:
        """The value, if it was ever set."""
        rows = self._db.execute("SELECT value FROM settings WHERE key = ?", (key,))
        return bytes(rows[0][0]) if rows else None

    def put(self, key: str, value: bytes) -> None:
        """Set a value."""
        sql = "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self._db.change(sql, (key, value))

    def delete(self, key: str) -> None:
        """Forget a value."""
        self._db.change("DELETE FROM settings WHERE key = ?", (key,))


class Metadata:
    """The open database. Changes outside a `transaction()` are durable when the call returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = _connect(path)
        self._reserve = Reserve(path.with_name(f"{path.name}-reserve"))
        self.images = Repository(
            self,
            Image,
            Table(name="images", key="id", columns={"parent": "parent"}, missing=NoSuchImage),
        )
        self.references = Repository(
            self,
            ImageReference,
            Table(
                name="image_references",
                key="name",
                columns={"image_id": "image_id"},
                missing=NoSuchImage,
            ),
        )
        self.containers = Repository(
            self,
            Container,
            Table(
                name="containers",
                key="id",
                columns={"name": "name", "image_id": "image"},
                missing=NoSuchContainer,
                taken=ContainerNameTaken,
            ),
        )
        self.execs = Repository(
            self,
            Exec,
            Table(
                name="execs", key="id", columns={"container_id": "container_id"}, missing=NoSuchExec
            ),
        )
        self.networks = Repository(
            self,
            Network,
            Table(
                name="networks",
                key="id",
                columns={"name": "name"},
                missing=NoSuchNetwork,
                taken=lambda name, _: NetworkNameTaken(name),
            ),
        )
        self.endpoints = Repository(
            self,
            Endpoint,
            Table(
                name="endpoints",
                key="id",
                columns={"network_id": "network_id", "container_id": "container_id"},
            ),
        )
        self.sandboxes = Repository(self, Sandbox, Table(name="sandboxes", key="container_id"))
        self.volumes = Repository(
            self, Volume, Table(name="volumes", key="name", missing=NoSuchVolume)
        )
        self.builds = Repository(
            self,
            BuildRecord,
            Table(name="build_records", key="key", columns={"last_used": "last_used_at"}),
        )
        self.settings = Settings(self)

    def __repr__(self) -> str:
        return f"Metadata({self.path})"

    def statistics(self) -> dict[str, int]:
        """Rows by noun."""
        repositories = (self.images, self.references, self.containers, self.networks, self.volumes)
        return {repository._table.name: repository.count() for repository in repositories}  # noqa: SLF001

    def close(self) -> None:
        """Close the file, folding its WAL in."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes in the block, or none; a block inside a block belongs to the outer one."""
        with self._lock:
            if self._depth == 0:
                # a full disk would undo the whole of it, too late to try again
                self._reserve.make_room()
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._commit()

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Read rows, for the modules of this package."""
        with self._lock, _translated():
            return self._connection.execute(sql, parameters).fetchall()

    def change(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Change rows and return how many, for the modules of this package; IntegrityError passes."""
        with self._lock, _translated():
            return self._changed(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Insert one row and return its number, for the modules of this package."""
        with self._lock, _translated():
            return int(self._changed(sql, parameters).lastrowid or 0)

    def _changed(self, sql: str, parameters: Sequence[Value] = ()) -> sqlite3.Cursor:
        """Execute; on a full disk once more, in the room that was kept for that."""
        try:
            cursor = self._connection.execute(sql, parameters)
        except sqlite3.OperationalError as error:
            in_vain = self._depth > 0 and not self._connection.in_transaction  # all undone already
            full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            if in_vain or not full or not self._reserve.release():
                raise
            cursor = self._connection.execute(sql, parameters)
        self._reserve.keep()
        return cursor

    def _commit(self) -> None:
        try:
            self._changed("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise Internal(f"cannot write the metadata: {error}") from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        raise Internal(f"cannot use the metadata: {error}") from error


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            path, timeout=1, isolation_level=None, check_same_thread=False, cached_statements=256
        )
    except sqlite3.Error as error:
        raise Internal(f"cannot open {path}: {error}") from error
    try:
        # EXCLUSIVE: no second process may open it, and no shared-memory file is needed
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
    except sqlite3.Error as error:
        connection.close()
        if "locked" in str(error):
            raise Unavailable(f"cannot open {path}: another engine uses it") from error
        raise Internal(f"cannot open {path}: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the schema to our version, one transaction per step."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    steps = sorted(_MIGRATIONS.glob("*.sql"))
    if version > len(steps):
        raise Unsupported(f"{path} was written by a newer release (schema {version})")
    for number, step in enumerate(steps[version:], version + 1):
        sql = step.read_text()
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;"
        )
