"""The life of containers, whichever implementation has it."""

import asyncio

import pytest

import boxship
from boxship.errors import BoxshipError, Conflict, InvalidArgument, NotModified
from boxship.library.any_engine import AnyEngine
from boxship.model.config import RunConfig
from boxship.model.container import (
    ContainerNameTaken,
    ContainerNotRunning,
    HostConfig,
    NoSuchContainer,
    RestartPolicy,
    Status,
)
from boxship.model.process import RuntimeRefused
from boxship.services.containers import ContainerListing, ContainerRequest, WaitResult
from support.box import BUSYBOX

pytestmark = [pytest.mark.root, pytest.mark.asyncio(loop_scope="session")]


async def test_a_life_from_create_to_remove(engine: AnyEngine, name: str) -> None:
    containers = engine.containers
    config = RunConfig(image=BUSYBOX, cmd=("sh", "-c", "exit 7"), labels={"a": "b"}, env=("X=1",))
    created = await containers.create(ContainerRequest(name=name, config=config))
    detail = await containers.inspect(name)
    assert detail.container.id == created.id
    assert detail.container.state.status is Status.CREATED
    assert detail.container.config.labels == {"a": "b"}
    wait = await containers.wait(name, "next-exit")
    await containers.start(name)
    assert await wait.result() == WaitResult(7)
    state = (await containers.inspect(name)).container.state
    assert (state.status, state.exit_code, state.pid) == (Status.EXITED, 7, 0)
    assert 0 < state.started_at <= state.finished_at
    await containers.remove(name)
    with pytest.raises(NoSuchContainer, match=f"No such container: {name}"):
        await containers.inspect(name)


async def test_what_was_asked_for_comes_back(engine: AnyEngine, name: str) -> None:
    host = HostConfig(
        memory=64 << 20,
        binds=("/tmp:/mnt:ro",),
        cap_add=("NET_ADMIN",),
        extra_hosts=("a:1.2.3.4",),
        restart_policy=RestartPolicy(name="on-failure", maximum_retry_count=2),
        sysctls={"net.ipv4.ip_forward": "1"},
        pids_limit=50,
        init=True,
    )
    config = RunConfig(image=BUSYBOX, cmd=("true",), entrypoint=(), user="1000", working_dir="/tmp")
    request = ContainerRequest(name=name, config=config, host_config=host)
    created = await engine.containers.create(request)
    try:
        container = (await engine.containers.inspect(created.id)).container
        for field in ("memory", "binds", "extra_hosts", "restart_policy", "sysctls", "pids_limit"):
            assert getattr(container.host_config, field) == getattr(host, field), field
        assert container.host_config.init is True
        assert (container.config.user, container.config.working_dir) == ("1000", "/tmp")
        assert (container.name, container.path) == (name, "true")
        assert [(m.type, m.destination, m.read_only) for m in container.mounts] == [
            ("bind", "/mnt", True)
        ]
    finally:
        await engine.containers.remove(name)


async def test_list_and_filters(engine: AnyEngine, box: boxship.Box, name: str) -> None:
    other = await engine.create(BUSYBOX, "true", labels={"kind": name})
    containers = engine.containers

    async def ids(*, every: bool = False, **filters: str) -> list[str]:
        given = boxship.Filters({key: (value,) for key, value in filters.items()})
        listing = ContainerListing(all=every, filters=given)
        return [detail.container.id for detail in await containers.list(listing)]

    assert await ids() == [box.id]
    assert await ids(every=True) == [other.id, box.id]  # newest first
    assert await ids(every=True, label=f"kind={name}") == [other.id]
    assert await ids(name=name) == [box.id]
    assert await ids(status="created") == [other.id]
    assert await ids(every=True, ancestor="nothing-like-it") == []
    (detail,) = await containers.list(ContainerListing(size=True))
    assert detail.size_rw is not None
    assert detail.container.state.pid > 0
    with pytest.raises(InvalidArgument, match="invalid filter"):
        await ids(nonsense="x")
    await other.remove()


