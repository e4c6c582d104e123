"""Container logs as conmon writes them (`k8s-file`), read in blocks: a million lines take a fraction of a second.

A record is `2025-01-02T03:04:05.123456789+00:00 stdout F text`, one per line; `P` instead of `F` when the
line goes on in the next record of its stream. conmon is started in UTC, so that times compare as text.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

STDOUT: Final = 1
STDERR: Final = 2

_BLOCK: Final = 1 << 20
_TAIL_BLOCK: Final = 1 << 16
_ZONE: Final = b"+00:00"
_STAMP_LENGTH: Final = len("2025-01-02T03:04:05.123456789")
_STREAM_AT: Final = _STAMP_LENGTH + len(_ZONE) + len(" std")
# One search decides whether a block is of the usual kind: whole lines of one stream.
_UNUSUAL: Final = {
    STDOUT: re.compile(rb"(?m)^\S+ (?:stderr|stdout P) "),
    STDERR: re.compile(rb"(?m)^\S+ (?:stdout|stderr P) "),
}
_HEAD: Final = re.compile(rb"(?m)^(\S+)\+00:00 std(?:out|err) [FP] ")


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which records to read and how to show them; times in nanoseconds since the epoch, 0 for no bound."""

    stdout: bool = True
    stderr: bool = True
    timestamps: bool = False
    details: bool = False
    since_ns: int = 0
    until_ns: int = 0


class LogReader:
    """One pass through a log that may still grow. Blocking, but each read takes milliseconds at most."""

    def __init__(self, path: Path, selection: Selection, *, tail: int | None = None) -> None:
        self._file = path.open("rb", buffering=0)
        self._rest = b""
        self._selection = selection
        self._since = _stamp(selection.since_ns)
        self._until = _stamp(selection.until_ns)
        self._bounded = bool(self._since or self._until)
        prefix = (rb"\1Z " if selection.timestamps else b"") + (b" " if selection.details else b"")
        self._replacement = prefix
        self.ended = False  # a record after `until` was seen: nothing will come
        if tail is not None:
            self._file.seek(_tail_offset(self._file.fileno(), tail))

    def __repr__(self) -> str:
        return f"LogReader({self._file.name!r} at {self._file.tell()})"

    def read(self) -> list[tuple[int, bytes]]:
        """The next chunks of (stream, whole lines); [] when no whole record is there now."""
        while not self.ended:
            data = self._file.read(_BLOCK)
            if not data:
                return []
            data = self._rest + data
            end = data.rfind(b"\n") + 1
            self._rest = data[end:]
            if chunks := list(self._chunks(data[:end])):
                return chunks
        return []

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _chunks(self, block: bytes) -> Iterator[tuple[int, bytes]]:
        if not block:
            return
        if self._bounded:
            block = self._within(block)
            if not block:
                return
        stream = STDERR if block[_STREAM_AT : _STREAM_AT + 3] == b"err" else STDOUT
        if _UNUSUAL[stream].search(block) is None:
            if self._wants(stream):
                yield stream, _HEAD.sub(self._replacement, block)
            return
        yield from self._mixed(block)

    def _mixed(self, block: bytes) -> Iterator[tuple[int, bytes]]:
        lines = block.splitlines(keepends=True) if b"\r" not in block else _lines(block)
        for is_stderr, group in groupby(lines, _is_stderr):
            stream = STDERR if is_stderr else STDOUT
            if self._wants(stream):
                yield stream, b"".join(map(self._shown, group))

    def _shown(self, line: bytes) -> bytes:
        text = _HEAD.sub(self._replacement, line, count=1)
        partial = line[_STREAM_AT + 4 : _STREAM_AT + 5] == b"P"
        return text[:-1] if partial else text

    def _wants(self, stream: int) -> bool:
        return self._selection.stdout if stream == STDOUT else self._selection.stderr

    def _within(self, block: bytes) -> bytes:
        kept = []
        for line in _lines(block):
            stamp = line[:_STAMP_LENGTH]
            if self._until and stamp > self._until:
                self.ended = True
                break
            if stamp >= self._since:
                kept.append(line)
        return b"".join(kept)


def _lines(block: bytes) -> list[bytes]:
    # not splitlines: a carriage return or a form feed is part of the text
    return [line + b"\n" for line in block[:-1].split(b"\n")]


def _is_stderr(line: bytes) -> bool:
    return line[_STREAM_AT : _STREAM_AT + 3] == b"err"


def _stamp(nanoseconds: int) -> bytes:
    if nanoseconds <= 0:
        return b""
    seconds, fraction = divmod(nanoseconds, 10**9)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return b"9999"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}".encode()


def _tail_offset(fd: int, lines: int) -> int:
    """Where the last *lines* records begin."""
    end = os.fstat(fd).st_size
    if lines == 0:
        return end
    position, missing = end, lines + 1  # the newline before the first of them
    while position > 0:
        size = min(_TAIL_BLOCK, position)
        position -= size
        block = os.pread(fd, size, position)
        count = block.count(b"\n")
        if count < missing:
            missing -= count
            continue
        at = len(block)
        for _ in range(missing):
            at = block.rfind(b"\n", 0, at)
        return position + at + 1
    return 0
