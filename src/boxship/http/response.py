"""What a handler may answer: a body, a stream of bytes, or the raw connection."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from aiohttp import web

from boxship.errors import InvalidArgument
from boxship.http.hijack import RawStream, take_over
from boxship.http.request import Request

log = logging.getLogger(__name__)

JSON: Final = "application/json"


class Answer(Protocol):
    """Something that can be sent; `headers` may still be added to."""

    headers: dict[str, str]
    long_lived: bool

    async def send(self, request: Request) -> web.StreamResponse:
        """Send it."""
        ...


class Response:
    """A complete answer."""

    __slots__ = ("body", "content_type", "headers", "status")

    long_lived = False

    def __init__(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        content_type: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.headers = {} if headers is None else headers

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"

    async def send(self, request: Request) -> web.StreamResponse:
        headers = self.headers
        if self.content_type:
            headers["Content-Type"] = self.content_type
        response = web.Response(body=self.body or None, status=self.status, headers=headers)
        request.begun = True
        await response.prepare(request.raw)
        await response.write_eof()
        return response


class Output:
    """Where a `Stream` writes; headers leave with the first bytes, or at `start`."""

    def __init__(self, request: Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response

    @property
    def started(self) -> bool:
        """Whether the client has seen the status: an error can then no longer change it."""
        return self._response.prepared

    async def start(self) -> None:
        """Send the headers now."""
        if not self._response.prepared:
            self._request.begun = True
            await self._response.prepare(self._request.raw)

    async def write(self, data: bytes) -> None:
        """Send; waits while the client is slow, ConnectionError once it is gone."""
        await self.start()
        if data:
            await self._response.write(data)


class Stream:
    """An answer written bit by bit, of unknown length, until *produce* returns.

    An exception before the first byte becomes an ordinary error; a later one cuts the connection, so
    that no client takes a part for the whole. *source*, what it reads from, is closed at the end.
    """

    __slots__ = ("_produce", "_source", "content_type", "headers", "status")

    long_lived = True

    def __init__(
        self,
        produce: Callable[[Output], Awaitable[None]],
        *,
        content_type: str,
        status: int = 200,
        headers: dict[str, str] | None = None,
        source: AsyncIterator[object] | None = None,
    ) -> None:
        self._produce = produce
        self._source = source
        self.content_type = content_type
        self.status = status
        self.headers = {} if headers is None else headers

    async def send(self, request: Request) -> web.StreamResponse:
        headers = {**self.headers, "Content-Type": self.content_type}
        response = web.StreamResponse(status=self.status, headers=headers)
        output = Output(request, response)
        try:
            await self._produce(output)
        finally:
            await _close(self._source)
        await output.start()
        await response.write_eof()
        return response


class Hijack:
    """The raw connection, handed to *run*; closed when it returns. *unsent* is called if it never runs."""

    __slots__ = ("_run", "_unsent", "content_type", "headers")

    long_lived = True

    def __init__(
        self,
        run: Callable[[RawStream], Awaitable[None]],
        *,
        content_type: str,
        unsent: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._run = run
        self._unsent = unsent
        self.content_type = content_type
        self.headers: dict[str, str] = {}

    async def send(self, request: Request) -> web.StreamResponse:
        try:
            stream = take_over(request.raw, {"Content-Type": self.content_type, **self.headers})
        except (ConnectionError, InvalidArgument):
            if self._unsent is not None:
                await self._unsent()
            raise
        try:
            await self._run(stream)
        except ConnectionError:
            log.debug("%r went away", stream)
        except Exception:
            log.exception("stream of %s failed", request.path)
        finally:
            await stream.close()
        return Finished()


class Finished(web.StreamResponse):
    """Tells aiohttp that everything was sent and the connection is done."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: object) -> None:  # noqa: ARG002 - aiohttp's signature
        return None

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002 - aiohttp's signature
        return None


async def pump(chunks: AsyncIterator[bytes], output: Output) -> None:
    """Send what an iterator yields."""
    async for chunk in chunks:
        await output.write(chunk)


async def _close(source: AsyncIterator[object] | None) -> None:
    if (close := getattr(source, "aclose", None)) is not None:
        await asyncio.shield(close())
