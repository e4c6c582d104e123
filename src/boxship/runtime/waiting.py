"""Waiting for descriptors and programs on the event loop: no threads, no polling."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from boxship.linux import process

_OUTPUT_LIMIT: Final = 16 << 20


class Finished(NamedTuple):
    """How a program ended and what it wrote to either stream."""

    exit_code: int
    text: str


async def wait_readable(fd: int) -> None:
    """Block until a descriptor has something to read; only one may wait for it at a time."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


async def wait_writable(fd: int) -> None:
    """Block until a descriptor takes more."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(fd, _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


async def wait_child(pid: int) -> int:
    """Block until a child of ours ends; reaps it and returns its exit code as shells count it."""
    fd = process.open_pidfd(pid)
    if fd is not None:
        try:
            await wait_readable(fd)
        finally:
            os.close(fd)
    code = process.reap(pid)
    return 255 if code is None else code


async def run_program(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a short program to its end; a cancelled caller kills it."""
    # a memory file rather than a pipe: nobody has to read along, and no grandchild can hold it open
    output = os.memfd_create("output", os.MFD_CLOEXEC)
    try:
        pid = process.spawn(command, environment=environment, stdout=output, stderr=output)
        try:
            code = await wait_child(pid)
        except asyncio.CancelledError:
            os.kill(pid, 9)
            await asyncio.shield(wait_child(pid))
            raise
        return Finished(code, read_memory_file(output))
    finally:
        os.close(output)


def read_memory_file(fd: int) -> str:
    """What was written to a memory file."""
    return os.pread(fd, min(os.fstat(fd).st_size, _OUTPUT_LIMIT), 0).decode(errors="replace")


async def read_line(fd: int) -> bytes:
    """A line from a pipe; what there is when the other end closes."""
    os.set_blocking(fd, False)
    line = bytearray()
    while not line.endswith(b"\n"):
        try:
            part = os.read(fd, 65536)
        except BlockingIOError:
            await wait_readable(fd)
            continue
        if not part:
            break
        line += part
    return bytes(line)


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
