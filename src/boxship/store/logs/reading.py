"""Reading logs back: over rotated files, from a tail on, filtered, and going on where a follower left off."""

import contextlib
import io
import os
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Protocol
from urllib.parse import quote_plus

import msgspec
from isal import igzip

from boxship.services.streams import STDERR, STDOUT
from boxship.store.logs.records import Codec, Frame, Record, merged
from boxship.store.logs.rotation import LogFileSpec

_CHUNK: Final = 512 << 10
_HELD_FILES: Final = 32
_ENTRY_MAX: Final = 4 << 20  # of a damaged file without ends of entries


class LogSelection(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries, and how they look. Times in nanoseconds since the epoch, 0 for none.

    `tail` counts the last entries of both streams, as Docker does.
    """

    stdout: bool = True
    stderr: bool = True
    timestamps: bool = False
    details: bool = False
    since_ns: int = 0
    until_ns: int = 0
    tail: int | None = None


class _Source(Protocol):
    def read(self, size: int, /) -> bytes | None: ...
    def close(self) -> None: ...


class LogReader:
    """Reads a log forward; `read_more` again later gives what was written since, in whichever file.

    `ended` is set once an entry is later than `until_ns`. Not for use by several threads at once, but for
    `offer`, which takes the descriptor of a file that was begun.
    """

    def __init__(self, codec: Codec, selection: LogSelection) -> None:
        self._codec = codec
        self._selection = selection
        self._wanted = {
            stream
            for stream, asked in ((STDOUT, selection.stdout), (STDERR, selection.stderr))
            if asked
        }
        self._plain = not (
            selection.timestamps or selection.details or selection.since_ns or selection.until_ns
        )
        self._sources: deque[_Source] = deque()
        self._lock = threading.Lock()
        self._rest = b""
        self._skip = 0
        self._second = (-1, "")
        self.ended = False

    def __repr__(self) -> str:
        return f"LogReader({self._codec}, {len(self._sources)} files)"

    def open(self, spec: LogFileSpec) -> None:
        """Open all files of the log, and find the tail. Who rotates it must not do so meanwhile."""
        opened = self._open_older(spec)
        with contextlib.suppress(FileNotFoundError):
            opened.append((os.open(spec.path, os.O_RDONLY | os.O_CLOEXEC), False))
        left = self._selection.tail
        while opened:
            fd, packed = opened.pop()
            if left is not None and left <= 0 and self._sources:
                os.close(fd)
                continue
            if left is not None:
                left -= self._seek_tail(fd, left, packed=packed)
            self._sources.appendleft(_source(fd, packed=packed))

    def _open_older(self, spec: LogFileSpec) -> list[tuple[int, bool]]:
        if self._selection.tail == 0:
            return []
        opened = []
        there = set(os.listdir(spec.path.parent)) if spec.path.parent.is_dir() else set()
        for names in spec.older():
            if there.isdisjoint(path.name for path in names):
                continue
            for packed, path in enumerate(names):  # in this order: one may just be compressed
                try:
                    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except FileNotFoundError:
                    continue
                if os.fstat(fd).st_mtime_ns < self._selection.since_ns:
                    os.close(fd)  # all of it is older
                else:
                    opened.append((fd, bool(packed)))
                break
        return opened

    def _seek_tail(self, fd: int, left: int, *, packed: bool) -> int:
        """Have reading begin *left* entries before the end; how many of them this file has."""
        if not packed:
            offset, found = self._codec.tail(fd, os.fstat(fd).st_size, left)
            os.lseek(fd, offset, os.SEEK_SET)
            return found
        found = self._count(fd)
        os.lseek(fd, 0, os.SEEK_SET)
        self._skip = max(found - left, 0)
        return found

    def _count(self, fd: int) -> int:
        count, rest = 0, b""
        with contextlib.closing(_source(os.dup(fd), packed=True)) as source:
            while data := source.read(_CHUNK):
                rest += data
                end = self._codec.complete(rest)
                count += self._codec.count(rest[:end])
                rest = rest[end:]
        return count

    def offer(self, fd: int) -> None:
        """A file that was begun: read it once what came before is read.

        Of a reader that is stuck, only so many files are held: what is in others it misses.
        """
        with self._lock:
            self._sources.append(_source(fd, packed=False))
            if len(self._sources) > _HELD_FILES:
                self._sources[1].close()
                del self._sources[1]

    def close(self) -> None:
        """Let go of the files; harmless when done twice."""
        with self._lock:
            while self._sources:
                self._sources.popleft().close()

    def read_more(self, size: int = _CHUNK) -> list[Frame]:
        """The next frames, about *size* bytes; an empty list when there is nothing more at present."""
        while self._sources and not self.ended:
            has_later = len(self._sources) > 1  # before the read: then its end is the end
            data = self._sources[0].read(size)
            if not data:
                if not has_later:
                    return []
                with self._lock:
                    self._sources.popleft().close()
                self._rest = b""
                continue
            text = self._rest + data
            end = self._codec.complete(text)
            self._rest = text[end:] if len(text) - end < _ENTRY_MAX else b""
            if self._skip:
                end, text = self._skipped(text[:end])
            if end and (frames := self._frames(text[:end])):
                return frames
        return []

    def _skipped(self, text: bytes) -> tuple[int, bytes]:
        count = self._codec.count(text)
        if count <= self._skip:
            self._skip -= count
            return 0, b""
        text = text[self._codec.skip(text, self._skip) :]
        self._skip = 0
        return len(text), text

    def _frames(self, data: bytes) -> list[Frame]:
        if self._plain:
            frames = self._codec.frames(data)
            if len(self._wanted) == 2:
                return frames
            return [frame for frame in frames if frame[0] in self._wanted]
        selection = self._selection
        pieces: list[Frame] = []
        for record in self._codec.records(data):
            if record.time_ns < selection.since_ns:
                continue
            if selection.until_ns and record.time_ns > selection.until_ns:
                self.ended = True
                break
            if record.stream in self._wanted:
                pieces.append((record.stream, self._decorated(record)))
        return merged(pieces)

    def _decorated(self, record: Record) -> bytes:
        text = record.text
        if self._selection.details:
            text = details(record.attributes or {}) + b" " + text
        if self._selection.timestamps:
            text = self._stamp(record.time_ns) + text
        return text

    def _stamp(self, time_ns: int) -> bytes:
        second, fraction = divmod(time_ns, 10**9)
        if second != self._second[0]:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = (second, text)
        return f"{self._second[1]}.{fraction:09d}Z ".encode()


def details(attributes: Mapping[str, str]) -> bytes:
    """What `--details` shows of an entry's attributes."""
    pairs = sorted(attributes.items())
    return ",".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in pairs).encode()


def _source(fd: int, *, packed: bool) -> _Source:
    raw = io.FileIO(fd, "rb")
    if not packed:
        return raw
    return _Packed(raw)


class _Packed:
    """A compressed file as a stream; damage ends it."""

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self._stream = igzip.IGzipFile(  # type: ignore[no-untyped-call]
            fileobj=io.BufferedReader(raw), mode="rb"
        )

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except (OSError, EOFError):
            return b""

    def close(self) -> None:
        self._stream.close()
        self._raw.close()
