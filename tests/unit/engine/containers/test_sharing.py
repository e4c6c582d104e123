"""Several clients on one connection."""

import asyncio
from collections import deque

from boxship.engine.containers.sharing import BACKLOG, share


class Source:
    """Streams that give what they were fed."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = deque(chunks)
        self.closed = False

    async def read(self) -> tuple[int, bytes] | None:
        await asyncio.sleep(0)
        return (1, self.chunks.popleft()) if self.chunks else None

    async def write(self, data: bytes) -> None:
        self.chunks.append(data)

    async def close_stdin(self) -> None:
        return

    def close(self) -> None:
        self.closed = True


async def drain(streams: object) -> bytes:
    found = b""
    while (chunk := await streams.read()) is not None:  # type: ignore[attr-defined]
        found += chunk[1]
    return found


async def test_everybody_sees_everything() -> None:
    source = Source(*(b"%d," % number for number in range(100)))
    members = share(source, 3)
    found = await asyncio.gather(*(drain(member) for member in members))
    assert found == [b"".join(b"%d," % number for number in range(100))] * 3
    for member in members:
        assert not source.closed
        member.close()
    assert source.closed


async def test_a_slow_member_holds_the_others_back_until_it_goes() -> None:
    source = Source(*([b"x" * (BACKLOG // 4)] * 12))
    quick, slow = share(source, 2)
    reading = asyncio.ensure_future(drain(quick))
    await asyncio.sleep(0.05)
    assert not reading.done()
    assert len(source.chunks) == 8
    slow.close()
    assert len(await reading) == 3 * BACKLOG


async def test_a_member_that_is_cancelled_while_it_reads_hinders_nobody() -> None:
    source = Source()
    blocked = asyncio.Event()

    async def read() -> tuple[int, bytes] | None:
        await blocked.wait()
        return None

    source.read = read  # type: ignore[method-assign]
    first, second = share(source, 2)
    reading = asyncio.ensure_future(drain(first))
    other = asyncio.ensure_future(drain(second))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait((reading,))
    first.close()
    blocked.set()
    assert await other == b""


def test_one_client_has_the_streams_themselves() -> None:
    source = Source()
    assert share(source, 1) == [source]
