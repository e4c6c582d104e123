"""The asynchronous exchange against a scripted server."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from boxship.client.address import parse_address
from boxship.client.answers import JSONLines, Stream
from boxship.client.errors import BadAnswer, CannotConnect, ConnectionFailed
from boxship.client.exchange import Transport
from boxship.errors import NotFound, NotModified, Unavailable

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Server:
    """Runs one script for each connection, in order; the last one again for all that follow."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.hung_up = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await script(reader, writer)
            await reader.read()
        self.hung_up.set()
        writer.close()

    async def head(self, reader: asyncio.StreamReader) -> bytes:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        return self.heads[-1]

    async def chunks(self, reader: asyncio.StreamReader) -> bytes:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        self.bodies.append(body)
        return body


@contextlib.asynccontextmanager
async def talking(
    path: Path, make: Callable[[Server], Script]
) -> AsyncIterator[tuple[Transport, Server]]:
    server = Server()
    server._scripts = (make(server),)
    listening = await asyncio.start_unix_server(server.serve, path)
    transport = Transport(parse_address(f"unix://{path}"))
    try:
        yield transport, server
    finally:
        await transport.close()
        listening.close()


def answering(*answers: bytes) -> Callable[[Server], Script]:
    """Answers one request after the other on one connection."""

    def make(server: Server) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers:
                await server.head(reader)
                writer.write(answer)
                await writer.drain()

        return script

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


async def test_connections_are_used_again(path: Path) -> None:
    length = OK + b"Content-Length: 7\r\n\r\n" + b'{"a":1}'
    chunked = CHUNKED + b"3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    async with talking(path, answering(length, chunked, empty)) as (transport, server):
        assert await transport.json("GET", "/a") == {"a": 1}
        assert await transport.json("GET", "/b") == [1, 2]
        assert await transport.json("POST", "/c", body={"x": 1}) is None
    assert server.connections == 1
    assert server.heads[0].startswith(b"GET /v1.51/a HTTP/1.1\r\n")
    assert b"Content-Length: 7\r\n" in server.heads[2]


async def test_errors_leave_the_connection_usable(path: Path) -> None:
    body = b'{"message":"No such container: x"}'
    missing = (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    unchanged = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    answers = (missing % len(body) + body, unchanged, OK + b"Content-Length: 0\r\n\r\n")
    async with talking(path, answering(*answers)) as (transport, server):
        with pytest.raises(NotFound, match="No such container: x"):
            await transport.json("GET", "/a")
        with pytest.raises(NotModified, match="it runs"):
            await transport.json("POST", "/b", unchanged="it runs")
        assert await transport.json("GET", "/c") is None
    assert server.connections == 1


async def test_an_upload_is_answered_while_it_is_sent(path: Path) -> None:
    def make(server: Server) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.head(reader)
            writer.write(CHUNKED + b'7\r\n"begun"\r\n')
            size = len(await server.chunks(reader))
            writer.write(b"7\r\n%07d\r\n0\r\n\r\n" % size)

        return script

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 300_000
        yield b""
        yield b"y" * 700_000

    async with talking(path, make) as (transport, server):
        answer = await transport.request("POST", "/load", upload=body())
        assert [chunk async for chunk in answer] == [b'"begun"', b"1000000"]
    assert server.bodies == [b"x" * 300_000 + b"y" * 700_000]


async def test_a_refused_upload_stops_and_says_why(path: Path) -> None:
    stopped = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1 << 16)
        finally:
            stopped.set()

    refusal = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"
    async with talking(path, answering(refusal)) as (transport, server):
        with pytest.raises(NotFound, match="none"):
            await transport.request("PUT", "/archive", upload=endless())
        await asyncio.wait_for(stopped.wait(), 5)
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_an_upload_that_breaks_breaks_the_request(path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"begin"
        raise RuntimeError("on fire")

    async with talking(path, answering(b"")) as (transport, server):
        with pytest.raises(RuntimeError, match="on fire"):
            await transport.request("PUT", "/archive", upload=broken())
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_giving_up_a_stream_hangs_up(path: Path) -> None:
    line = b'{"n":1}\n'
    begun = CHUNKED + b"%x\r\n%b\r\n" % (len(line), line)
    async with talking(path, answering(begun)) as (transport, server):
        answer = await transport.request("GET", "/events")
        stream = Stream(answer, JSONLines(lambda document: document["n"]).feed)
        assert await anext(stream) == 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.05)
        await asyncio.wait_for(server.hung_up.wait(), 5)
        assert [item async for item in stream] == []


