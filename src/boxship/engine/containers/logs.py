"""What containers wrote, and go on writing: logs read at the pace of whoever asks."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote

from boxship.concurrency import in_thread
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.live import NEXT_EXIT
from boxship.engine.containers.register import Register
from boxship.engine.containers.start import log_path
from boxship.errors import Internal, Unavailable, Unsupported
from boxship.model.container import Container
from boxship.services.containers import Wait
from boxship.services.streams import LogOptions, Logs
from boxship.store.logs import LogReader, LogSelection

Watch = Callable[[str], int]
"""Gives a non-blocking descriptor that becomes readable when the file grows."""


class ContainerLogs:
    """Reads the logs of containers."""

    def __init__(self, parts: Parts, register: Register, watch: Watch) -> None:
        self._root = parts.settings.root
        self._register = register
        self._watch = watch

    def read(self, container: Container, options: LogOptions) -> Logs:
        """The log as asked for; following ends with the container."""
        path = log_path(self._root, container)
        if not path:
            raise Unsupported("configured logging driver does not support reading")
        selection = LogSelection(
            stdout=options.stdout,
            stderr=options.stderr,
            timestamps=options.timestamps,
            details=log_details(container) if options.details else None,
            since_ns=options.since_ns,
            until_ns=options.until_ns,
            tail=options.tail,
        )
        ended = None
        if options.follow and container.running:
            ended = self._register.live(container.id).begin_wait(NEXT_EXIT)
        chunks = self._chunks(Path(path), selection, ended)
        return Logs(container.config.tty, chunks)

    def past(
        self, container: Container, *, stdout: bool, stderr: bool
    ) -> AsyncIterator[tuple[int, bytes]]:
        """All that was written so far."""
        selection = LogSelection(stdout=stdout, stderr=stderr)
        path = log_path(self._root, container)
        return self._chunks(Path(path or os.devnull), selection, None)

    async def _chunks(
        self, path: Path, selection: LogSelection, ended: Wait | None
    ) -> AsyncIterator[tuple[int, bytes]]:
        try:
            reader = LogReader(path, selection)
        except FileNotFoundError:
            return  # it never started
        except OSError as error:
            raise Internal(f"cannot read the log: {error.strerror}") from error
        with contextlib.closing(reader), contextlib.ExitStack() as closing:
            growth = None
            if ended is not None:
                growth = closing.enter_context(contextlib.closing(self._growth(path, ended)))
            last = False
            while True:
                while chunks := await in_thread(reader.read_more):
                    for chunk in chunks:
                        yield chunk
                if growth is None or last or reader.ended:
                    return
                last = await growth.wait(selection.until_ns)

    def _growth(self, path: Path, ended: Wait) -> "_Growth":
        try:
            return _Growth(self._watch(str(path)), ended)
        except OSError as error:
            raise Unavailable(f"cannot follow the log: {error.strerror}") from error


def log_details(container: Container) -> bytes:
    """The labels and variables that `--log-opt labels=… env=…` puts beside each line."""
    options = container.host_config.log_config.config or {}
    labels = container.config.labels or {}
    env = dict(pair.partition("=")[::2] for pair in container.config.env or ())
    found: dict[str, str] = {}
    for source, option in ((labels, "labels"), (env, "env")):
        names = options.get(option, "").split(",")
        pattern = options.get(f"{option}-regex", "")
        found |= {
            key: value
            for key, value in source.items()
            if key in names or (pattern and _matches(pattern, key))
        }
    return ",".join(f"{quote(key)}={quote(value)}" for key, value in sorted(found.items())).encode()


def _matches(pattern: str, key: str) -> bool:
    try:
        return re.search(pattern, key) is not None
    except re.error:
        return False


class _Growth:
    """Wakes a follower when the file has grown or the container has ended."""

    def __init__(self, fd: int, ended: Wait) -> None:
        self._fd = fd
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._ring)
        self._end = self._loop.create_task(self._wait_end(ended), name="log end")
        self._has_ended = False

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
        """Watch no more."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._end.cancel()

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 1 << 16)
        self._woken.set()

    async def _wait_end(self, ended: Wait) -> None:
        await ended.result()
        self._has_ended = True
        self._woken.set()