async def test_stop_waits_for_the_process_to_react(box: boxship.Box) -> None:
    async for line in box.logs(follow=True):
        assert line.text == "ready"
        break
    await box.stop(timeout_s=10)
    assert await box.wait() == 3


async def test_pause_and_restart(box: boxship.Box) -> None:
    await box.pause()
    assert (await box.inspect()).container.state.status is Status.PAUSED
    with pytest.raises(Conflict, match="already paused"):
        await box.pause()
    await box.unpause()
    before = (await box.inspect()).container.state.pid
    await box.restart(timeout_s=1)
    state = (await box.inspect()).container.state
    assert state.status is Status.RUNNING
    assert state.pid != before


async def test_rename_and_update(engine: AnyEngine, box: boxship.Box, name: str) -> None:
    await engine.containers.rename(box.id, f"{name}-b")
    assert (await box.inspect()).container.name == f"{name}-b"
    policy = RestartPolicy(name="unless-stopped")
    await engine.containers.update(box.id, HostConfig(pids_limit=77), policy)
    host = (await box.inspect()).container.host_config
    assert (host.pids_limit, host.restart_policy) == (77, policy)
    await engine.containers.update(box.id, HostConfig(pids_limit=78), None)
    host = (await box.inspect()).container.host_config
    assert (host.pids_limit, host.restart_policy) == (78, policy)


async def test_nothing_to_do_is_told(engine: AnyEngine, box: boxship.Box) -> None:
    with pytest.raises(NotModified):
        await box.start()
    await box.kill()
    await box.wait()
    with pytest.raises(NotModified):
        await box.stop()


async def test_conflicts_have_their_own_classes(
    engine: AnyEngine, box: boxship.Box, name: str
) -> None:
    with pytest.raises(ContainerNameTaken, match="is already in use by container"):
        await engine.create(BUSYBOX, name=name)
    with pytest.raises(Conflict, match="container is running"):
        await box.remove()
    await box.kill()
    await box.wait()
    with pytest.raises(ContainerNotRunning):
        await box.exec("true")


async def test_wait_for_removal(engine: AnyEngine, name: str) -> None:
    box = await engine.create(BUSYBOX, "true", name=name, auto_remove=True)
    wait = await engine.containers.wait(name, "removed")
    await box.start()
    assert (await wait.result()).status_code == 0
    with pytest.raises(NoSuchContainer):
        await box.inspect()


async def test_what_removes_itself_is_no_trouble(engine: AnyEngine) -> None:
    output = await engine.run(BUSYBOX, "sh", "-c", "echo hi; exit 4", auto_remove=True)
    assert output == boxship.Output(4, b"hi\n")
    async with engine.box(BUSYBOX, "true", auto_remove=True) as box:
        pass
    with pytest.raises(NoSuchContainer):
        await box.inspect()
    with pytest.raises(RuntimeRefused):
        await engine.start(BUSYBOX, "nope", auto_remove=True)


@pytest.mark.usefixtures("nothing_new")
async def test_a_run_that_is_cancelled_is_removed(engine: AnyEngine, name: str) -> None:
    for patience_s in (0, 0.001, 0.01, 0.1, 1):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.run(BUSYBOX, "sleep", "60", name=name), patience_s)
        with pytest.raises(NoSuchContainer):
            await engine.get(name)


@pytest.mark.usefixtures("nothing_new")
async def test_a_wait_that_is_cancelled_leaves_nothing(box: boxship.Box) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(box.wait(), 0.1)
    assert (await box.inspect()).container.running


async def test_prune_takes_what_has_ended(engine: AnyEngine, box: boxship.Box, name: str) -> None:
    ended = await engine.create(BUSYBOX, "true", labels={"prune": name})
    filters = boxship.Filters({"label": (f"prune={name}",)})
    result = await engine.containers.prune(filters)
    assert result.removed == (ended.id,)
    assert (await box.inspect()).container.running


async def test_a_bad_request_says_why(engine: AnyEngine) -> None:
    with pytest.raises(InvalidArgument, match="Invalid container name"):
        await engine.create(BUSYBOX, name="-bad")
    with pytest.raises(BoxshipError):
        await engine.containers.inspect("")
