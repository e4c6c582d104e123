"""From a spool to where the log goes: a background task that exists only while there is something to do.

Each delivery reads the spool at its own pace, and records how far it is. `kick` says that there may be more,
`end` that the container has ended and nothing will follow.
"""

import asyncio
import contextlib
import itertools
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from boxship.concurrency import Supervisor, in_thread
from boxship.engine.logging.endpoints import Connection
from boxship.engine.logging.sinks import Sink
from boxship.errors import BoxshipError
from boxship.store.logs.filing import Checkpoint, Filing, load_checkpoint, save_checkpoint
from boxship.store.logs.lines import Batch, Message, messages
from boxship.store.logs.spool import SpoolReader

log = logging.getLogger(__name__)

_COALESCE_S: Final = 0.01  # a container that prints all the time is not looked at more often
_QUIET_S: Final = 5.0  # after which files are let go
_PAUSE_S: Final = 0.5
_PAUSE_MAX_S: Final = 30.0
_SENT_AT_ONCE: Final = 64 << 10
_TURN: Final = 50  # entries sent before others have theirs

Told = Callable[[], None]


class Delivery(ABC):
    """One way out of a spool: a task that passes over it while there is news, sleeps, and ends.

    `done` is set once the container has ended and all of its log was delivered; `stuck` is true while what
    the delivery needs fails.
    """

    def __init__(self, name: str, supervisor: Supervisor) -> None:
        self._name = name
        self._supervisor = supervisor
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()
        self._ending = False
        self.done = asyncio.Event()
        self.stuck = False

    def __repr__(self) -> str:
        state = "done" if self.done.is_set() else "busy" if self._task else "idle"
        return f"{type(self).__name__}({self._name}, {state})"

    def kick(self) -> None:
        """There may be more in the spool."""
        self._news.set()
        if self._task is None and not self.done.is_set():
            self._task = self._supervisor.start(self._run(), name=f"log of {self._name}")

    def end(self) -> None:
        """The container has ended: what is in the spool is all."""
        self._ending = True
        self._hurry.set()
        self.kick()

    def resume(self) -> None:
        """The container is started again, perhaps before all was delivered."""
        self._ending = False
        self.done.clear()

    def stop(self) -> None:
        """The container is removed, and its log with it: deliver nothing more."""
        self.done.set()
        if self._task is None:
            self.close()
        else:
            self._task.add_done_callback(lambda _: self.close())
            self._task.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return self._task is None

    async def _run(self) -> None:
        complete = False
        try:
            while not self.done.is_set() and await self._has_news():
                await self._pass()
                if self._ending and not self._news.is_set():
                    await self._finish()
                    if self._ending:
                        self.done.set()
            await self._rest()
            complete = True
        finally:
            self._task = None
            if not complete:
                self._fail()
            elif self._news.is_set() and not self.done.is_set():
                self._restart()

    def _restart(self) -> None:
        """News came while the files were being closed."""
        with contextlib.suppress(RuntimeError):  # the loop is ending
            asyncio.get_running_loop().call_soon(self.kick)

    def _fail(self) -> None:
        """What is needed fails at present, or this is the end: nobody may wait for it."""
        self.stuck = True

    async def _has_news(self) -> bool:
        try:
            async with asyncio.timeout(_QUIET_S):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def _pause(self) -> None:
        """Let a container that prints all the time print a little more, unless somebody waits."""
        if not self._ending:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COALESCE_S):
                    await self._hurry.wait()
            self._hurry.clear()

    @property
    @abstractmethod
    def saved(self) -> tuple[int, int]:
        """The inode and offset up to which the spool is not needed after a crash."""

    @abstractmethod
    def notice(self) -> None:
        """conmon may have begun a new file."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; nothing may be under way."""

    @abstractmethod
    async def _pass(self) -> None:
        """Deliver what is there."""

    @abstractmethod
    async def _finish(self) -> None:
        """Deliver what has no newline, and close."""

    @abstractmethod
    async def _rest(self) -> None:
        """Let go of files until there is news."""