async def test_cancelling_a_request_hangs_up(path: Path) -> None:
    async with talking(path, answering(b"")) as (transport, server):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(transport.json("GET", "/slow"), 0.05)
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_closing_ends_what_reads(path: Path) -> None:
    async with talking(path, answering(CHUNKED + b"1\r\nx\r\n")) as (transport, _):
        answer = await transport.request("GET", "/logs")
        assert await anext(answer) == b"x"
        reading = asyncio.ensure_future(anext(answer))
        await asyncio.sleep(0.01)
        await transport.close()
        with pytest.raises(Unavailable):
            await reading
        with pytest.raises(Unavailable, match="was closed"):
            await transport.json("GET", "/more")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"SSH-2.0 hello\r\n\r\n", BadAnswer),
        (b"HTTP/1.1 abc\r\n\r\n", BadAnswer),
        (OK + b"Content-Length: -1\r\n\r\n", BadAnswer),
        (OK + b"X: " + b"y" * 600_000 + b"\r\n\r\n", BadAnswer),
        (CHUNKED + b"zz\r\n", ConnectionFailed),
    ],
)
async def test_nonsense_is_told_apart(path: Path, answer: bytes, error: type[Exception]) -> None:
    async with talking(path, answering(answer)) as (transport, server):
        with pytest.raises(error):
            await transport.json("GET", "/a")
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_a_body_that_is_no_json(path: Path) -> None:
    async with talking(path, answering(OK + b"Content-Length: 4\r\n\r\n{{{{")) as (transport, _):
        with pytest.raises(BadAnswer, match="malformed JSON"):
            await transport.json("GET", "/a")


@pytest.mark.parametrize(
    "begin", [b"", OK, CHUNKED + b"5\r\nab", OK + b"Content-Length: 9\r\n\r\na"]
)
async def test_an_answer_that_is_cut_is_no_answer(path: Path, begin: bytes) -> None:
    def make(server: Server) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.head(reader)
            writer.write(begin)
            writer.close()

        return script

    async with talking(path, make) as (transport, _):
        with pytest.raises(ConnectionFailed):
            await transport.json("GET", "/a")


async def test_a_body_until_the_end_of_the_connection(path: Path) -> None:
    def make(server: Server) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.head(reader)
            writer.write(OK + b"\r\n[1]")
            writer.close()

        return script

    async with talking(path, make) as (transport, _):
        assert await transport.json("GET", "/a") == [1]


async def test_a_raw_stream_is_half_closed(path: Path) -> None:
    def make(server: Server) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.head(reader)
            writer.write(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: raw\r\n\r\nearly")
            data = await reader.read()
            writer.write(data.upper())
            writer.close()

        return script

    async with talking(path, make) as (transport, server):
        raw = await transport.hijack("/attach", {"stdin": True})
        assert raw.media_type == "raw"
        assert await raw.read() == b"early"
        await raw.write(b"typed")
        raw.write_eof()
        assert await raw.read() == b"TYPED"
        assert await raw.read() == b""
    assert b"Upgrade: tcp\r\n" in server.heads[0]


@pytest.mark.parametrize(
    ("told", "version"), [(b"1.41", (1, 41)), (b"1.99", (1, 51)), (b"x", (1, 51)), (b"", (1, 51))]
)
async def test_the_newest_common_version(path: Path, told: bytes, version: tuple[int, int]) -> None:
    pong = OK + b"Api-Version: " + told + b"\r\nContent-Length: 2\r\n\r\nOK"
    async with talking(path, answering(pong)) as (transport, server):
        await transport.ping()
        assert transport.version == version
    assert server.heads[0].startswith(b"GET /_ping HTTP/1.1\r\n")


async def test_nobody_listens(path: Path) -> None:
    transport = Transport(parse_address(f"unix://{path}"))
    with pytest.raises(CannotConnect, match="Is the boxship daemon running"):
        await transport.ping()
    files = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Unavailable):
        await Transport(parse_address("tcp://127.0.0.1:1")).ping()
    assert len(os.listdir("/proc/self/fd")) == files
