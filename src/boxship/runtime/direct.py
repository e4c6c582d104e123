"""Running a bundle to its end without a supervisor: a build step dies with the engine, or before."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from boxship.linux import process
from boxship.linux.oci_runtime import OciRuntime, last_error
from boxship.runtime.contract import Output
from boxship.runtime.waiting import wait_child, wait_readable

_CHUNK: Final = 65536


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
            async with asyncio.TaskGroup() as group:
                for stream, (read, _) in enumerate(pipes, 1):
                    group.create_task(_pump(read, stream, output))
            code = await wait_child(pid)
        except BaseException:
            await asyncio.shield(_end(pid, kill))
            raise
    finally:
        for read, _ in pipes:
            os.close(read)
    # an error in the log means that the process never ran
    return Outcome(code, last_error(log) if code else "")


async def _end(pid: int, kill: Callable[[], Awaitable[None]]) -> None:
    """First the runtime, lest it starts something more; then what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await wait_child(pid)
    await kill()


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
