"""HTTP's chunked coding, decoded in as few steps as the reads allow."""

from boxship.client.errors import ConnectionFailed

MAX_LINE = 4096


class Dechunker:
    """Bytes in, the body's bytes out; `rest` is what followed the body once `done`."""

    __slots__ = ("_left", "_line", "_state", "done", "rest")

    def __init__(self) -> None:
        self._left = 0
        self._line = b""  # a size or trailer line that has begun
        self._state = "size"
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return what they hold of the body."""
        if self._line:
            data, self._line = self._line + data, b""
        pieces = []
        at, end = 0, len(data)
        while at < end:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = "gap"
                continue
            newline = data.find(b"\n", at)
            if newline < 0:
                self._line = data[at:]
                if len(self._line) > MAX_LINE:
                    raise ConnectionFailed("malformed chunked encoding")
                break
            line = data[at:newline]
            at = newline + 1
            self._take_line(line)
            if self.done:
                self.rest = data[at:]
                break
        return b"".join(pieces)

    def _take_line(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        if self._state == "gap":
            if line:
                raise ConnectionFailed("malformed chunked encoding")
            self._state = "size"
        elif self._state == "size":
            text = line.partition(b";")[0].strip()
            try:
                self._left = int(text, 16)
            except ValueError:
                raise ConnectionFailed("malformed chunked encoding") from None
            if self._left < 0:
                raise ConnectionFailed("malformed chunked encoding")
            if not self._left:
                self._state = "trailers"
        elif not line:
            self.done = True
