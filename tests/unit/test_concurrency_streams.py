"""Streams between threads and the loop."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from boxship.concurrency import (
    StreamAborted,
    ThreadSource,
    consume,
    feeding,
    from_thread,
    in_own_thread,
    in_thread,
)


async def body(*chunks: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk
    if then is not None:
        raise then


def read_all(source: ThreadSource) -> bytes:
    found = b""
    while data := source.read(3):
        assert len(data) <= 3
        found += data
    return found


async def test_a_thread_reads_a_body_to_its_end() -> None:
    chunks = [b"x" * n for n in range(50)]
    async with feeding(body(*chunks)) as source:
        assert await in_thread(read_all, source) == b"".join(chunks)


async def test_a_broken_body_breaks_the_reader() -> None:
    with pytest.raises(ConnectionResetError):
        async with feeding(body(b"abc", then=ConnectionResetError())) as source:
            await in_thread(read_all, source)


async def test_items_come_out_of_a_thread_in_order() -> None:
    def produce(put: Callable[[int], None]) -> None:
        for number in range(100):
            put(number)

    assert [item async for item in from_thread(produce)] == list(range(100))


async def test_what_the_thread_raises_is_raised_behind_its_items() -> None:
    def produce(put: Callable[[int], None]) -> None:
        put(1)
        raise ValueError("no")

    found = []
    with pytest.raises(ValueError, match="no"):  # noqa: PT012
        async for item in from_thread(produce):
            found.append(item)  # noqa: PERF401
    assert found == [1]


async def test_a_reader_that_leaves_stops_the_thread() -> None:
    ended: list[type[BaseException]] = []

    def produce(put: Callable[[int], None]) -> None:
        try:
            for number in range(10**9):
                put(number)
        except StreamAborted:
            ended.append(StreamAborted)
            raise

    stream = from_thread(produce)
    async for item in stream:
        if item == 3:
            break
    await stream.aclose()  # type: ignore[attr-defined]
    assert ended == [StreamAborted]


async def test_a_reader_that_leaves_wakes_a_thread_waiting_for_the_body() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.sleep(3600)

    async with feeding(endless()) as source:

        def work(put: Callable[[bytes], None]) -> None:
            while data := source.read(100):
                put(data)

        stream = from_thread(work, abort=source.abort)
        async for item in stream:
            assert item == b"first"
            break
        await asyncio.wait_for(stream.aclose(), 5)  # type: ignore[attr-defined]


async def test_consume_reads_a_body_and_returns_what_came_of_it() -> None:
    assert await consume(body(b"ab", b"cd"), read_all) == b"abcd"
    with pytest.raises(ValueError, match="broken"):
        await consume(body(b"ab", then=ValueError("broken")), read_all)


async def test_consume_can_be_cancelled_while_the_client_stalls() -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.sleep(3600)

    task = asyncio.ensure_future(consume(stalled(), read_all))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_many_stalled_readers_keep_nobody_out() -> None:
    def produce(put: Callable[[bytes], None]) -> None:
        while True:
            put(b"x")

    streams = [from_thread(produce) for _ in range(50)]
    for stream in streams:
        await anext(stream)
    assert await asyncio.wait_for(in_thread(lambda: 1), 5) == 1
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_thread_of_its_own_raises_like_a_call() -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await in_own_thread(fail)
    assert await in_own_thread(lambda: 5) == 5
