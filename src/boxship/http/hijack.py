"""Raw streams on a connection that began with HTTP: attach, exec and whatever upgrades.

aiohttp has no such thing, so we swap the transport's protocol for our own and hand the connection back
to aiohttp's server only to be forgotten. `_messages` is the one private name this relies on.
"""

import asyncio
import contextlib
import fcntl
import select
import socket
import struct
import termios
from typing import Final

from aiohttp.web_request import BaseRequest

from boxship.errors import InvalidArgument

READ_SIZE: Final = 1 << 16
BUFFER_SIZE: Final = 1 << 17
LINGER_S: Final = 10.0
HANG_UP_CHECK_S: Final = 5.0
HEAD_CHECKS: Final = 500


class RawStream:
    """The client's end: bytes both ways, each side closed on its own."""

    def __init__(self, protocol: "_HijackProtocol", writer: asyncio.StreamWriter) -> None:
        self._protocol = protocol
        self._writer = writer
        self._head_pending = True
        self._head_lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<RawStream {self._writer.get_extra_info('peername')!r}>"

    async def read(self, size: int = READ_SIZE) -> bytes:
        """The next bytes; b"" once the client closed its side."""
        return await self._protocol.reader.read(size)

    async def write(self, data: bytes) -> None:
        """Send; waits while the client is slow, ConnectionError once it is gone."""
        if self._head_pending:
            async with self._head_lock:  # output of both streams waits, not only the first to come
                if self._head_pending:
                    await self._let_client_read_head()
                    self._head_pending = False
        self._writer.write(data)
        await self._writer.drain()

    async def _let_client_read_head(self) -> None:
        """Keep output out of the buffer that clients read the headers with: docker-py would lose it.

        Only a unix socket tells what its peer has read. A process takes longer to start than a client to
        read, so there is mostly nothing to wait for.
        """
        sock = self._writer.get_extra_info("socket")
        if sock is None or sock.family != socket.AF_UNIX:
            return
        for _ in range(HEAD_CHECKS):
            if self._writer.is_closing() or not _unread_by_peer(sock.fileno()):
                return
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        """Say that no more comes, let the client finish, and close.

        Closing with unread input would reset the connection and lose what the client has not read yet.
        """
        with contextlib.suppress(ConnectionError, TimeoutError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
                async with asyncio.timeout(LINGER_S):
                    while await self._protocol.reader.read(READ_SIZE):
                        pass
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


class _HijackProtocol(asyncio.StreamReaderProtocol):
    """A stream protocol that stays open for writing when the client closes its side."""

    def __init__(self, loop: asyncio.AbstractEventLoop, http: asyncio.Protocol) -> None:
        self.reader = asyncio.StreamReader(limit=BUFFER_SIZE, loop=loop)
        super().__init__(self.reader, loop=loop)
        self._loop_ = loop
        self._http = http
        self._connection: asyncio.Transport | None = None
        self._check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if isinstance(transport, asyncio.Transport):
            self._connection = transport

    def eof_received(self) -> bool:
        self.reader.feed_eof()
        self._check = self._loop_.call_later(HANG_UP_CHECK_S, self._check_hang_up)
        return True

    def _check_hang_up(self) -> None:
        """Drop a client that closed both sides: an end of input looks the same to read(2)."""
        connection = self._connection
        if connection is None or connection.is_closing():
            return
        if hung_up(connection.get_extra_info("socket")):
            connection.abort()
        else:
            self._check = self._loop_.call_later(HANG_UP_CHECK_S, self._check_hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._check is not None:
            self._check.cancel()
        super().connection_lost(exc)
        self._http.connection_lost(exc)  # lets the server forget it, and cancels the handler


def _unread_by_peer(fileno: int) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(fileno, termios.TIOCOUTQ, b"\0\0\0\0"))
    return int(count)


def hung_up(sock: object) -> bool:
    """True when the peer has closed both sides, as far as the kernel tells: of TCP it does not."""
    fileno = sock.fileno() if hasattr(sock, "fileno") else -1
    if fileno < 0:
        return True
    poll = select.poll()
    poll.register(fileno, 0)  # hang-up and error are always reported
    return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))


def take_over(raw: BaseRequest, headers: dict[str, str]) -> RawStream:
    """Turn the connection into a raw stream and answer 101, or 200 to a client that asked no upgrade."""
    transport, http = raw.transport, raw.protocol
    if transport is None:
        raise ConnectionResetError("the client is gone")
    if http._messages:  # noqa: SLF001 - aiohttp took early input for a request: it cannot be had back
        raise InvalidArgument("input was sent before the connection was upgraded")
    loop = asyncio.get_running_loop()
    protocol = _HijackProtocol(loop, http)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    if getattr(http, "half_closed", False):  # before we took over
        protocol.eof_received()
    if not transport.is_reading():
        transport.resume_reading()
    http.keep_alive(False)  # noqa: FBT003 - aiohttp's signature
    transport.write(_answer(raw.headers.get("Upgrade"), headers))
    writer = asyncio.StreamWriter(transport, protocol, protocol.reader, loop)
    return RawStream(protocol, writer)


def _answer(upgrade: str | None, headers: dict[str, str]) -> bytes:
    if upgrade:
        headers = {**headers, "Connection": "Upgrade", "Upgrade": upgrade}
        status = "101 UPGRADED"
    else:
        status = "200 OK"
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
