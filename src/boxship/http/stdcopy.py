"""Docker's multiplexed stream: frames of an 8-byte header and a payload, for sessions without a terminal."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from boxship.errors import InvalidArgument

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
SYSTEM_ERROR: Final = 3

HEADER: Final = struct.Struct(">BxxxI")
MAX_FRAME: Final = 16 << 20
"""Larger frames are an attack on the reader's memory: nobody writes them."""


class Frame(NamedTuple):
    """A piece of output of one stream."""

    stream: int
    data: bytes


def encode(stream: int, data: bytes) -> bytes:
    """One frame."""
    return HEADER.pack(stream, len(data)) + data


def encode_lines(stream: int, data: bytes) -> bytes:
    """A frame for each line: clients that read logs frame by frame take each for a line."""
    lines = data.split(b"\n")
    rest = lines.pop()
    pack = HEADER.pack
    parts: list[bytes] = []
    for line in lines:
        parts += (pack(stream, len(line) + 1), line, b"\n")
    if rest:
        parts += (pack(stream, len(rest)), rest)
    return b"".join(parts)


class Decoder:
    """Bytes in, frames out, however the bytes are sliced."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __repr__(self) -> str:
        return f"Decoder({len(self._buffer)} bytes waiting)"

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes and yield the frames they complete."""
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= HEADER.size:
                stream, length = HEADER.unpack_from(self._buffer, start)
                if stream > SYSTEM_ERROR:
                    raise InvalidArgument(f"Unrecognized input header: {stream}")
                if length > MAX_FRAME:
                    raise InvalidArgument(f"frame of {length} bytes is too large")
                end = start + HEADER.size + length
                if len(self._buffer) < end:
                    break
                data = bytes(self._buffer[start + HEADER.size : end])
                start = end
                yield Frame(stream, data)
        finally:
            del self._buffer[:start]
