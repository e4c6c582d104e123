"""Services, twice: of an engine in this process, and of a daemon's over its socket."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

import boxship
from boxship.client.exchange import KEEP_COUNT
from boxship.library.any_engine import AnyEngine
from support import two_engines
from support.box import BUSYBOX

OPENERS = {"engine": two_engines.in_process, "connect": two_engines.over_a_socket}


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=OPENERS)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[AnyEngine]:
    """The engine that all tests share, which must be as empty at the end as it was before."""
    async with OPENERS[request.param]() as opened:
        await two_engines.give_image(opened)
        yield opened


@pytest.fixture
def name() -> str:
    """A name that nothing has yet."""
    return f"contract-{secrets.token_hex(4)}"


@pytest_asyncio.fixture(loop_scope="session")
async def box(engine: AnyEngine, name: str) -> AsyncIterator[boxship.Box]:
    """A container that runs until it is told to end."""
    async with engine.box(BUSYBOX, "sh", "-c", WAITING, name=name) as running:
        yield running


LATE_FILES = 1
"""A container's log file is opened with its first words, which may come while a test runs."""

WAITING = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"


@pytest_asyncio.fixture(loop_scope="session")
async def nothing_new(engine: AnyEngine) -> AsyncIterator[None]:
    """The test leaves no task here, and no descriptor on either side but idle connections."""
    before, own = await settled(engine), own_files()
    yield
    deadline = time.monotonic() + 10
    while True:
        tasks, files = await settled(engine)
        if (tasks <= before[0] and files <= before[1] + LATE_FILES) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.05)
    # fewer when an earlier test had not quite ended
    assert tasks <= before[0], asyncio.all_tasks()
    assert files <= before[1] + LATE_FILES
    assert own_files() <= own + (KEEP_COUNT if isinstance(engine, boxship.Client) else LATE_FILES)


async def settled(engine: AnyEngine) -> tuple[int, int]:
    """Tasks of this process; descriptors of the engine's, without those at our ends of connections."""
    info = await engine.system.info()
    ours = own_files() if isinstance(engine, boxship.Client) else 0
    return len(asyncio.all_tasks()), info.file_descriptors - ours


def own_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextlib.asynccontextmanager
async def removed(engine: AnyEngine, *volumes: str) -> AsyncIterator[None]:
    """These volumes go with the block."""
    try:
        yield
    finally:
        for volume in volumes:
            await engine.volumes.remove(volume, force=True)
