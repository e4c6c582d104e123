"""Processes without a supervisor, as build steps run them."""

import asyncio

import pytest

from boxship.model.process import RuntimeRefused
from support.bundles import Workshop

pytestmark = pytest.mark.root


class Collected:
    def __init__(self) -> None:
        self.parts: list[tuple[int, bytes]] = []

    async def __call__(self, stream: int, data: bytes) -> None:
        self.parts.append((stream, data))

    def of(self, stream: int) -> bytes:
        return b"".join(data for each, data in self.parts if each == stream)


async def test_output_and_exit_code_come_back(workshop: Workshop) -> None:
    output = Collected()
    bundle = workshop.bundle("sh", "-c", "echo out; echo err >&2; exit 4")
    assert await workshop.runtime.run(bundle, output) == 4
    assert (output.of(1), output.of(2)) == (b"out\n", b"err\n")


async def test_much_output_arrives_whole(workshop: Workshop) -> None:
    output = Collected()
    bundle = workshop.bundle("sh", "-c", "head -c 20000000 /dev/zero")
    assert await workshop.runtime.run(bundle, output) == 0
    assert len(output.of(1)) == 20_000_000


async def test_a_missing_program_is_refused_not_shown_as_output(workshop: Workshop) -> None:
    output = Collected()
    with pytest.raises(
        RuntimeRefused, match='exec: "nosuch": executable file not found'
    ) as refused:
        await workshop.runtime.run(workshop.bundle("nosuch"), output)
    assert refused.value.exit_code == 127
    assert output.of(1) == b""


async def test_cancelling_ends_everything_at_whatever_moment(workshop: Workshop) -> None:
    for delay in (0, 0.003, 0.006, 0.01, 0.02, 0.05, 0.2):
        bundle = workshop.bundle("sh", "-c", "sleep 1000 & sleep 1001 & echo; wait")
        running = asyncio.ensure_future(workshop.runtime.run(bundle, Collected()))
        await asyncio.sleep(delay)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_a_reader_that_fails_ends_the_step(workshop: Workshop) -> None:
    async def fail(_stream: int, _data: bytes) -> None:
        raise ConnectionError("the client is gone")

    bundle = workshop.bundle("sh", "-c", "while :; do echo x; done")
    with pytest.raises(BaseExceptionGroup):
        await asyncio.wait_for(workshop.runtime.run(bundle, fail), 10)


async def test_a_step_whose_engine_was_killed_is_ended_by_the_next(workshop: Workshop) -> None:
    container, streams = await workshop.start(workshop.bundle("sleep", "1000"))
    step = asyncio.ensure_future(
        workshop.runtime.run(workshop.bundle("sh", "-c", "echo; sleep 1001"), output := Collected())
    )
    while not output.parts:
        await asyncio.sleep(0.01)
    workshop.runtime = workshop.reopened()
    await workshop.runtime.remove_strays({container.id})
    assert await step == 137  # its runtime saw it die
    assert len(await workshop.runtime.readings.pids(container)) == 1
    streams.close()
    await workshop.runtime.delete(container)
