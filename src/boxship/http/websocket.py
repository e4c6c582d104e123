"""Websockets, for attach from a browser."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import WSMsgType, web
from aiohttp.web_exceptions import HTTPException

from boxship.errors import InvalidArgument
from boxship.http.request import Request

MAX_MESSAGE: Final = 1 << 20
CLOSE_TIMEOUT_S: Final = 0.5
"""How long a client may take to say good-bye too; Docker does not wait at all."""


class Socket:
    """The client's end: its messages in, binary ones out."""

    def __init__(self, response: web.WebSocketResponse) -> None:
        self._response = response

    async def read(self) -> bytes:
        """The next message; b"" once the client closed."""
        while True:
            message = await self._response.receive()
            if message.type is WSMsgType.BINARY:
                data: bytes = message.data
            elif message.type is WSMsgType.TEXT:
                data = message.data.encode()
            else:
                return b""
            if data:
                return data

    async def write(self, data: bytes) -> None:
        """Send one message; ConnectionError once the client is gone."""
        await self._response.send_bytes(data)


class WebSocket:
    """An answer that upgrades to a websocket and hands it to *run*."""

    __slots__ = ("_run", "_unsent", "headers")

    long_lived = True

    def __init__(
        self, run: Callable[[Socket], Awaitable[None]], *, unsent: Callable[[], Awaitable[None]]
    ) -> None:
        self._run = run
        self._unsent = unsent
        self.headers: dict[str, str] = {}

    async def send(self, request: Request) -> web.StreamResponse:
        response = web.WebSocketResponse(max_msg_size=MAX_MESSAGE, timeout=CLOSE_TIMEOUT_S)
        try:
            await response.prepare(request.raw)
        except HTTPException as error:
            await self._unsent()
            raise InvalidArgument(f"bad websocket request: {error.text}") from error
        try:
            await self._run(Socket(response))
        finally:
            await response.close()
        return response
