"""Entries read back from log files, whatever their format."""

import itertools
import os
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from boxship.store.logs.lines import Batch

Frame = tuple[int, bytes]

_CHUNK: Final = 256 << 10


class Record(NamedTuple):
    """One entry; its text ends in a newline unless the line goes on."""

    stream: int
    time_ns: int
    text: bytes
    attributes: Mapping[str, str] | None


class Codec(Protocol):
    """A file format. Pure but for `tail`, which reads a file from its end."""

    def encode(self, batch: Batch) -> list[bytes]:
        """The bytes of all entries, in pieces that hold one or more of them."""
        ...

    def split(self, data: bytes) -> list[bytes]:
        """Such a piece, each entry by itself."""
        ...

    def complete(self, data: bytes) -> int:
        """How many of these bytes are whole entries."""
        ...

    def count(self, data: bytes) -> int:
        """How many whole entries these are."""
        ...

    def skip(self, data: bytes, count: int) -> int:
        """Where the entry behind the first *count* begins."""
        ...

    def tail(self, fd: int, size: int, count: int) -> tuple[int, int]:
        """Where the last *count* entries begin, and how many there are, at most *count*."""
        ...

    def frames(self, data: bytes) -> list[Frame]:
        """The texts of whole entries, neighbours of one stream as one."""
        ...

    def records(self, data: bytes) -> list[Record]:
        """Whole entries with all that is known of them."""
        ...


def merged(pieces: Iterable[Frame]) -> list[Frame]:
    """Neighbours of one stream as one frame."""
    return [
        (stream, b"".join([data for _, data in group]))
        for stream, group in itertools.groupby(pieces, lambda piece: piece[0])
    ]


def tail_lines(fd: int, size: int, count: int) -> tuple[int, int]:
    """Where the last *count* lines begin, and how many there are, at most *count*."""
    if count <= 0:
        return size, 0
    found = 0
    position = size
    while position > 0:
        step = min(_CHUNK, position)
        position -= step
        data = os.pread(fd, step, position)
        newlines = data.count(b"\n")
        if found + newlines <= count:  # the one that begins the first wanted line is further up
            found += newlines
            continue
        end = len(data)
        for _ in range(count - found + 1):
            end = data.rindex(b"\n", 0, end)
        return position + end + 1, count
    return 0, found
