"""Logs kept and sent by a LogKeeper, from a spool that the test writes as conmon would, to real sockets."""

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from boxship.engine.logging.info import log_info
from boxship.engine.logging.journald import Journald
from boxship.engine.logging.keeper import LogKeeper
from boxship.errors import BoxshipError, Unavailable
from boxship.linux import holes
from boxship.linux.inotify import Inotify
from boxship.model.config import RunConfig
from boxship.model.container import Container, ContainerState, HostConfig, LogConfig
from boxship.store.logs.lines import Message
from boxship.store.logs.reading import LogSelection
from support.certificates import certificates

ID = "0123456789abcdef" * 4


def a_container(driver: str, **options: str) -> Container:
    config = {key.replace("_", "-"): value for key, value in options.items()}
    return Container(
        id=ID,
        name="web",
        created=1,
        image=None,
        image_reference="box",
        config=RunConfig(),
        host_config=HostConfig(log_config=LogConfig(type=driver, config=config)),
        path="true",
        args=(),
        state=ContainerState(started_at=1),
    )


class Kept:
    """A container's log, and the next engines that take it up."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / ID
        self.directory.mkdir()
        self.keeper = LogKeeper(root, Inotify(), holes.punch)
        self.written = 0

    async def restart(self, container: Container) -> None:
        await self.keeper.close()
        self.keeper = LogKeeper(self.root, Inotify(), holes.punch)
        await self.keeper.resume([container])

    def log(self, *texts: str, stream: str = "stdout") -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        lines = [f"{stamp}.{n:09d}+00:00 {stream} F {text}\n" for n, text in enumerate(texts)]
        with (self.directory / "log-spool").open("ab") as file:
            file.write("".join(lines).encode())

    async def read(self, container: Container) -> list[str]:
        reader = await self.keeper.reader(container, LogSelection(), None)
        found = b""
        while frames := reader.read_more():
            found += b"".join(data for _, data in frames)
        self.keeper.release(ID, reader, None)
        return found.decode().splitlines()


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    one = Kept(tmp_path)
    yield one
    await one.keeper.close()


async def until(probe: Callable[[], object], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not probe():
            await asyncio.sleep(0.01)


class Datagrams(asyncio.DatagramProtocol):
    """All that comes to a socket."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self.received.append(data)


@contextlib.asynccontextmanager
async def udp() -> AsyncIterator[tuple[int, Datagrams]]:
    loop = asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
    yield transport.get_extra_info("sockname")[1], heard
    transport.close()


@contextlib.asynccontextmanager
async def unix_datagrams(path: Path) -> AsyncIterator[Datagrams]:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(Datagrams, sock=sock)
    yield heard
    transport.close()


