"""What the runtime remembers of each container it made, in files that live as long as the machine is up."""

import contextlib
from pathlib import Path

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Where a container's bundle is and what it was made with."""

    id: str
    directory: str
    runtime: str
    cgroup: str


class Records:
    """Records as JSON files in one directory below the exec root."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, Record] = {}

    def __repr__(self) -> str:
        return f"Records({self._directory}, {len(self._known)} in memory)"

    def find(self, container_id: str) -> Record | None:
        """The record, or None: never made, deleted, or made before the machine went down."""
        if container_id not in self._known:
            try:
                data = self._path(container_id).read_bytes()
                self._known[container_id] = msgspec.json.decode(data, type=Record)
            except (FileNotFoundError, msgspec.DecodeError):  # a power cut may have truncated it
                return None
        return self._known[container_id]

    def put(self, record: Record) -> None:
        """Remember; replaces an earlier one."""
        path = self._path(record.id)
        temporary = path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(record))
        temporary.rename(path)
        self._known[record.id] = record

    def forget(self, container_id: str) -> None:
        """Drop it; harmless when there is none."""
        self._known.pop(container_id, None)
        with contextlib.suppress(FileNotFoundError):
            self._path(container_id).unlink()

    def ids(self) -> list[str]:
        """All containers with a record."""
        return [path.stem for path in self._directory.glob("*.json")]

    def _path(self, container_id: str) -> Path:
        return self._directory / f"{container_id}.json"
