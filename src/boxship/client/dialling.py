"""Asynchronous connections to a daemon: unix sockets, TCP, programs such as ssh, and TLS.

Of a TLS connection the directions close one by one.
"""

import asyncio
import contextlib
import ssl
from typing import Final, NamedTuple

from boxship.client import ssh
from boxship.client.address import Address
from boxship.client.errors import CannotConnect, ConnectionFailed
from boxship.concurrency import in_thread
from boxship.errors import PermissionDenied
from boxship.http.tls import TLSProtocol

BUFFER_SIZE: Final = 1 << 18
"""Bytes read ahead of a slow consumer: twice that, and the peer must wait."""


class Line(NamedTuple):
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def abort(self) -> None:
        """Give it up, with whatever is still under way."""
        self.writer.transport.abort()

    async def closed(self) -> None:
        """Wait until its descriptor is gone."""
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


async def dial(where: Address, context: ssl.SSLContext | None) -> Line:
    """Connect; raise CannotConnect, PermissionDenied or ConnectionFailed."""
    try:
        if where.command:
            program = await in_thread(ssh.dial, where)
            return Line(*await asyncio.open_unix_connection(sock=program, limit=BUFFER_SIZE))
        if where.path:
            return Line(*await asyncio.open_unix_connection(where.path, limit=BUFFER_SIZE))
        if context is None:
            return Line(*await asyncio.open_connection(where.host, where.port, limit=BUFFER_SIZE))
        return await _dial_tls(where, context)
    except PermissionError as error:
        raise PermissionDenied(
            "permission denied while trying to connect to the Boxship daemon socket at "
            f"{where.text}: dial unix {where.path}: connect: permission denied"
        ) from error
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise CannotConnect(where.text) from error
    except ssl.SSLError as error:
        raise ConnectionFailed(
            f"error during connect: {where.text}: tls: {error.reason or error}"
        ) from error
    except OSError as error:
        raise ConnectionFailed(f"error during connect: {where.text}: {error}") from error


async def _dial_tls(where: Address, context: ssl.SSLContext) -> Line:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=BUFFER_SIZE)
    protocol = asyncio.StreamReaderProtocol(reader)

    def make() -> TLSProtocol:
        return TLSProtocol(context, lambda: protocol, server_name=where.host)

    tcp, tls = await loop.create_connection(make, where.host, where.port)
    tls.opened.add_done_callback(lambda future: future.cancelled() or future.exception())
    try:
        transport = await asyncio.shield(tls.opened)
    except BaseException:
        tcp.abort()
        raise
    return Line(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
