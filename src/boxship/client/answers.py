"""Answers whose bodies are read as they are wanted."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from boxship.client.chunked import Dechunker
from boxship.client.dialling import Line
from boxship.client.errors import BadAnswer, ConnectionFailed
from boxship.client.uploads import Upload

T = TypeVar("T")

CHUNK: Final = 1 << 18


class Head(NamedTuple):
    """The beginning of an answer; header names in lower case."""

    status: int
    headers: dict[str, str]


class Keeper(Protocol):
    """Whom a connection belongs to when its exchange is over."""

    def keep(self, line: Line) -> None: ...

    def drop(self, line: Line) -> None: ...


async def read_head(reader: asyncio.StreamReader) -> Head:
    """The status and headers of the next answer that is one; EOFError when there is none."""
    while True:
        try:
            data = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise BadAnswer("HTTP response with endless headers") from None
        head = _parse_head(data[:-4].decode("latin-1"))
        if head.status >= 200 or head.status == 101:
            return head


def _parse_head(text: str) -> Head:
    first, *lines = text.split("\r\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
        raise BadAnswer(f"malformed HTTP response {first[:64]!r}")
    pairs = (line.partition(":") for line in lines)
    return Head(int(code), {name.lower(): value.strip() for name, _, value in pairs})


class Answer:
    """One answer: iterate over its body, or `read` it; ended or closed, its connection is free."""

    def __init__(
        self,
        keeper: Keeper,
        line: Line,
        head: Head,
        *,
        bodyless: bool = False,
        upload: Upload | None = None,
    ) -> None:
        self.status, self.headers = head
        self._keeper = keeper
        self._line = line
        self._upload = upload
        self._left: int | None = None  # bytes of a body that has a length
        self._dechunker: Dechunker | None = None
        self._done = False
        if bodyless or self.status in {204, 304}:
            self._left = 0
        elif self.headers.get("transfer-encoding", "").lower() == "chunked":
            self._dechunker = Dechunker()
        elif length := self.headers.get("content-length"):
            if not (length.isascii() and length.isdigit()):
                raise BadAnswer(f"bad Content-Length {length[:16]!r}")
            self._left = int(length)

    def __repr__(self) -> str:
        return f"<Answer {self.status}{'' if self._done else ', unread'}>"

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> bytes:
        try:
            while not self._done:
                if data := await self._next():
                    return data
        except BaseException:
            await self.aclose()
            raise
        raise StopAsyncIteration

    async def _next(self) -> bytes:
        if self._left == 0 or (self._dechunker is not None and self._dechunker.done):
            await self._finish(reusable=True)
            return b""
        wanted = CHUNK if self._left is None else min(self._left, CHUNK)
        try:
            data = await self._line.reader.read(wanted)
        except OSError as error:
            raise self._cut(str(error)) from error
        if self._dechunker is not None:
            if not data:
                raise self._cut("unexpected EOF")
            return self._dechunker.feed(data)
        if self._left is not None:
            if not data:
                raise self._cut("unexpected EOF")
            self._left -= len(data)
        elif not data:
            await self._finish(reusable=False)
        return data

    def _cut(self, reason: str) -> ConnectionFailed:
        if self._upload is not None:
            self._upload.check()
        return ConnectionFailed(reason)

    async def _finish(self, *, reusable: bool) -> None:
        self._done = True
        if self._upload is not None and not self._upload.done:
            await self._upload.stop()
            reusable = False
        if reusable and self.headers.get("connection", "").lower() != "close":
            self._keeper.keep(self._line)
        else:
            self._keeper.drop(self._line)

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([data async for data in self])

    async def json(self) -> Any:
        """The whole body as JSON; None when it is empty."""
        body = await self.read()
        return parse(body) if body.strip() else None

    async def aclose(self) -> None:
        """Give up the rest of the body, and with it the connection."""
        if not self._done:
            self._done = True
            self._keeper.drop(self._line)
            if self._upload is not None:
                await self._upload.stop()
            await asyncio.sleep(0)  # the descriptor is closed in the loop's next turn


def parse(data: bytes) -> Any:
    """A daemon's JSON."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswer(f"malformed JSON from the daemon: {error}") from error


class Stream(Generic[T]):
    """What a body carries, piece by piece: *feed* takes the next bytes and returns what they complete."""

    def __init__(self, answer: Answer, feed: Callable[[bytes], Iterable[T]]) -> None:
        self._answer = answer
        self._feed = feed
        self._ready: list[T] = []

    def __aiter__(self) -> "Stream[T]":
        return self

    async def __anext__(self) -> T:
        while not self._ready:
            data = await anext(self._answer)
            self._ready = [*self._feed(data)][::-1]
        return self._ready.pop()

    async def aclose(self) -> None:
        """Give up the rest."""
        await self._answer.aclose()


class JSONLines(Generic[T]):
    """Bytes in, the values of complete lines out, as progress and events are sent."""

    def __init__(self, convert: Callable[[Any], T]) -> None:
        self._convert = convert
        self._rest = b""

    def feed(self, data: bytes) -> list[T]:
        """Take the next bytes and return what they complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [self._convert(parse(line)) for line in lines if line.strip()]