class FileDelivery(Delivery):
    """Into a log file. *progress* is called whenever readers can see more."""

    def __init__(self, name: str, supervisor: Supervisor, filing: Filing, progress: Told) -> None:
        super().__init__(name, supervisor)
        self.filing = filing
        self._progress = progress
        self._passes = 0
        self._waiting: list[tuple[int, tuple[int, int], asyncio.Future[None]]] = []

    @property
    def saved(self) -> tuple[int, int]:
        """See Delivery."""
        return self.filing.saved

    async def caught_up(self) -> None:
        """Block until what is in the spool now was written, or cannot be."""
        if self.done.is_set() or self.stuck:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._passes, self.filing.spool.end(), future))
        self._hurry.set()
        self.kick()
        await future

    def _fail(self) -> None:
        super()._fail()
        for _, _, future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def _release(self, passes: int) -> None:
        """Let go on who waited for no more than was read, or since before as many passes had begun."""
        inode, offset = self.filing.spool.place
        still = []
        for begun, end, future in self._waiting:
            if begun >= passes and (end[0] != inode or end[1] > offset):
                still.append((begun, end, future))
            elif not future.done():
                future.set_result(None)
        self._waiting = still

    async def _pass(self) -> None:
        self._passes += 1
        while await self._insist(self.filing.step):
            self._progress()
            if self._waiting:
                self._release(0)
        self._release(self._passes)
        await self._pause()

    async def _finish(self) -> None:
        await self._insist(self.filing.finish)
        self._progress()
        self._release(self._passes + 1)

    async def _rest(self) -> None:
        if not self.done.is_set():
            await in_thread(self.close)

    def close(self) -> None:
        """Let go of the files, and record how far they are."""
        with contextlib.suppress(OSError):  # a full disk, or no directory any more: read again then
            self.filing.save()
        self.filing.close()

    def notice(self) -> None:
        """conmon may have begun a new file."""
        self.filing.spool.notice()

    async def _insist(self, step: Callable[[], bool | None]) -> bool:
        """A step, again and again while the disk is full: the spool keeps what it can meanwhile."""
        pause_s = _PAUSE_S
        while True:
            try:
                more = bool(await in_thread(step))
                self.stuck = False
                return more
            except OSError as error:
                log.warning("cannot write the log of %s, trying again: %s", self._name, error)
            self._fail()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)


class SinkDelivery(Delivery):
    """To a collector, at least once; an entry is sent again until it went out, or dropped if so configured."""

    def __init__(
        self,
        name: str,
        supervisor: Supervisor,
        sink: Sink,
        spool_path: Path,
        checkpoint_path: Path,
        *,
        buffer_bytes: int | None,
        give_back: Told,
    ) -> None:
        super().__init__(name, supervisor)
        found = load_checkpoint(checkpoint_path) or Checkpoint()
        self._sink = sink
        self._spool = SpoolReader(spool_path, found.position)
        self._checkpoint = checkpoint_path
        self._buffer_bytes = buffer_bytes
        self._give_back = give_back
        self._saved = (found.position.inode, found.position.offset)
        self._connection: Connection | None = None

    @property
    def saved(self) -> tuple[int, int]:
        """See Delivery."""
        return self._saved

    def adopt(self, connection: Connection) -> None:
        """Use a connection that was made so that the container does not start without its collector."""
        self._disconnect()
        self._connection = connection

    async def _pass(self) -> None:
        while (batch := await in_thread(self._read)) is not None:
            await self._deliver(batch)
        await self._pause()

    def _read(self) -> Batch | None:
        if self._spool.place != self._saved:
            self._save()
        return self._spool.read(_SENT_AT_ONCE)

    def _save(self) -> None:
        position = self._spool.position
        try:
            save_checkpoint(self._checkpoint, Checkpoint(position=position))
        except OSError as error:
            log.warning("log of %s: %s", self._name, error)  # at worst some is sent twice
        self._saved = (position.inode, position.offset)
        self._give_back()

    async def _deliver(self, batch: Batch) -> None:
        every = messages(batch)
        while turn := list(itertools.islice(every, _TURN)):
            if not await self._send(turn):
                return
            await asyncio.sleep(0)

    async def _send(self, turn: Sequence[Message]) -> bool:
        """Send some entries; False when they and what followed were dropped."""
        pause_s = _PAUSE_S
        told = False
        while True:
            try:
                if self._connection is None:
                    self._connection = await self._sink.connect()
                await self._sink.send(self._connection, turn)
                self.stuck = False
                return True
            except (OSError, TimeoutError, BoxshipError) as error:
                self._disconnect()
                self._fail()
                if not told:
                    log.warning("cannot send the log of %s, trying again: %s", self._name, error)
                    told = True
            if await in_thread(self._drop):
                return False
            await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 - spreads reconnections
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)

    def _drop(self) -> bool:
        """Drop what a non-blocking log has no room for."""
        if self._buffer_bytes is None:
            return False
        excess = self._spool.lag() - self._buffer_bytes
        if excess <= 0:
            return False
        self._spool.skip(excess)
        return True

    async def _finish(self) -> None:
        await self._deliver(self._spool.finish())
        await in_thread(self._close)
        self._disconnect()

    async def _rest(self) -> None:
        if not self.done.is_set():
            await in_thread(self._close)

    def notice(self) -> None:
        """conmon may have begun a new file."""
        self._spool.notice()

    def _close(self) -> None:
        if self._spool.place != self._saved:
            self._save()
        self._spool.close()

    def close(self) -> None:
        """Let go of the spool and the collector."""
        self._close()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
