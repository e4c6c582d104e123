"""Docker's `local` format: a protobuf LogEntry between its length and its length again, big endian.

message LogEntry { string source = 1; int64 time_nano = 2; bytes line = 3; bool partial = 4;
PartialLogEntryMetadata partial_log_metadata = 5; }, and that: { bool last = 1; string id = 2; int32 ordinal = 3; }
"""

import itertools
import os
import struct
from collections.abc import Iterator
from typing import Final

from boxship.services.streams import STDERR, STDOUT
from boxship.store.logs.lines import STAMP, TEXT, Batch, Clock, Partial
from boxship.store.logs.records import Frame, Record, merged

_SOURCES: Final = {
    stream: b"\x0a" + bytes((len(stream),)) + stream + b"\x10" for stream in (b"stdout", b"stderr")
}
_NUMBERS: Final = {b"stdout": STDOUT, b"stderr": STDERR}
_LENGTH: Final = 4
_UNPACK: Final = struct.Struct(">I").unpack_from
_TIME: Final = _LENGTH + 9  # where it begins behind `0a 06 stdout 10`
_TAG: Final = _TIME + 9
_TEXT: Final = _TAG + 2
_ENTRY_MAX: Final = 2 << 20  # Docker's limit is 1 MB; beyond that it is damage
_WINDOW: Final = 256 << 10


class LocalCodec:
    """Knows no attributes, as Docker's."""

    def __init__(self) -> None:
        self._clock = Clock()

    def encode(self, batch: Batch) -> list[bytes]:
        """One framed protobuf for each entry."""
        made = []
        last_stamp, time = b"", b""
        for index, line in enumerate(batch.lines):
            stamp = line[:STAMP]
            if stamp != last_stamp:  # conmon writes all it reads at once with one
                last_stamp, time = stamp, varint(self._clock.of_line(line))
            text = line[TEXT:]
            entry = _SOURCES[line[36:42]] + time
            if text:
                entry += b"\x1a" + varint(len(text)) + text
            if batch.partials and (partial := batch.partials.get(index)) is not None:
                entry += b"\x20\x01" + _partial(partial)
            length = len(entry).to_bytes(_LENGTH, "big")
            made.append(length + entry + length)
        return made

    def split(self, data: bytes) -> list[bytes]:
        """Each entry by itself."""
        return [data]  # they never come in one piece

    def complete(self, data: bytes) -> int:
        """How many of these bytes are whole entries."""
        return _ends(data)[-1]

    def count(self, data: bytes) -> int:
        """How many whole entries these are."""
        return len(_ends(data)) - 1

    def skip(self, data: bytes, count: int) -> int:
        """Where the entry behind the first *count* begins."""
        return _ends(data)[count]

    def tail(self, fd: int, size: int, count: int) -> tuple[int, int]:
        """Where the last *count* entries begin, and how many there are, at most *count*."""
        found, position = 0, size
        window, start = b"", size  # what was read last, and from where
        while found < count and position >= 2 * _LENGTH:
            if position - _LENGTH < start:
                start = max(position - _WINDOW, 0)
                window = os.pread(fd, position - start, start)
            at = position - start
            length = int.from_bytes(window[at - _LENGTH : at], "big")
            if length > _ENTRY_MAX or length + 2 * _LENGTH > position:
                break  # damaged
            position -= length + 2 * _LENGTH
            found += 1
        return position, found

    def frames(self, data: bytes) -> list[Frame]:
        """The texts of whole entries, neighbours of one stream as one."""
        pieces = []
        for begin, end in itertools.pairwise(_ends(data)):
            # the usual entry: source, a time of nine bytes, a text of one or two bytes' length, no more
            text = begin + _TEXT + (end - begin > _TEXT and data[begin + _TEXT - 1] > 0x7F)
            if (
                end - begin > _TEXT + 1
                and data[begin + _TIME - 1] == 0x10
                and data[begin + _TAG] == 0x1A
                and data[text - 1] < 0x80
                and end - _LENGTH - text == _short(data, begin + _TEXT - 1)
            ):
                stream = STDERR if data[begin + _TIME - 2] == 0x72 else STDOUT
                pieces.append((stream, data[text : end - _LENGTH] + b"\n"))
            else:
                record = _record(data[begin + _LENGTH : end - _LENGTH])
                pieces.append((record.stream, record.text))
        return merged(pieces)

    def records(self, data: bytes) -> list[Record]:
        """Whole entries with all that is known of them."""
        ends = _ends(data)
        return [
            _record(data[begin + _LENGTH : end - _LENGTH])
            for begin, end in itertools.pairwise(ends)
        ]


def _short(data: bytes, position: int) -> int:
    """A number of one or two bytes."""
    first = data[position]
    return first if first < 0x80 else first & 0x7F | data[position + 1] << 7


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _partial(partial: Partial) -> bytes:
    last = b"\x08\x01" if partial.last else b""
    identifier = partial.id.encode()
    body = last + b"\x12" + varint(len(identifier)) + identifier + b"\x18" + varint(partial.ordinal)
    return b"\x2a" + varint(len(body)) + body


def _ends(data: bytes) -> list[int]:
    """0, and where each whole entry's frame ends. A frame that cannot be one ends them all."""
    position, size = 0, len(data)
    ends = [0]
    while position + _LENGTH <= size:
        (length,) = _UNPACK(data, position)
        position += length + 2 * _LENGTH
        if position > size or length > _ENTRY_MAX:
            break
        ends.append(position)
    return ends


def _record(entry: bytes) -> Record:
    source, time_ns, line, partial, last = b"", 0, b"", False, False
    for number, value in _fields(entry):
        if number == 1 and isinstance(value, bytes):
            source = value
        elif number == 2 and isinstance(value, int):
            time_ns = value
        elif number == 3 and isinstance(value, bytes):
            line = value
        elif number == 4:
            partial = bool(value)
        elif number == 5 and isinstance(value, bytes):
            last = any(inner == 1 and flag for inner, flag in _fields(value))
    text = line if partial and not last else line + b"\n"
    return Record(_NUMBERS.get(source, STDOUT), time_ns, text, None)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    position, size = 0, len(message)
    while position < size:
        tag, position = _varint(message, position)
        value, position = _varint(message, position)
        if tag & 7 == 2:
            yield tag >> 3, message[position : position + value]
            position += value
        else:
            yield tag >> 3, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return number, position
