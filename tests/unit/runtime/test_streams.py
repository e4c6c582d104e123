"""conmon's attach protocol, with a socket pair in its place."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from boxship.model.container import ContainerNotRunning
from boxship.runtime.streams import AttachedStreams, connect
from support.bundles import read_all


@pytest.fixture
def conmon() -> Iterator[tuple[AttachedStreams, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.settimeout(5)
    streams = AttachedStreams(ours)
    yield streams, theirs
    streams.close()
    theirs.close()


Pair = tuple[AttachedStreams, socket.socket]


async def test_packets_of_a_stream_are_joined(conmon: Pair) -> None:
    streams, theirs = conmon
    for packet in (b"\x02one ", b"\x02two", b"\x03err", b"\x02three"):
        theirs.send(packet)
    theirs.close()
    chunks = [await streams.read() for _ in range(4)]
    assert chunks == [(1, b"one two"), (2, b"err"), (1, b"three"), None]


async def test_the_end_stays_the_end(conmon: Pair) -> None:
    streams, theirs = conmon
    theirs.close()
    assert await streams.read() is None
    assert await streams.read() is None


async def test_reading_waits_for_output(conmon: Pair) -> None:
    streams, theirs = conmon
    reading = asyncio.ensure_future(streams.read())
    await asyncio.sleep(0.01)
    assert not reading.done()
    theirs.send(b"\x02late")
    assert await reading == (1, b"late")


async def test_closing_wakes_the_reader(conmon: Pair) -> None:
    streams, _ = conmon
    reading = asyncio.ensure_future(streams.read())
    await asyncio.sleep(0.01)
    streams.close()
    assert await asyncio.wait_for(reading, 5) is None


async def test_a_cancelled_reader_loses_nothing(conmon: Pair) -> None:
    streams, theirs = conmon
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(streams.read(), 0.005)
    theirs.send(b"\x02still here")
    assert await streams.read() == (1, b"still here")


async def test_input_goes_in_packets_that_conmon_can_take(conmon: Pair) -> None:
    streams, theirs = conmon
    data = bytes(range(256)) * 400
    writing = asyncio.ensure_future(streams.write(data))
    received = b""
    while len(received) < len(data):
        await asyncio.sleep(0)
        packet = theirs.recv(1 << 20)
        assert len(packet) < 32768
        received += packet
    await writing
    assert received == data


async def test_writing_waits_while_the_process_is_slow(conmon: Pair) -> None:
    streams, theirs = conmon
    writing = asyncio.ensure_future(streams.write(bytes(10_000_000)))
    await asyncio.sleep(0.05)
    assert not writing.done()
    theirs.close()
    with pytest.raises(ConnectionError):
        await writing


async def test_closing_input_leaves_output_open(conmon: Pair) -> None:
    streams, theirs = conmon
    await streams.close_stdin()
    await streams.close_stdin()
    assert theirs.recv(100) == b""
    theirs.send(b"\x02bye")
    theirs.close()
    assert await read_all(streams) == (b"bye", b"")
    await streams.close_stdin()


async def test_without_a_supervisor_nothing_runs(tmp_path: object) -> None:
    with pytest.raises(ContainerNotRunning):
        await connect(str(tmp_path), "c1")
    with pytest.raises(ContainerNotRunning):
        await connect(f"{tmp_path}/gone", "c1")
