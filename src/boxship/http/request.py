"""A request as handlers see it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, NamedTuple, Protocol, TypeVar

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_exceptions import HTTPException
from aiohttp.web_protocol import RequestPayloadError
from aiohttp.web_request import BaseRequest

from boxship.errors import InvalidArgument
from boxship.http.query import Query, unescape

T = TypeVar("T")

MAX_JSON_BODY: Final = 8 << 20


class Finish(Protocol):
    """Runs work to its end although the client leaves; *unwanted* then gets what it came to."""

    def __call__(
        self,
        work: Awaitable[T],
        *,
        name: str,
        unwanted: Callable[[T], Awaitable[None]] | None = None,
    ) -> Awaitable[T]:
        """What *work* comes to."""
        ...


class Endpoint(NamedTuple):
    """The listener a request came through, and how far it may be trusted."""

    address: str
    local: bool  # a unix socket: file permissions say who may come
    encrypted: bool


class Request:
    """Method, path, query and body; routing adds `variables`, the API `version` and `finish`."""

    finish: Finish

    __slots__ = (
        "begun",
        "endpoint",
        "finish",
        "method",
        "path",
        "query",
        "raw",
        "raw_query",
        "variables",
        "version",
    )

    def __init__(self, raw: BaseRequest, endpoint: Endpoint) -> None:
        self.raw = raw
        self.endpoint = endpoint
        self.method = raw.method
        target = raw.raw_path  # before yarl normalises it
        if not target.startswith("/"):  # absolute form: http://host/path
            scheme, _, rest = target.partition("://")
            target = rest[rest.find("/") :] if scheme and "/" in rest else "/"
        path, _, self.raw_query = target.partition("#")[0].partition("?")
        self.path = unescape(path)
        self.query = Query(self.raw_query)
        self.variables: Mapping[str, str] = {}
        self.version: tuple[int, ...] = (0, 0)
        self.begun = False  # whether the answer is on its way: its status can no longer change

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, names in any case."""
        return self.raw.headers

    @property
    def has_body(self) -> bool:
        """Whether a body follows, as far as the headers tell."""
        length = self.raw.headers.get("Content-Length")
        return length not in (None, "0") or "Transfer-Encoding" in self.raw.headers

    @property
    def content_length(self) -> int:
        """Of the body, in bytes; -1 if the headers do not tell."""
        length = self.raw.content_length
        return -1 if length is None else length

    async def body(self, limit: int = MAX_JSON_BODY) -> bytes:
        """The whole body; raise InvalidArgument when it is larger than *limit* bytes."""
        if (self.raw.content_length or 0) > limit:
            raise InvalidArgument(f"request body is larger than {limit} bytes")
        pieces: list[bytes] = []
        size = 0
        async for piece in self.chunks():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise InvalidArgument(f"request body is larger than {limit} bytes")
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, of any size; reading slowly makes the sender wait."""
        await self._allow_body()
        try:
            async for piece in self.raw.content.iter_any():
                yield piece
        except (RequestPayloadError, HttpProcessingError, HTTPException) as error:
            raise InvalidArgument(f"invalid request body: {error}") from error

    async def _allow_body(self) -> None:
        """Answer `Expect: 100-continue` when the body is wanted, as Go does, not before."""
        transport = self.raw.transport
        expects = self.raw.headers.get("Expect", "").lower() == "100-continue"
        if expects and transport is not None and not self.raw.content.is_eof():
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
