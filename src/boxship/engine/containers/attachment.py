"""One client joined to one process's streams: bytes both ways until the process ends or the client goes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from boxship.engine.containers.detach import DetachScanner
from boxship.engine.containers.live import Live
from boxship.errors import BoxshipError
from boxship.model.container import Container, ContainerNotRunning
from boxship.runtime.contract import ProcessStreams, Runtime
from boxship.services.streams import STDERR, STDOUT, ClientStream

log = logging.getLogger(__name__)

_PATIENCE_S = 2.0
"""How long a client may keep the end of a process from being noticed, as under Docker."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an attachment carries. `keys` is None when nothing that is typed detaches."""

    tty: bool
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    ends_stdin: bool = False  # the client's end of input is the process's
    keys: bytes | None = None


class _Detached(Exception):
    """The client typed the detach keys, or has no more input where that is as good."""


async def _nothing() -> None:
    return


class ProcessAttachment:
    """Implements services.streams.Attachment.

    `past` is output to show first. `on_detach` is told when the keys were typed; `finished` is awaited
    once the output ended, before the client hears so: until then the exit code may be unknown.
    `has_ended` tells whether the process is dead, however much of its output is still to be sent.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        on_detach: Callable[[], None],
        finished: Callable[[], Awaitable[None]] = _nothing,
        has_ended: Callable[[], bool] = lambda: False,
        past: AsyncIterator[tuple[int, bytes]] | None = None,
    ) -> None:
        self._plan = plan
        self._on_detach = on_detach
        self._finished = finished
        self._has_ended = has_ended
        self._writing_since: float | None = None
        self._past = past
        self._streams: asyncio.Future[ProcessStreams | None] = (
            asyncio.get_running_loop().create_future()
        )
        self.withdraw: Callable[[], None] = lambda: None
        self._wanted = {
            stream for stream, wanted in ((STDOUT, plan.stdout), (STDERR, plan.stderr)) if wanted
        }

    def __repr__(self) -> str:
        return f"ProcessAttachment({self._plan})"

    @property
    def tty(self) -> bool:
        """True when there is one raw stream, not two."""
        return self._plan.tty

    @property
    def carries_something(self) -> bool:
        """False for one that asked for no stream that there is."""
        return self._plan.stdin or bool(self._wanted)

    async def connect(self, live: Live, runtime: Runtime, container: Container) -> None:
        """Join the streams of a running process."""
        try:
            self.join(await live.connect(runtime, container))
        except ContainerNotRunning:
            self.give_up()  # it has ended already
        except BoxshipError:
            self.give_up()
            raise

    def join(self, streams: ProcessStreams) -> None:
        """Take these streams."""
        if self._streams.done():  # the client has gone meanwhile
            streams.close()
        else:
            self._streams.set_result(streams)

    def give_up(self) -> None:
        """There will be no process: `run` returns."""
        if not self._streams.done():
            self._streams.set_result(None)

    async def run(self, client: ClientStream) -> None:
        """See services.streams."""
        try:
            await self._run(client)
        except* (ConnectionError, _Detached):
            log.debug("%r: the client is gone, or wishes to be", self)

    async def _run(self, client: ClientStream) -> None:
        if self._past is not None:
            async for stream, data in self._past:
                await client.write(stream, data)
        streams = await self._streams
        if streams is None:
            return
        try:
            await self._carry(client, streams)
        finally:
            if self._plan.stdin and self._plan.ends_stdin:
                await streams.close_stdin()  # a client that vanished will not type any more
            streams.close()
        await self._finished()

    async def close(self) -> None:
        """See services.streams."""
        self.withdraw()
        if self._streams.done() and not self._streams.cancelled():
            streams = self._streams.result()
            if streams is not None:
                streams.close()
        else:
            self._streams.cancel()

    async def _carry(self, client: ClientStream, streams: ProcessStreams) -> None:
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(self._feed(client, streams)) if self._plan.stdin else None
            try:
                await self._drain(client, streams)
            finally:
                if feeding is not None:
                    feeding.cancel()

    async def _drain(self, client: ClientStream, streams: ProcessStreams) -> None:
        """Output at the client's pace: the process waits for a slow one, as under Docker."""
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(_PATIENCE_S, self._look, streams, loop)
        try:
            while (chunk := await streams.read()) is not None:
                stream, data = chunk
                if stream in self._wanted:
                    self._writing_since = loop.time()
                    await client.write(stream, data)
                    self._writing_since = None
        finally:
            self._patience.cancel()

    def _look(self, streams: ProcessStreams, loop: asyncio.AbstractEventLoop) -> None:
        """A client that does not read keeps the supervisor from its work, at last from noticing the end."""
        since = self._writing_since
        if since is not None and loop.time() - since > _PATIENCE_S / 2 and self._has_ended():
            streams.close()
            return
        self._patience = loop.call_later(_PATIENCE_S, self._look, streams, loop)

    async def _feed(self, client: ClientStream, streams: ProcessStreams) -> None:
        scanner = None if self._plan.keys is None else DetachScanner(self._plan.keys)
        while data := await client.read():
            detached = False
            if scanner is not None:
                data, detached = scanner.feed(data)
            if data:
                try:
                    await streams.write(data)
                except ConnectionError:
                    return  # the process closed its input: its output may go on
            if detached:
                self._on_detach()
                raise _Detached
        if not self._plan.ends_stdin:
            raise _Detached  # Docker closes the output then, too
        await streams.close_stdin()


class RefusedAttachment:
    """An attachment to a process that could not be started: all it carries is why."""

    def __init__(self, error: BoxshipError, *, tty: bool) -> None:
        self._error = error
        self.tty = tty

    async def run(self, client: ClientStream) -> None:  # noqa: ARG002
        """Raise the reason: once the connection is hijacked, that is where clients read it."""
        raise self._error

    async def close(self) -> None:
        """Nothing is held."""
