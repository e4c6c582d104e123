r"""Container logs as conmon writes them (its `k8s-file` driver), read back in big steps.

A line is `2026-11-24T08:21:21.123456789+00:00 stdout F text\n`: 45 bytes of fixed width, then what the
container wrote; `P` instead of `F` marks a piece that did not end in a newline. So a chunk of lines becomes a
frame by splitting, slicing and joining, at C speed; only time stamps are made line by line.
"""

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from boxship.services.streams import STDERR, STDOUT

Frame = tuple[int, bytes]

_STAMP: Final = 29  # up to the nanoseconds
_ZONE: Final = 35  # up to the end of the offset
_PREFIX: Final = 45
_CHUNK: Final = 256 << 10
_LINE_MAX: Final = 4 << 20  # of a damaged file without newlines
_TAGS: Final = {
    b" stdout F ": (STDOUT, True),
    b" stdout P ": (STDOUT, False),
    b" stderr F ": (STDERR, True),
    b" stderr P ": (STDERR, False),
}
_UTC: Final = b"+00:00"
_VALID: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d")


class LogSelection(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines, and how they look. Times in nanoseconds since the epoch, 0 for none.

    `tail` counts the last lines of both streams, as Docker does. `details` is put before each line when it
    is not None, behind the time stamp.
    """

    stdout: bool = True
    stderr: bool = True
    timestamps: bool = False
    details: bytes | None = None
    since_ns: int = 0
    until_ns: int = 0
    tail: int | None = None


class LogReader:
    """Reads one log file forward; `read_more` again later gives what was written since.

    `ended` is set once a line is later than `until_ns`. Not for use by several threads at once.
    """

    def __init__(self, path: Path, selection: LogSelection) -> None:
        self._path = path
        self._selection = selection
        self._wanted = {
            stream
            for stream, asked in ((STDOUT, selection.stdout), (STDERR, selection.stderr))
            if asked
        }
        self._rest = b""
        self._in_line: dict[int, bool] = {STDOUT: False, STDERR: False}
        self._bounds: dict[bytes, tuple[bytes, bytes]] = {}
        self.ended = False
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if selection.tail is not None:
            os.lseek(self._fd, tail_offset(self._fd, selection.tail), os.SEEK_SET)

    def __repr__(self) -> str:
        return f"LogReader({self._path})"

    def close(self) -> None:
        """Let go of the file; harmless when done twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read_more(self, size: int = _CHUNK) -> list[Frame]:
        """The next frames, about *size* bytes; an empty list when there is nothing more at present."""
        while not self.ended and self._fd >= 0:
            data = os.read(self._fd, size)
            if not data:
                if self._rotated():
                    continue
                return []
            text = self._rest + data
            end = text.rfind(b"\n")
            if end < 0:
                self._rest = text if len(text) < _LINE_MAX else b""
                continue
            self._rest = text[end + 1 :]
            frames = self._frames(text[:end])
            if frames:
                return frames
        return []

    def _rotated(self) -> bool:
        """Go over to the new file when conmon has begun one."""
        ours = os.fstat(self._fd)
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        theirs = os.fstat(fd)
        if (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino):
            os.close(fd)
            if os.lseek(self._fd, 0, os.SEEK_CUR) <= ours.st_size:
                return False
            os.lseek(self._fd, 0, os.SEEK_SET)  # it was cut
        else:
            os.close(self._fd)
            self._fd = fd
        self._rest = b""
        return True

    def _frames(self, text: bytes) -> list[Frame]:
        lines = text.split(b"\n")
        selection = self._selection
        if selection.since_ns or selection.until_ns:
            lines = list(self._within(lines))
        if not lines:
            return []
        tags = [line[_ZONE:_PREFIX] for line in lines]
        if len(set(tags)) == 1:
            tag = _TAGS.get(tags[0])
            if tag is not None and tag[1]:  # whole lines of one stream: nearly all logs
                return self._uniform(tag[0], lines)
        if selection.timestamps or selection.details is not None:
            return _merged(self._decorated(lines))
        return self._mixed(lines, tags)

    def _uniform(self, stream: int, lines: list[bytes]) -> list[Frame]:
        if stream not in self._wanted:
            return []
        selection = self._selection
        if not selection.timestamps and selection.details is None:
            return [(stream, b"\n".join([line[_PREFIX:] for line in lines]) + b"\n")]
        zones = {line[_STAMP:_ZONE] for line in lines} if selection.timestamps else {_UTC}
        if zones != {_UTC} or self._in_line[stream]:
            return _merged(self._decorated(lines))
        details = b"" if selection.details is None else selection.details + b" "
        if not selection.timestamps:
            return [(stream, b"".join([details + line[_PREFIX:] + b"\n" for line in lines]))]
        middle = b"Z " + details
        parts = [line[:_STAMP] + middle + line[_PREFIX:] for line in lines]
        return [(stream, b"\n".join(parts) + b"\n")]

    def _mixed(self, lines: list[bytes], tags: list[bytes]) -> list[Frame]:
        def pieces() -> Iterator[Frame]:
            for tag, group in itertools.groupby(
                zip(tags, lines, strict=True), lambda pair: pair[0]
            ):
                stream, whole = _TAGS.get(tag, (0, False))
                if stream in self._wanted:
                    end = b"\n" if whole else b""
                    yield stream, end.join([line[_PREFIX:] for _, line in group]) + end

        return _merged(pieces())

    def _decorated(self, lines: Iterable[bytes]) -> Iterator[Frame]:
        """Line by line: only where a line begins, not where a piece goes on."""
        selection = self._selection
        details = b"" if selection.details is None else selection.details + b" "
        for line in lines:
            stream, whole = _TAGS.get(line[_ZONE:_PREFIX], (0, False))
            if stream not in self._wanted:
                continue
            stamp = to_utc(line) + b" " if selection.timestamps else b""
            start = b"" if self._in_line[stream] else stamp + details
            self._in_line[stream] = not whole
            yield stream, start + line[_PREFIX:] + (b"\n" if whole else b"")

    def _within(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        since, until = self._selection.since_ns, self._selection.until_ns
        for line in lines:
            zone = line[_STAMP:_ZONE]
            bounds = self._bounds.get(zone)
            if bounds is None:
                if _VALID.match(line) is None:
                    continue  # damaged, as by a power cut
                bounds = (_local(since, zone), _local(until, zone) if until else b"\xff")
                self._bounds[zone] = bounds
            stamp = line[:_STAMP]
            if stamp > bounds[1]:
                self.ended = True
                return
            if stamp >= bounds[0]:
                yield line


def _merged(pieces: Iterable[Frame]) -> list[Frame]:
    """Neighbours of one stream as one frame."""
    return [
        (stream, b"".join([data for _, data in group]))
        for stream, group in itertools.groupby(pieces, lambda piece: piece[0])
    ]


def to_utc(line: bytes) -> bytes:
    """A line's time as Docker shows it: nine digits and Z."""
    zone = line[_STAMP:_ZONE]
    if zone == _UTC:
        return line[:_STAMP] + b"Z"
    moment = datetime.strptime(line[:19].decode(), "%Y-%m-%dT%H:%M:%S") - _offset(zone)  # noqa: DTZ007
    return moment.strftime("%Y-%m-%dT%H:%M:%S").encode() + line[19:_STAMP] + b"Z"


def _local(time_ns: int, zone: bytes) -> bytes:
    """A moment as conmon would write it in this zone: such texts compare as their times do."""
    seconds, fraction = divmod(time_ns, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC) + _offset(zone)
    return moment.strftime("%Y-%m-%dT%H:%M:%S").encode() + b".%09d" % fraction


def _offset(zone: bytes) -> timedelta:
    sign = -1 if zone[:1] == b"-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))


def tail_offset(fd: int, count: int) -> int:
    """Where the last *count* lines begin; the pieces of a long line count as one."""
    end = os.fstat(fd).st_size
    if count <= 0:
        return end
    found = 0
    position, tail = end, b""
    later_start = -1  # the start of the line behind the one looked at
    while position > 0:
        size = min(_CHUNK, position)
        position -= size
        text = os.pread(fd, size, position) + tail
        lines = text.split(b"\n")
        if position:
            tail = lines[0]  # its beginning is further up
            start = position + len(tail) + 1
            lines = lines[1:]
        else:
            start = 0
        starts = list(itertools.accumulate((len(line) + 1 for line in lines), initial=start))
        for line, begin in zip(reversed(lines), reversed(starts[:-1]), strict=True):
            if not line and later_start < 0:
                continue  # what is behind the last newline
            whole = line[_ZONE + 8 : _ZONE + 9] != b"P"
            if whole and later_start >= 0:
                found += 1
                if found == count:
                    return later_start
            later_start = begin
    return 0
