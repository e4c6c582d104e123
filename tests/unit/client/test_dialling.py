"""Connections with TLS, whose directions end one by one, and through programs."""

import asyncio
import contextlib
import os
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from boxship.client.address import parse_address
from boxship.client.dialling import dial
from boxship.client.errors import ConnectionFailed
from boxship.client.tls import TlsFiles, context_of
from boxship.http.tls import TLSProtocol, server_context
from support.certificates import certificates


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("certificates")
    certificates(made)
    return made


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer when the input has ended."""
    with contextlib.suppress(ConnectionError):
        data = await reader.read()
        writer.write(data.upper())
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[int]:
    own = folder / "server"
    context = server_context(own / "cert.pem", own / "key.pem", own / "ca.pem", verify=True)
    loop = asyncio.get_running_loop()

    def inner() -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), shout)

    server = await loop.create_server(lambda: TLSProtocol(context, inner), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def context(folder: Path, *, ca: bool = True, own: bool = True) -> ssl.SSLContext:
    files = folder / "client"
    return context_of(
        TlsFiles(
            ca=str(files / "ca.pem") if ca else "",
            cert=str(files / "cert.pem") if own else "",
            key=str(files / "key.pem") if own else "",
        )
    )


async def test_output_is_read_after_the_input_has_ended(folder: Path) -> None:
    files = len(os.listdir("/proc/self/fd"))
    async with serving(folder) as port:
        line = await dial(parse_address(f"tcp://127.0.0.1:{port}"), context(folder))
        line.writer.write(b"x" * 1_000_000)
        await line.writer.drain()
        line.writer.write_eof()
        assert await line.reader.read() == b"X" * 1_000_000
        line.abort()
        await line.closed()
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= files + 1


async def test_an_unknown_authority_is_refused(folder: Path) -> None:
    async with serving(folder) as port:
        with pytest.raises(ConnectionFailed, match=r"tls: .*CERTIFICATE_VERIFY_FAILED"):
            await dial(parse_address(f"tcp://127.0.0.1:{port}"), context(folder, ca=False))


async def test_a_server_that_speaks_no_tls(folder: Path) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ConnectionFailed):
        await dial(parse_address(f"tcp://127.0.0.1:{port}"), context(folder))
    server.close()


async def test_a_server_that_hangs_up_in_the_handshake(folder: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ConnectionFailed):
        await dial(parse_address(f"tcp://127.0.0.1:{port}"), context(folder))
    server.close()


RELAY = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data.upper())"


async def test_a_program_carries_the_connection() -> None:
    where = parse_address("ssh://host")
    where.command = (sys.executable, "-c", RELAY)
    line = await dial(where, None)
    line.writer.write(b"typed")
    line.writer.write_eof()
    assert await line.reader.read() == b"TYPED"
    line.abort()
    await line.closed()


async def test_a_program_that_fails_says_why() -> None:
    where = parse_address("ssh://host")
    where.command = (sys.executable, "-c", "import sys; sys.exit('no such host')")
    line = await dial(where, None)
    with pytest.raises(ConnectionFailed, match="no such host"):
        await line.reader.read()
    line.abort()


async def test_a_program_that_does_not_exist() -> None:
    where = parse_address("ssh://host")
    where.command = ("no-such-program",)
    with pytest.raises(ConnectionFailed, match="cannot run no-such-program"):
        await dial(where, None)
