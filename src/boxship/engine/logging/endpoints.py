"""Connecting to collectors of logs, with failures told as Go's net package does."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Sequence
from typing import Final

from boxship.errors import BoxshipError, Unavailable

CONNECT_S: Final = 10.0

_ERRNO_TEXTS: Final = {errno.EHOSTUNREACH: "no route to host", errno.ETIMEDOUT: "i/o timeout"}


class Connection:
    """A connected stream or datagram socket; `send` waits while the other end is slow."""

    def __init__(
        self,
        sock: socket.socket | None = None,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None,
    ) -> None:
        self._socket = sock
        self._local = sock is not None and sock.family == socket.AF_UNIX
        self._streams = streams

    async def send(self, data: bytes) -> None:
        """Send all of it, or one datagram; OSError once the other end is gone."""
        if self._streams is not None:
            reader, writer = self._streams
            if reader.at_eof():
                raise BrokenPipeError(errno.EPIPE, "the collector closed the connection")
            writer.write(data)
            await writer.drain()
        elif self._socket is not None:
            try:
                self._socket.send(data)
            except BlockingIOError:
                await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def send_each(self, pieces: Sequence[bytes]) -> None:
        """Send entries: as datagrams of their own, or one behind the other."""
        if self._streams is not None:
            await self.send(b"".join(pieces))
            return
        for piece in pieces:
            try:
                await self.send(piece)
            except ConnectionRefusedError:
                if self._local:
                    raise
                # over the network it only says that an earlier one was not wanted

    async def receive(self, size: int) -> bytes:
        """What the other end says; b"" once it is gone."""
        return await self._streams[0].read(size) if self._streams is not None else b""

    def close(self) -> None:
        """Let go; what was sent is still delivered."""
        if self._streams is not None:
            self._streams[1].close()
        elif self._socket is not None:
            self._socket.close()


async def open_stream(host: str, port: int, tls: ssl.SSLContext | None = None) -> Connection:
    """A TCP connection, perhaps with TLS in it; raise Unavailable in Go's words."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host or "127.0.0.1", port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _failure("tcp", "", host, error) from error
    failure: BoxshipError = Unavailable(f"dial tcp: lookup {host}: no such host")
    for _, _, _, _, address in found:
        number = str(address[0])
        place = f"[{number}]:{port}" if ":" in number else f"{number}:{port}"
        try:
            async with asyncio.timeout(CONNECT_S):
                streams = await asyncio.open_connection(
                    number, port, ssl=tls, server_hostname=host if tls else None
                )
        except (OSError, TimeoutError) as error:
            failure = _failure("tcp", place, host, error)
        else:
            return Connection(streams=streams)
    raise failure


async def open_unix_stream(path: str) -> Connection:
    """A connection to a unix socket."""
    try:
        return Connection(streams=await asyncio.open_unix_connection(path))
    except OSError as error:
        raise Unavailable(f"dial unix {path}: connect: {_reason(error)}") from error


def open_unix_datagrams(path: str) -> Connection:
    """A datagram socket connected to a unix socket."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the library's way
        sock.connect(path)
    except OSError as error:
        sock.close()
        raise Unavailable(f"dial unixgram {path}: connect: {_reason(error)}") from error
    return Connection(sock)


async def open_datagrams(host: str, port: int) -> Connection:
    """A UDP socket connected to a place; only an unknown name fails."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host or "127.0.0.1", port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise _failure("udp", f"{host}:{port}", host, error) from error
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the library's way
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise Unavailable(f"dial udp {host}:{port}: connect: {_reason(error)}") from error
    return Connection(sock)


def _failure(network: str, place: str, host: str, error: Exception) -> BoxshipError:
    if isinstance(error, socket.gaierror):
        return Unavailable(f"dial {network}: lookup {host}: no such host")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unavailable(f"tls: failed to verify certificate: x509: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return Unavailable(f"tls: {error.reason or error}")
    if isinstance(error, TimeoutError) and not error.args:
        return Unavailable(f"dial {network} {place}: i/o timeout")
    return Unavailable(f"dial {network} {place}: connect: {_reason(error)}")


def _reason(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number is None:
        return str(error)
    return _ERRNO_TEXTS.get(number) or os.strerror(number).lower()