class Stream:
    """A server that keeps what it hears; *answer* may say something to each piece."""

    def __init__(self, answer: Callable[[bytes], bytes] = lambda _: b"") -> None:
        self.heard = b""
        self.connections = 0
        self._answer = answer
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def start_unix(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                self.heard += data
                writer.write(self._answer(data))
        writer.close()


async def logged(kept: Kept, container: Container, *texts: str) -> None:
    await kept.keeper.open(container)
    kept.log(*texts)
    assert await kept.read(container) == list(texts)


async def test_syslog_over_udp(kept: Kept) -> None:
    async with udp() as (port, heard):
        container = a_container("syslog", syslog_address=f"udp://127.0.0.1:{port}")
        await logged(kept, container, "one", "two")
        await until(lambda: len(heard.received) == 2)
        assert [data.rpartition(b": ")[2] for data in heard.received] == [b"one\n", b"two\n"]


async def test_datagrams_that_nobody_wants_stop_nothing(kept: Kept) -> None:
    container = a_container("syslog", syslog_address="udp://127.0.0.1:9")
    await logged(kept, container, *map(str, range(50)))
    await kept.keeper.finish(ID)
    assert not (kept.directory / "log-spool").exists()


@pytest.mark.parametrize("kind", ["unix", "unixgram"])
async def test_syslog_over_unix_sockets(kept: Kept, kind: str) -> None:
    path = kept.root / "socket"
    container = a_container("syslog", syslog_address=f"{kind}://{path}", syslog_format="rfc5424")
    if kind == "unix":
        server = Stream()
        await server.start_unix(path)
        await logged(kept, container, "one", "two")
        await until(lambda: server.heard.endswith(b"- two\n"))
        await server.stop()
    else:
        async with unix_datagrams(path) as heard:
            await logged(kept, container, "one", "two")
            await until(lambda: len(heard.received) == 2)


async def test_syslog_over_tls(kept: Kept, tmp_path: Path) -> None:
    certificates(folder := tmp_path / "certificates")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server" / "cert.pem", folder / "server" / "key.pem")
    server = Stream()
    await server.start(tls=context)
    address = f"tcp+tls://127.0.0.1:{server.port}"
    stranger = a_container("syslog", syslog_address=address)
    with pytest.raises(Unavailable, match="failed to verify certificate"):
        await kept.keeper.open(stranger)
    assert list(kept.directory.iterdir()) == []
    container = a_container(
        "syslog", syslog_address=address, syslog_tls_ca_cert=str(folder / "server" / "ca.pem")
    )
    await logged(kept, container, "one", "two")
    await until(lambda: server.heard.endswith(b": two\n"))
    await server.stop()


async def test_nothing_is_lost_while_a_collector_is_down(kept: Kept) -> None:
    """The container writes on; what waits in the spool goes out in order once the collector is back."""
    server = Stream()
    await server.start()
    container = a_container("gelf", gelf_address=f"tcp://127.0.0.1:{server.port}")
    await logged(kept, container, "first")
    await until(lambda: b'"first"' in server.heard)
    await server.stop()
    texts = [f"line {number}" for number in range(2000)]
    kept.log(*texts)
    assert await kept.read(container) == ["first", *texts]  # the cache does not wait
    await asyncio.sleep(0.3)
    await server.start(server.port)
    await until(lambda: b"line 1999" in server.heard, 20)
    await server.stop()
    heard = [json.loads(each)["short_message"] for each in server.heard.split(b"\0") if each]
    assert [text for text in heard if text != "first"][-len(texts) :] == texts


async def test_a_collector_that_is_not_there_stops_the_start(kept: Kept) -> None:
    container = a_container("fluentd", fluentd_address="127.0.0.1:9")
    with pytest.raises(BoxshipError, match=r"dial tcp 127.0.0.1:9: connect: connection refused"):
        await kept.keeper.open(container)
    assert not (kept.directory / "log-spool").exists()


async def test_an_asynchronous_fluentd_may_come_later(kept: Kept) -> None:
    server = Stream()
    await server.start()
    await server.stop()
    container = a_container(
        "fluentd", fluentd_address=f"127.0.0.1:{server.port}", fluentd_async="true"
    )
    await logged(kept, container, "one")
    await asyncio.sleep(0.1)
    await server.start(server.port)
    await until(lambda: b"one" in server.heard)
    assert msgspec.msgpack.decode(server.heard)[2]["log"] == "one"
    await server.stop()


async def test_fluentd_hears_that_events_came(kept: Kept) -> None:
    def answer(data: bytes) -> bytes:
        return msgspec.msgpack.encode({"ack": msgspec.msgpack.decode(data)[3]["chunk"]})

    server = Stream(answer)
    await server.start()
    container = a_container(
        "fluentd", fluentd_address=f"tcp://127.0.0.1:{server.port}", fluentd_request_ack="true"
    )
    await logged(kept, container, *map(str, range(30)))
    await kept.keeper.finish(ID)
    assert server.connections == 1
    assert server.heard.count(b"container_id") == 30
    await server.stop()


async def test_a_log_that_does_not_block_drops_the_oldest(kept: Kept) -> None:
    server = Stream()
    await server.start()
    container = a_container(
        "syslog",
        syslog_address=f"tcp://127.0.0.1:{server.port}",
        mode="non-blocking",
        max_buffer_size="10k",
        cache_disabled="true",
    )
    await kept.keeper.open(container)
    await server.stop()
    kept.log(*(f"line {number}" for number in range(5000)))
    await asyncio.sleep(0.3)
    await server.start(server.port)
    await until(lambda: b"line 4999\n" in server.heard, 20)
    await server.stop()
    assert b"line 100\n" not in server.heard
    assert server.heard.count(b"\n") < 600


async def test_an_engine_that_was_killed_goes_on_sending(kept: Kept) -> None:
    async with udp() as (port, heard):
        container = a_container("syslog", syslog_address=f"udp://127.0.0.1:{port}")
        await logged(kept, container, "one")
        await until(lambda: len(heard.received) == 1)
        await kept.restart(container)
        kept.log("two")
        await until(lambda: heard.received[-1].endswith(b": two\n"))
        assert await kept.read(container) == ["one", "two"]


async def test_what_a_killed_engine_left_of_an_ended_container_is_delivered(kept: Kept) -> None:
    container = a_container("json-file")
    await kept.keeper.open(container)
    await kept.keeper.close()
    kept.log("last words")
    kept.keeper = LogKeeper(kept.root, Inotify(), holes.punch)
    await kept.keeper.resume_ended(container)
    await until(lambda: not (kept.directory / "log-spool").exists())
    assert await kept.read(container) == ["last words"]
    assert {path.name for path in kept.directory.iterdir()} == {f"{ID}-json.log"}


async def test_the_spool_s_blocks_are_given_back(kept: Kept) -> None:
    container = a_container("json-file")
    await kept.keeper.open(container)
    for _ in range(20):
        kept.log(*("x" * 1000 for _ in range(200)))
        await kept.read(container)
    spool = kept.directory / "log-spool"
    await asyncio.sleep(0.05)
    assert spool.stat().st_size > 4_000_000
    assert spool.stat().st_blocks * 512 < 1 << 20
    await kept.keeper.finish(ID)
    assert not spool.exists()


async def test_removal_stops_what_cannot_be_delivered(kept: Kept) -> None:
    server = Stream()
    await server.start()
    container = a_container("syslog", syslog_address=f"tcp://127.0.0.1:{server.port}")
    await kept.keeper.open(container)
    await server.stop()
    kept.log("never")
    await asyncio.sleep(0.1)
    kept.keeper.forget(ID)
    await until(lambda: "busy" not in repr(kept.keeper) and "log of web" not in repr(kept.keeper))


async def test_journald_gets_small_and_large_entries(kept: Kept) -> None:
    """What no datagram holds goes as a file that the journal maps."""
    path = kept.root / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(path))
        sink = Journald(log_info(a_container("journald")), str(path))
        connection = await sink.connect()
        await sink.send(connection, [Message(1, 1, b"small", None)])
        assert journal.recv(1 << 16).startswith(b"MESSAGE=small\n")
        journal.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        large = b"x" * (1 << 20)
        await sink.send(connection, [Message(2, 2, large, None)])
        _, (fd, *_), _, _ = socket.recv_fds(journal, 16, 1)
        with open(fd, "rb") as file:
            file.seek(0)
            assert file.read().startswith(b"MESSAGE=" + large + b"\nPRIORITY=3\n")
        connection.close()
