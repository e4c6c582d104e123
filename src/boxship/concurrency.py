"""All our asyncio helpers: threads for blocking adapters, their streams, locks by key, supervision."""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

STREAM_DEPTH = 8
"""How many chunks a stream between a thread and the loop may hold."""

STREAM_BATCH = 1 << 19
"""Bytes that a body is handed to a thread in while the thread is busy: each hand-over costs both a wake-up."""

_POOL = ThreadPoolExecutor(max_workers=32, thread_name_prefix="boxship")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in the bounded pool.

    Cancelling the caller does not stop the call: we wait for its end before letting the cancellation
    through, so that an undo never races the work it undoes.
    """
    future = asyncio.get_running_loop().run_in_executor(_POOL, lambda: function(*args, **kwargs))
    return await _to_its_end(future)


async def in_own_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The same in a thread of its own: for calls that wait for a client, who may take for ever.

    In the pool, a few dozen stalled clients would keep everybody else out.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def finish(outcome: Callable[[], None]) -> None:
        if not future.done():
            outcome()

    def run() -> None:
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            outcome = partial(future.set_exception, error)
        else:
            outcome = partial(future.set_result, result)
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(finish, outcome)

    threading.Thread(target=run, name=f"boxship-{getattr(function, '__name__', 'call')}").start()
    return await _to_its_end(future)


async def _to_its_end(future: "asyncio.Future[T]") -> T:
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if not future.cancelled():
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()  # mark it as seen: the cancellation is what counts now
        raise


class StreamAborted(ConnectionError):
    """The other end of a stream between a thread and the loop has gone."""


class ThreadSource:
    """A body that the loop receives, as a blocking stream for one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(STREAM_DEPTH)
        self._rest = b""
        self._at = 0
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """At most *size* bytes, b"" at the end; raises what receiving the body raised."""
        if self._at == len(self._rest) and not self._ended:
            item = self._ready.get()
            if isinstance(item, BaseException):
                self._ended = True
                raise item
            self._rest, self._at, self._ended = item, 0, not item
            with contextlib.suppress(RuntimeError):  # the loop may have closed meanwhile
                self._loop.call_soon_threadsafe(self._room.release)
        data = self._rest[self._at : self._at + size]
        self._at += len(data)
        return data

    def abort(self) -> None:
        """Let the thread's present or next read fail."""
        self._ready.put(StreamAborted("the stream was given up"))

    async def pump(self, body: AsyncIterator[bytes]) -> None:
        """Feed the thread until the body ends."""
        held: list[bytes] = []
        size = 0
        try:
            async for chunk in body:
                if not chunk:
                    continue
                held.append(chunk)
                size += len(chunk)
                if size >= STREAM_BATCH or self._ready.empty():
                    await self._give(held)
                    size = 0
            await self._give(held)
            self._ready.put(b"")
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as error:  # noqa: BLE001 - raised again in the thread
            self._ready.put(error)

    async def _give(self, held: list[bytes]) -> None:
        if held:
            await self._room.acquire()
            self._ready.put(b"".join(held))
            held.clear()


@contextlib.asynccontextmanager
async def feeding(body: AsyncIterator[bytes]) -> AsyncIterator[ThreadSource]:
    """A blocking source over *body*, for threads that the block starts; reading it elsewhere hangs."""
    source = ThreadSource()
    task = asyncio.get_running_loop().create_task(source.pump(body), name="feeding")
    try:
        yield source
    finally:
        task.cancel()
        await asyncio.wait([task])


async def consume(body: AsyncIterator[bytes], function: Callable[[ThreadSource], T]) -> T:
    """Let *function* read *body* in a thread of its own; cancelling breaks its present read."""
    async with feeding(body) as source:
        work = asyncio.ensure_future(in_own_thread(function, source))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            source.abort()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # mark it as seen
            raise


async def from_thread(
    function: Callable[[Callable[[T], None]], None], *, abort: Callable[[], None] | None = None
) -> AsyncIterator[T]:
    """Run *function* in a thread and yield what it passes to the callable it is given.

    That call waits while the reader is slow, and raises StreamAborted once the reader has gone; *abort*
    is called then too, to wake the thread from other waits. What the function raises is raised here.
    """
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[T | None] = asyncio.Queue()
    room = threading.Semaphore(STREAM_DEPTH)
    gone = threading.Event()

    def put(item: T) -> None:
        room.acquire()
        if gone.is_set():
            raise StreamAborted("the reader has gone")
        loop.call_soon_threadsafe(items.put_nowait, item)

    async def work() -> None:
        try:
            await in_own_thread(function, put)
        finally:
            items.put_nowait(None)

    task = loop.create_task(work(), name="from_thread")
    try:
        while (item := await items.get()) is not None:
            room.release()
            yield item
        await task
    finally:
        gone.set()
        room.release(64)  # several threads may wait for room
        if not task.done():
            if abort is not None:
                abort()
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # mark it as seen


class KeyedLocks:
    """One lock per key, made on first use and dropped with its last user."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    def __repr__(self) -> str:
        return f"KeyedLocks({len(self._locks)} held or awaited)"

    @contextlib.asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        """Hold the key's lock for the block."""
        lock, users = self._locks.get(key, (None, 0))
        if lock is None:
            lock = asyncio.Lock()
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)


class Supervisor:
    """Owns background tasks: each failure is logged, and `close` ends them all.

    A task given to `start` runs until it returns or `close` is called; nothing is ever forgotten, and
    an exception in one is reported with its name, never swallowed.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"Supervisor({self._name}: {sorted(task.get_name() for task in self._tasks)})"

    def start(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> "asyncio.Task[Any]":
        """Run a coroutine in the background, under a name that logs can show."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: task %s failed", self._name, task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
