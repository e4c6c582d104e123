"""What containers wrote, and go on writing: logs read at the pace of whoever asks."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

from boxship.concurrency import in_thread
from boxship.engine.containers.live import NEXT_EXIT
from boxship.engine.containers.register import Register
from boxship.engine.logging.keeper import LogKeeper
from boxship.errors import Internal, Unsupported
from boxship.model.container import Container
from boxship.services.containers import Wait
from boxship.services.streams import LogOptions, Logs
from boxship.store.logs.reading import LogSelection

_SETTLE_S: Final = 0.1
"""How long after its start a container's first words may take: Docker's start takes as long, so programs ask
for them at once."""


class ContainerLogs:
    """Reads the logs of containers."""

    def __init__(self, keeper: LogKeeper, register: Register) -> None:
        self._keeper = keeper
        self._register = register

    def read(self, container: Container, options: LogOptions) -> Logs:
        """The log as asked for; following ends with the container."""
        if not self._keeper.is_readable(container):
            raise Unsupported("configured logging driver does not support reading")
        selection = LogSelection(
            stdout=options.stdout,
            stderr=options.stderr,
            timestamps=options.timestamps,
            details=options.details,
            since_ns=options.since_ns,
            until_ns=options.until_ns,
            tail=options.tail,
        )
        ended = None
        if options.follow and container.running:
            ended = self._register.live(container.id).begin_wait(NEXT_EXIT)
        return Logs(container.config.tty, self._chunks(container, selection, ended))

    def past(
        self, container: Container, *, stdout: bool, stderr: bool
    ) -> AsyncIterator[tuple[int, bytes]]:
        """All that was written so far; nothing if the driver keeps nothing."""
        return self._chunks(container, LogSelection(stdout=stdout, stderr=stderr), None)

    async def _chunks(
        self, container: Container, selection: LogSelection, ended: Wait | None
    ) -> AsyncIterator[tuple[int, bytes]]:
        if ended is None and container.running:
            await self._settle(container)
        growth = None if ended is None else _Growth(ended)
        listener = None if growth is None else growth.ring
        try:
            reader = await self._keeper.reader(container, selection, listener)
        except OSError as error:
            raise Internal(f"cannot read the log: {error.strerror}") from error
        try:
            last = False
            while True:
                while chunks := await in_thread(reader.read_more):
                    for chunk in chunks:
                        yield chunk
                if growth is None or last or reader.ended:
                    return
                last = await growth.wait(selection.until_ns)
        finally:
            self._keeper.release(container.id, reader, listener)
            if growth is not None:
                growth.close()

    async def _settle(self, container: Container) -> None:
        left = _SETTLE_S - (time.time_ns() - container.state.started_at) / 10**9
        if 0 < left <= _SETTLE_S:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._register.live(container.id).begin_wait(NEXT_EXIT).result()


class _Growth:
    """Wakes a follower when there is more to read or the container has ended."""

    def __init__(self, ended: Wait) -> None:
        self._woken = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._end = loop.create_task(self._wait_end(ended), name="log end")
        self._has_ended = False

    def ring(self) -> None:
        """There is more."""
        self._woken.set()

    async def wait(self, until_ns: int) -> bool:
        """Wait for more; True when what is there now is all: the container or the time has ended."""
        left = None if not until_ns else (until_ns - time.time_ns()) / 10**9
        try:
            async with asyncio.timeout(left):
                await self._woken.wait()
        except TimeoutError:
            return True
        self._woken.clear()
        return self._has_ended

    def close(self) -> None:
        """Wake nobody any more."""
        self._end.cancel()

    async def _wait_end(self, ended: Wait) -> None:
        await ended.result()
        self._has_ended = True
        self._woken.set()
