"""What is only true while the engine runs: who waits for a container, and who is attached early."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from boxship.concurrency import Supervisor
from boxship.engine.containers.sharing import SharedStreams, share
from boxship.model.container import Container
from boxship.runtime.contract import ProcessStreams, Runtime
from boxship.services.containers import WaitResult

NOT_RUNNING = "not-running"
NEXT_EXIT = "next-exit"
REMOVED = "removed"


class Joining(Protocol):
    """An attachment that waits for the process to exist."""

    def join(self, streams: ProcessStreams) -> None:
        """The process was created and has not started: these are its streams."""
        ...

    def give_up(self) -> None:
        """There will be no process."""
        ...


class BegunWait:
    """Implements services.containers.Wait."""

    def __init__(self, future: "asyncio.Future[WaitResult]") -> None:
        self._future = future

    async def result(self) -> WaitResult:
        """Block until the condition holds."""
        return await self._future


class Live:
    """One container's waiters, early attachments and background tasks."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._shared: SharedStreams | None = None
        self._exit: set[asyncio.Future[WaitResult]] = set()
        self._removal: set[asyncio.Future[WaitResult]] = set()
        self._joining: list[Joining] = []
        self.watcher: asyncio.Task[Any] | None = None
        self.restarter: asyncio.Task[Any] | None = None
        self.kept_by_user = False  # a `docker restart` is under way: no auto-removal between
        self.last_life = False  # its user ended it: no policy starts it again
        self.signalled = False  # by its user: becomes `stopped_by_user` when it ends
        self._stops = 0

    def __repr__(self) -> str:
        waiting = len(self._exit) + len(self._removal)
        return f"Live({waiting} waiting, {len(self._joining)} joining)"

    def begin_wait(self, condition: str) -> BegunWait:
        """Wait for the next exit or for the removal: what happens from now on is not missed."""
        future: asyncio.Future[WaitResult] = asyncio.get_running_loop().create_future()
        waiters = self._removal if condition == REMOVED else self._exit
        waiters.add(future)
        future.add_done_callback(waiters.discard)
        return BegunWait(future)

    def begin_life(self) -> None:
        """A process is about to start: what was said about the last one is void."""
        self.cancel_restart()
        self.last_life = self.signalled = False
        self._shared = None

    def begin_stop(self) -> None:
        """A `docker stop` waits for the end, to be told before it as Docker does."""
        self._stops += 1

    def take_stops(self) -> int:
        """How many stops the end is to tell about."""
        stops, self._stops = self._stops, 0
        return stops

    def exited(self, result: WaitResult) -> None:
        """Wake those who wait for an exit."""
        _wake(self._exit, result)

    def removed(self, result: WaitResult) -> None:
        """Wake everybody: there will be no other exit."""
        self.give_up_joining()
        _wake(self._exit, result)
        _wake(self._removal, result)

    def join(self, joining: Joining) -> Callable[[], None]:
        """Have *joining* connected when the next process is created; returns how to withdraw it."""
        self._joining.append(joining)

        def withdraw() -> None:
            if joining in self._joining:
                self._joining.remove(joining)

        return withdraw

    async def connect_joining(self, runtime: Runtime, container: Container) -> None:
        """Connect all early attachments to the created process."""
        if not self._joining:
            return
        streams = await runtime.attach(container)
        joining, self._joining = self._joining, []
        if _shares(container):
            shared = self._share(streams)
            members: Sequence[ProcessStreams] = [shared.join() for _ in joining]
        else:
            members = share(streams, len(joining))
        for each, member in zip(joining, members, strict=True):
            each.join(member)

    async def connect(self, runtime: Runtime, container: Container) -> ProcessStreams:
        """The streams of the running process, for one more client."""
        if not _shares(container):
            return await runtime.attach(container)
        shared = self._shared
        if shared is None or shared.ended:
            shared = self._share(await runtime.attach(container))
        return shared.join()

    def _share(self, streams: ProcessStreams) -> SharedStreams:
        self._shared = SharedStreams(
            streams, lambda work: self._supervisor.start(work, name="nobody listens")
        )
        return self._shared

    def give_up_joining(self) -> None:
        """Tell early attachments that no process will come."""
        while self._joining:
            self._joining.pop().give_up()

    def cancel_restart(self) -> None:
        """Forget a restart that was due."""
        if self.restarter is not None:
            self.restarter.cancel()
            self.restarter = None


def _shares(container: Container) -> bool:
    config = container.config
    return config.open_stdin and config.stdin_once and not config.tty


def finished(result: WaitResult) -> BegunWait:
    """A wait whose condition holds already."""
    future: asyncio.Future[WaitResult] = asyncio.get_running_loop().create_future()
    future.set_result(result)
    return BegunWait(future)


def _wake(waiters: "set[asyncio.Future[WaitResult]]", result: WaitResult) -> None:
    for future in list(waiters):
        if not future.done():
            future.set_result(result)
    waiters.clear()
