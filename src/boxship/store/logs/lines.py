"""Log lines on their way from the spool to a driver: batches of conmon's lines, and where Docker cuts long ones."""

from calendar import timegm
from collections.abc import Iterator
from typing import Final, NamedTuple

from boxship.services.streams import STDERR, STDOUT

STAMP: Final = 29  # up to the nanoseconds; conmon writes UTC
TEXT: Final = 45  # `2026-11-24T08:21:21.123456789+00:00 stdout F ` is before each text
PIECE: Final = 16 << 10
"""Docker's logs hold at most this of a line in one entry."""

STREAMS: Final = {b"stdout": STDOUT, b"stderr": STDERR}


class Partial(NamedTuple):
    """Which piece of a long line an entry is; `last` ends it."""

    id: str
    ordinal: int
    last: bool


class Batch(NamedTuple):
    """Lines as conmon writes them, each whole or one of Docker's pieces; `partials` by index."""

    lines: list[bytes]
    partials: dict[int, Partial]


class Message(NamedTuple):
    """One entry, for drivers that send them singly."""

    stream: int
    time_ns: int
    text: bytes
    partial: Partial | None


def messages(batch: Batch) -> Iterator[Message]:
    """The entries of a batch one by one."""
    clock = Clock()
    for index, line in enumerate(batch.lines):
        stream = STREAMS[line[36:42]]
        partial = batch.partials.get(index)
        yield Message(stream, clock.of_line(line), line[TEXT:], partial)


class Clock:
    """Times between text and nanoseconds; remembers the last second, as most lines share theirs."""

    def __init__(self) -> None:
        self._text = ""
        self._seconds = 0

    def of_line(self, line: bytes) -> int:
        """When conmon wrote a line; 0 when a power cut made that unreadable."""
        try:
            return self.nanoseconds(line[:STAMP].decode())
        except ValueError:
            return 0

    def nanoseconds(self, stamp: str) -> int:
        """Of `2026-11-24T08:21:21.5`, with up to nine digits or none; ValueError for anything else."""
        if stamp[:19] != self._text:
            text = stamp[:19]
            fields = (text[0:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19])
            self._seconds = timegm(tuple(map(int, fields)))
            self._text = text
        fraction = stamp[20:29]
        return self._seconds * 10**9 + (int(fraction.ljust(9, "0")) if fraction else 0)
