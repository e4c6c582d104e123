"""Running a bundle to its end without a supervisor: a build step dies with the engine, or before."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from boxship.linux import process
from boxship.linux.oci_runtime import OciRuntime, last_error
from boxship.runtime.contract import Output
from boxship.runtime.waiting import wait_child, wait_readable

_CHUNK: Final = 65536
_ATTEMPTS: Final = 100
_PATIENCE_S: Final = 0.05
_LOG_DELAY_S: Final = 0.03


class Outcome(msgspec.Struct, frozen=True):
    """The exit code, or in *complaint* why the runtime could not start the process."""

    exit_code: int
    complaint: str = ""


async def run(
    runtime: OciRuntime,
    container_id: str,
    directory: str,
    output: Output,
    kill: Callable[[], Awaitable[None]],
) -> Outcome:
    """Run a prepared bundle; *kill* ends everything in its cgroup when the caller is cancelled."""
    log = Path(directory, "runtime.log")
    log.unlink(missing_ok=True)
    pipes = [os.pipe(), os.pipe()]
    try:
        try:
            pid = process.spawn(
                [
                    runtime.path,
                    # of its own: the runtime's complaints must not mix with the program's output
                    *("--log", str(log), "--log-format", "json"),
                    *runtime.global_arguments(),
                    *("run", "--bundle", directory, container_id),
                ],
                stdout=pipes[0][1],
                stderr=pipes[1][1],
            )
        finally:
            for _, write in pipes:
                os.close(write)
        try:
            held = _Held(log, output)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(pipes[0][0], 1, output))
                group.create_task(_pump(pipes[1][0], 2, held.output))
            code = await wait_child(pid)
            complaint = last_error(log) if code else ""
            if not complaint:
                await held.release()
        except BaseException:
            await asyncio.shield(_end(pid, kill, [read for read, _ in pipes]))
            raise
    finally:
        for read, _ in pipes:
            os.close(read)
    # an error in the log means that the process never ran
    return Outcome(code, complaint)


class _Held:
    """Standard error, kept back from when the runtime logs something: it repeats its complaints there."""

    def __init__(self, log: Path, output: Output) -> None:
        self._log = log
        self._output = output
        self._chunks: list[bytes] = []
        self._running = False

    async def output(self, stream: int, data: bytes) -> None:
        if not self._running:
            await asyncio.sleep(_LOG_DELAY_S)  # the runtime writes its log after the complaint
        if self._log.exists() and self._log.stat().st_size:
            self._chunks.append(data)
        else:
            self._running = True
            await self._output(stream, data)

    async def release(self) -> None:
        for data in self._chunks:
            await self._output(2, data)


async def _end(pid: int, kill: Callable[[], Awaitable[None]], held_open: Sequence[int]) -> None:
    """First the runtime, lest it starts something more; then what it started.

    What it was just starting may not have reached its cgroup yet: until its streams are closed (they are,
    once it is dead) it is looked for again.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await wait_child(pid)
    for _ in range(_ATTEMPTS):
        await kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                for fd in held_open:
                    await _drain(fd)
            return


async def _drain(fd: int) -> None:
    async def drop(_stream: int, _data: bytes) -> None:
        pass

    await _pump(fd, 1, drop)


async def _pump(fd: int, stream: int, output: Output) -> None:
    os.set_blocking(fd, False)
    while True:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            await wait_readable(fd)
            continue
        if not data:
            return
        await output(stream, data)
