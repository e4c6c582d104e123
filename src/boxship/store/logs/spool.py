r"""The spool: what conmon wrote and no driver has taken yet.

conmon outlives us, never waits for us, and appends lines `2026-11-24T08:21:21.123456789+00:00 stdout F text\n` to
the spool; `P` instead of `F` marks a piece of at most 8 KiB that did not end in a newline. A reader takes whole
chunks, joins the pieces the way Docker cuts lines, and gives the file system back what all readers have taken.
"""

import contextlib
import logging
import os
import re
import threading
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from boxship.store.logs.lines import PIECE, STAMP, TEXT, Batch, Partial

log = logging.getLogger(__name__)

CHUNK: Final = 256 << 10
_HELD_FILES: Final = 8  # that conmon has left behind while a driver was stuck
_WHOLE: Final = {b"+00:00 stdout F ", b"+00:00 stderr F "}
_LINE: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 std(out|err) [FP] ")


class Pending(msgspec.Struct, frozen=True):
    """What a stream wrote since its last newline, and the pieces of that line told so far."""

    text: bytes
    stamp: bytes
    id: str = ""
    ordinal: int = 0


class SpoolPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far a reader is. What is pending has been read: it lies before `offset`."""

    inode: int = 0
    offset: int = 0
    pending: dict[str, Pending] = {}


class SpoolReader:
    """Reads one container's spool forward. Opens the file only on need.

    Not for several threads at once, but for `notice`, `end` and `place`.
    """

    __slots__ = ("_fd", "_inode", "_later", "_lock", "_path", "_pending", "offset")

    def __init__(self, path: Path, position: SpoolPosition) -> None:
        self._path = path
        self._fd = -1
        self._later: deque[int] = deque()
        self._lock = threading.Lock()
        self._inode = position.inode
        self.offset = position.offset
        self._pending = {stream.encode(): each for stream, each in position.pending.items()}

    def __repr__(self) -> str:
        return f"SpoolReader({self._path}, {self.offset})"

    @property
    def position(self) -> SpoolPosition:
        """Where it stands."""
        pending = {stream.decode(): each for stream, each in self._pending.items()}
        return SpoolPosition(inode=self._inode, offset=self.offset, pending=pending)

    @property
    def place(self) -> tuple[int, int]:
        """The file's inode and the offset: what readers of one spool compare."""
        return self._inode, self.offset

    def read(self, size: int = CHUNK) -> Batch | None:
        """The next lines; None when there are no more at present."""
        if self._fd < 0 and not self._open():
            return None
        while True:
            data = os.pread(self._fd, size, self.offset)
            end = data.rfind(b"\n") + 1
            if not end:
                if len(data) == size:
                    self.offset += size  # nobody writes such lines: damage, or a hole
                elif not self._next_file():
                    return None
                continue
            self.offset += end
            # a hole is what was given back: the record of how far we were got lost
            batch = self._batch(data[: end - 1].lstrip(b"\0").split(b"\n"))
            if batch.lines:
                return batch

    def finish(self) -> Batch:
        """The container has ended: what has no newline is told as it is."""
        lines: list[bytes] = []
        partials: dict[int, Partial] = {}
        for stream, pending in self._pending.items():
            if pending.text:
                identifier = pending.id or _partial_id(stream, pending.stamp)
                partials[len(lines)] = Partial(identifier, pending.ordinal + 1, last=False)
                lines.append(_line(pending.stamp, stream, pending.text))
        self._pending.clear()
        return Batch(lines, partials)

    def end(self) -> tuple[int, int]:
        """Where the file ends now, for comparison with `place`; may be called by any thread."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_size

    def lag(self) -> int:
        """Bytes that wait to be read, about."""
        if self._fd < 0 and not self._open():
            return 0
        later = sum(os.fstat(fd).st_size for fd in self._later)
        return os.fstat(self._fd).st_size - self.offset + later

    def skip(self, count: int) -> None:
        """Leave out at least *count* bytes, up to where a line begins."""
        self._pending.clear()
        while count > 0 and self._fd >= 0:
            left = os.fstat(self._fd).st_size - self.offset
            if left < count and self._next_file():
                count -= left
                continue
            self.offset += min(count, left)
            data = os.pread(self._fd, CHUNK, self.offset)
            self.offset += data.find(b"\n") + 1
            return

    def notice(self) -> None:
        """Get hold of a file that conmon has begun, while older ones are not read to their ends."""
        with self._lock:
            if self._fd < 0:
                return  # the older one was read when its file was closed
            newest = self._later[-1] if self._later else self._fd
            fd = self._opened_if_not(os.fstat(newest).st_ino)
            if fd is not None:
                self._later.append(fd)
                if len(self._later) > _HELD_FILES:
                    log.warning("%s grows faster than it is read: a part is lost", self._path)
                    os.close(self._later.popleft())

    def close(self) -> None:
        """Close the files; reading opens them again."""
        with self._lock:
            for fd in (self._fd, *self._later):
                if fd >= 0:
                    os.close(fd)
            self._fd = -1
            self._later.clear()

    def _open(self) -> bool:
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        inode = os.fstat(self._fd).st_ino
        if inode != self._inode:
            self._inode, self.offset = inode, 0
        return True

    def _next_file(self) -> bool:
        """Go over to the file that conmon has begun since, once this one is read to its end."""
        with self._lock:
            fd = self._later.popleft() if self._later else self._opened_if_not(self._inode)
            if fd is None:
                return False
            if os.fstat(self._fd).st_size > self.offset:  # written since our last read
                self._later.appendleft(fd)
                return True
            os.close(self._fd)
            self._fd, self._inode, self.offset = fd, os.fstat(fd).st_ino, 0
            return True

    def _opened_if_not(self, inode: int) -> int | None:
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino != inode:
                return os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        return None

    def _batch(self, lines: list[bytes]) -> Batch:
        if not self._pending and {line[STAMP:TEXT] for line in lines} <= _WHOLE:
            return Batch(lines, {})  # nearly always
        joined: list[bytes] = []
        partials: dict[int, Partial] = {}
        for line in lines:
            for made, partial in self._joined(line):
                if partial is not None:
                    partials[len(joined)] = partial
                joined.append(made)
        return Batch(joined, partials)

    def _joined(self, line: bytes) -> Iterator[tuple[bytes, Partial | None]]:
        """What Docker would log once it has read this line or piece of one."""
        if _LINE.match(line) is None:
            return  # damaged, as by a full disk
        stream, whole = line[36:42], line[43:44] == b"F"
        pending = self._pending.pop(stream, None)
        if pending is None:
            if whole:
                yield line, None
                return
            pending = Pending(b"", b"")
        text = pending.text + line[TEXT:]
        stamp = pending.stamp if pending.ordinal else line[:STAMP]
        identifier, ordinal = pending.id, pending.ordinal
        while len(text) >= PIECE:
            identifier, ordinal = identifier or _partial_id(stream, stamp), ordinal + 1
            yield _line(stamp, stream, text[:PIECE]), Partial(identifier, ordinal, last=False)
            text = text[PIECE:]
        if not whole:
            self._pending[stream] = Pending(text, stamp, identifier, ordinal)
            return
        last = Partial(identifier, ordinal + 1, last=True) if ordinal else None
        yield _line(stamp, stream, text), last


def _line(stamp: bytes, stream: bytes, text: bytes) -> bytes:
    return stamp + b"+00:00 " + stream + b" F " + text


def _partial_id(stream: bytes, stamp: bytes) -> str:
    """Shared by the pieces of a line; the same when they are read again after a crash."""
    return sha256(stream + stamp).hexdigest()
