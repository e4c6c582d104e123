"""Between streams of this loop and blocking work in a thread: bounded both ways, ended from either side."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_DEPTH = 4


class Abandoned(Exception):
    """The other side has gone: the work ends."""


class ChunkSource:
    """An async stream as a blocking Source, for a thread that unpacks it."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks = chunks
        self._left = b""
        self._ended = False
        self._abandoned = False

    def read(self, size: int, /) -> bytes:
        """At most *size* bytes; b"" at the end. Called in the thread."""
        while not self._left and not self._ended:
            if self._abandoned:
                raise Abandoned
            chunk = _call(self._loop, self._next())
            if chunk is None:
                self._ended = True
            else:
                self._left = chunk
        data, self._left = self._left[:size], self._left[size:]
        return data

    def abandon(self) -> None:
        """The stream is of no use any more. Called in the loop."""
        self._abandoned = True

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)


async def produced(
    start: Callable[[Callable[[bytes], None]], Coroutine[Any, Any, None]],
) -> AsyncIterator[bytes]:
    """What blocking work pushes into its sink, chunk by chunk.

    *start* is given the sink and awaited in a task: it runs the work in a thread. A reader that goes
    away makes the sink raise, which ends the work; then its clean-up has been done.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[bytes] = asyncio.Queue(_DEPTH)
    abandoned = False

    def sink(data: bytes) -> None:
        if abandoned:
            raise Abandoned
        _call(loop, ready.put(data))

    work = loop.create_task(start(sink), name="produce")
    getting: asyncio.Task[bytes] | None = None
    try:
        while True:
            getting = loop.create_task(ready.get(), name="chunk")
            await asyncio.wait((work, getting), return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                yield getting.result()
                continue
            break
        getting.cancel()
        while not ready.empty():
            yield ready.get_nowait()
        await work
    finally:
        abandoned = True
        if getting is not None:
            getting.cancel()
        while not work.done():
            while not ready.empty():
                ready.get_nowait()  # lets a blocked sink go on, to find out
            await asyncio.wait((work,), timeout=0.05)
        if not work.cancelled():
            work.exception()


def _call(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
