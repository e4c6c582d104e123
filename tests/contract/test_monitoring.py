"""Looking on: processes, resource use, events, facts."""

import asyncio
import os
import time

import pytest

import boxship
from boxship.library.any_engine import AnyEngine
from boxship.model.container import ContainerNotRunning
from boxship.services.monitoring import Stats
from support.box import BUSYBOX

pytestmark = [pytest.mark.root, pytest.mark.asyncio(loop_scope="session")]


async def test_top(engine: AnyEngine, box: boxship.Box) -> None:
    table = await engine.monitoring.top(box.id)
    assert "PID" in table.titles
    assert any("trap" in " ".join(row) for row in table.processes)
    table = await engine.monitoring.top(box.id, "-o pid,comm")
    assert list(table.titles) == ["PID", "COMMAND"]


async def test_one_sample_and_a_stream(engine: AnyEngine, box: boxship.Box, name: str) -> None:
    samples = await engine.monitoring.stats(box.id, stream=False, one_shot=True)
    (sample,) = [sample async for sample in samples]
    assert (sample.id, sample.name.removeprefix("/")) == (box.id, name)
    assert sample.pids > 0
    assert sample.cpu.total > 0
    assert sample.networks is not None
    assert "eth0" in sample.networks
    assert abs(sample.read_ns - time.time_ns()) < 60 * 10**9
    found: list[Stats] = []
    samples = await engine.monitoring.stats(box.id, stream=True, one_shot=False)
    async for sample in samples:
        found.append(sample)
        if len(found) == 2:
            break
    await samples.aclose()  # type: ignore[attr-defined]
    assert found[1].precpu.total == found[0].cpu.total
    assert found[1].preread_ns == found[0].read_ns


async def test_what_does_not_run(engine: AnyEngine, box: boxship.Box) -> None:
    await box.kill()
    await box.wait()
    with pytest.raises(ContainerNotRunning):
        await engine.monitoring.top(box.id)
    samples = await engine.monitoring.stats(box.id, stream=False, one_shot=False)
    (sample,) = [sample async for sample in samples]
    assert (sample.cpu.total, sample.read_ns) == (0, 0)


async def test_past_events(engine: AnyEngine, name: str) -> None:
    since = time.time_ns()
    await engine.run(BUSYBOX, "true", name=name, labels={"k": "v"})
    events = [
        event
        async for event in engine.watch(
            since_ns=since, until_ns=time.time_ns(), type="container", container=name
        )
    ]
    actions = [event.action for event in events]
    assert actions == ["create", "attach", "start", "die", "destroy"]
    assert events[0].attributes["k"] == "v"
    assert events[3].attributes["exitCode"] == "0"
    assert all(since <= event.time_ns <= time.time_ns() for event in events)
    assert sorted(event.time_ns for event in events) == [event.time_ns for event in events]


@pytest.mark.usefixtures("nothing_new")
async def test_events_as_they_happen(engine: AnyEngine, name: str) -> None:
    filters = boxship.Filters({"event": ("create", "destroy"), "container": (name,)})
    events = await engine.events.subscribe(filters)
    running = asyncio.ensure_future(engine.run(BUSYBOX, "true", name=name))
    assert [(await anext(events)).action for _ in range(2)] == ["create", "destroy"]
    await running
    await events.aclose()  # type: ignore[attr-defined]


async def test_info(engine: AnyEngine) -> None:
    info = await engine.system.info()
    assert info.version == boxship.__version__
    assert info.name == os.uname().nodename
    assert info.kernel_version == os.uname().release
    assert info.cpus > 0
    assert info.images >= 1
    assert "runc" in info.runtimes or "crun" in info.runtimes
    assert info.storage_driver == "overlay2"


async def test_disk_usage(engine: AnyEngine, box: boxship.Box) -> None:
    usage = await engine.system.disk_usage(frozenset({"container", "image"}))
    assert box.id in {detail.container.id for detail in usage.containers}
    assert any(f"{BUSYBOX}:latest" in detail.tags for detail in usage.images)
    assert usage.layers_size > 0
    assert not usage.volumes
