"""Docker's multiplexed stream of stdout and stderr: frames of an 8-byte header and data."""

from boxship.errors import BoxshipError

STDIN, STDOUT, STDERR, SYSTEM_ERROR = range(4)


class BadFrame(BoxshipError):
    """The stream has something else than a frame header where one is due."""


class Demux:
    """Bytes in, (stream, data) out; data passes on as it arrives, frames need not be complete."""

    __slots__ = ("_header", "_left", "_stream")

    def __init__(self) -> None:
        self._header = b""
        self._left = 0
        self._stream = STDOUT

    def feed(self, data: bytes) -> "list[tuple[int, bytes]]":
        """Take the next bytes and return what they carry."""
        out = []
        position, size = 0, len(data)
        while position < size:
            if not self._left:
                take = 8 - len(self._header)
                self._header += data[position : position + take]
                position += take
                if len(self._header) < 8:
                    break
                self._stream = self._header[0]
                if self._stream > SYSTEM_ERROR:
                    raise BadFrame(f"Unrecognized input header: {self._stream}")
                self._left = int.from_bytes(self._header[4:], "big")
                self._header = b""
                continue
            piece = data[position : position + self._left]
            position += len(piece)
            self._left -= len(piece)
            out.append((self._stream, piece))
        return out
