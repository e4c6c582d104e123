"""A streaming tar writer: ustar headers, pax records where they do not suffice, as Go writes them.

The same entries give the same bytes: no names of users, no access times, records in a fixed order.
"""

from collections.abc import Callable, Iterable
from typing import Final

from boxship.store.archive.entry import (
    BLOCK,
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    REGULAR,
    XATTR,
    Entry,
)

Sink = Callable[[bytes], object]

_BUFFER: Final = 1 << 20
_OCTAL_7: Final = 0o7777777
_OCTAL_11: Final = 0o77777777777
_END: Final = bytes(2 * BLOCK)


class TarWriter:
    """Turns entries and their data into chunks of about a mebibyte for *sink*."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._parts: list[bytes | memoryview] = []
        self._buffered = 0
        self._left = 0  # data that the present entry still owes
        self._padding = 0
        self.size = 0

    def add(self, entry: Entry) -> None:
        """Begin a member; then `write` exactly `entry.size` bytes of data."""
        self.finish_entry()
        records = _records(entry)
        if records:
            data = _encode_pax(records)
            name = b"PaxHeaders.0/" + entry.name.rstrip(b"/").rpartition(b"/")[2][:80]
            self._put(_header(Entry(name, b"x", size=len(data))))
            self._put(data + bytes(-len(data) % BLOCK))
        self._put(_header(entry))
        self._left = entry.size if entry.type == REGULAR else 0
        self._padding = -self._left % BLOCK

    def write(self, data: bytes | memoryview) -> None:
        """Data of the present entry; more than it announced is cut off."""
        data = data[: self._left]
        self._left -= len(data)
        self._put(data)

    def copy(self, pieces: Iterable[bytes | memoryview]) -> None:
        """All the data of the present entry."""
        for piece in pieces:
            self.write(piece)

    def finish_entry(self) -> None:
        """Fill up a file that shrank while it was read, as Docker does not but tar readers need."""
        while self._left:
            zeros = bytes(min(self._left, _BUFFER))
            self._left -= len(zeros)
            self._put(zeros)
        if self._padding:
            self._put(bytes(self._padding))
            self._padding = 0

    def close(self) -> None:
        """Write the end of the archive."""
        self.finish_entry()
        self._put(_END)
        self.flush()

    def flush(self) -> None:
        """Hand everything to the sink."""
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._buffered = 0
            self._sink(data)

    def _put(self, data: bytes | memoryview) -> None:
        self._parts.append(data)
        self._buffered += len(data)
        self.size += len(data)
        if self._buffered >= _BUFFER:
            self.flush()


def _records(entry: Entry) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    name = entry.name
    if not _fits_name(name):
        records[b"path"] = name
    if len(entry.link) > 100 or not entry.link.isascii():
        records[b"linkpath"] = entry.link
    if entry.size > _OCTAL_11:
        records[b"size"] = b"%d" % entry.size
    if entry.uid > _OCTAL_7:
        records[b"uid"] = b"%d" % entry.uid
    if entry.gid > _OCTAL_7:
        records[b"gid"] = b"%d" % entry.gid
    if entry.mtime_ns % 10**9 or not 0 <= entry.mtime_ns // 10**9 <= _OCTAL_11:
        records[b"mtime"] = _time(entry.mtime_ns)
    if entry.xattrs:
        for key in sorted(entry.xattrs):
            records[XATTR + key] = entry.xattrs[key]
    return records


def _fits_name(name: bytes) -> bool:
    return name.isascii() and (len(name) <= 100 or _split(name) is not None)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Prefix and rest of a name of up to 255 bytes, as ustar wants them."""
    if len(name) > 256:
        return None
    at = name.find(b"/", max(0, len(name) - 101), min(156, len(name) - 1))
    return (name[:at], name[at + 1 :]) if at > 0 else None


def _time(nanoseconds: int) -> bytes:
    sign = b"-" if nanoseconds < 0 else b""
    seconds, fraction = divmod(abs(nanoseconds), 10**9)
    text = b"%s%d" % (sign, seconds)
    return text + (b".%09d" % fraction).rstrip(b"0") if fraction else text


def _encode_pax(records: dict[bytes, bytes]) -> bytes:
    parts = []
    for key, value in records.items():
        length = len(key) + len(value) + 3
        total = length + len(str(length))
        total = length + len(str(total))
        parts.append(b"%d %s=%s\n" % (total, key, value))
    return b"".join(parts)


def _header(entry: Entry) -> bytes:
    name, prefix = entry.name, b""
    if len(name) > 100:
        split = _split(name) if name.isascii() else None
        prefix, name = split or (b"", name[:100])
    seconds = entry.mtime_ns // 10**9
    device = entry.type in (CHARACTER, BLOCK_DEVICE)
    start = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        name.ljust(100, b"\0"),
        entry.mode & 0o7777,
        min(entry.uid, _OCTAL_7),
        min(entry.gid, _OCTAL_7),
        entry.size if entry.size <= _OCTAL_11 else 0,
        seconds if 0 <= seconds <= _OCTAL_11 else 0,
    )
    end = b"%s%sustar\x0000%s%07o\0%07o\0%s" % (
        entry.type,
        entry.link[:100].ljust(100, b"\0"),
        bytes(64),  # names of user and group
        entry.major if device else 0,
        entry.minor if device else 0,
        prefix.ljust(155, b"\0"),
    )
    total = sum(start) + sum(end) + 8 * 32
    return b"%s%06o\0 %s%s" % (start, total, end, bytes(12))


def directory_name(name: bytes) -> bytes:
    """A directory's name as archives spell it."""
    return name if name.endswith(b"/") else name + b"/"


__all__ = ["DIRECTORY", "Sink", "TarWriter", "directory_name"]
