"""The engine dies and comes back: in-process, its successor on the same root."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from boxship.linux import mounts
from boxship.model.container import Container, RestartPolicy, Status
from boxship.services.execs import ExecRequest
from boxship.services.streams import AttachOptions
from boxship.services.volumes import VolumeRequest
from support.rootfs import busybox
from support.yard import Client, Yard, until

pytestmark = pytest.mark.root


@pytest.fixture
async def yards(tmp_path: Path) -> AsyncIterator[list[Yard]]:
    """The engines of a test, in turn; the last is alive and cleans up."""
    first = Yard(tmp_path / "root")
    first.add_image(busybox(), env=("PATH=/bin",), cmd=("sh",))
    alive = [first]
    try:
        yield alive
        await alive[-1].clear()
        leftovers = alive[-1].leftovers()
    finally:
        await alive[-1].clear()
        await alive[-1].stop()
    assert not leftovers


async def restart(yards: list[Yard]) -> Yard:
    yards.append(await yards[-1].restarted())
    return yards[-1]


async def test_what_runs_is_found_and_can_be_used(yards: list[Yard]) -> None:
    yard = yards[0]
    identifier = await yard.create(
        "sh", "-c", "while read x; do echo got $x; done", open_stdin=True
    )
    await yard.services.containers.start(identifier)
    yard = await restart(yards)
    assert yard.services.register.get(identifier).running
    assert yard.sandboxes.attached == {identifier}
    client = Client(b"one\n", ends=False)
    attachment = await yard.services.streams.attach(
        identifier, AttachOptions(stdin=True, stdout=True, stream=True)
    )
    running = asyncio.ensure_future(attachment.run(client))
    await until(lambda: client.output[1] == b"got one\n")
    await yard.services.containers.kill(identifier)
    await running
    state = yard.services.register.get(identifier).state
    assert (state.status, state.exit_code) == (Status.EXITED, 137)
    assert await yard.logs(identifier) == (b"got one\n", b"")


async def test_an_exit_meanwhile_is_recorded(yards: list[Yard]) -> None:
    yard = yards[0]
    identifier = await yard.create("sh", "-c", "sleep 0.3; echo bye; exit 6")
    await yard.services.containers.start(identifier)
    await yard.stop()
    await asyncio.sleep(0.8)
    yard = Yard(yard.root, cgroup_parent=yard.cgroup_parent)
    yards.append(yard)
    await yard.services.restore()
    await until(lambda: not yard.services.register.get(identifier).running)
    assert yard.services.register.get(identifier).state.exit_code == 6
    assert await yard.logs(identifier) == (b"bye\n", b"")


async def test_rm_happens_even_when_nobody_watched(yards: list[Yard]) -> None:
    yard = yards[0]
    identifier = await yard.create("sleep", "0.2", host={"auto_remove": True})
    await yard.services.containers.start(identifier)
    await yard.stop()
    await asyncio.sleep(0.5)
    yard = Yard(yard.root, cgroup_parent=yard.cgroup_parent)
    yards.append(yard)
    await yard.services.restore()
    await until(lambda: yard.services.register.find(identifier) is None and not yard.leftovers())


async def test_a_running_session_is_found_again(yards: list[Yard]) -> None:
    yard = yards[0]
    identifier = await yard.create("sleep", "100")
    await yard.services.containers.start(identifier)
    exec_id = await yard.services.execs.create(
        identifier, ExecRequest(cmd=("sh", "-c", "sleep 0.5; exit 8"))
    )
    await yard.services.execs.start(exec_id, detach=True, tty=False)
    yard = await restart(yards)
    assert (await yard.services.execs.inspect(exec_id)).running
    async with asyncio.timeout(5):
        while (await yard.services.execs.inspect(exec_id)).exit_code is None:
            await asyncio.sleep(0.02)
    assert (await yard.services.execs.inspect(exec_id)).exit_code == 8


async def test_policies_start_what_was_stopped(yards: list[Yard]) -> None:
    yard = yards[0]
    names = {}
    for policy in ("always", "unless-stopped", "no"):
        names[policy] = await yard.create(
            "sleep", "100", host={"restart_policy": RestartPolicy(name=policy)}
        )
        await yard.services.containers.start(names[policy])
        await yard.services.containers.stop(names[policy], timeout_s=0)
    yard = await restart(yards)
    running = {policy: yard.services.register.get(each).running for policy, each in names.items()}
    # Docker's "always" forgets a stop by hand when the engine restarts, "unless-stopped" does not
    assert running == {"always": True, "unless-stopped": False, "no": False}


async def test_a_half_started_container_is_put_right(yards: list[Yard]) -> None:
    """Killed after the process was made and before that was written down."""
    yard = yards[0]
    identifier = await yard.create("sleep", "100")
    row = yard.services.register.get(identifier)
    await yard.services.containers.start(identifier)
    yard.services.register.save(row)
    yard = await restart(yards)
    assert yard.services.register.get(identifier).state.status is Status.CREATED
    await yard.services.containers.start(identifier)
    assert yard.services.register.get(identifier).running


async def test_a_half_made_container_is_removed(yards: list[Yard]) -> None:
    """Killed after its directory and snapshot were made and before its row was."""
    yard = yards[0]
    (yard.bundles / ("a" * 64)).mkdir()
    yard.store.snapshots.prepare(f"container/{'a' * 64}", None)
    yard = await restart(yards)
    assert list(yard.bundles.iterdir()) == []
    assert not list(yard.store.snapshots.keys())


async def test_an_exit_is_known_when_the_engine_died_while_it_cleaned_up(yards: list[Yard]) -> None:
    """What the supervisor recorded is dropped only once it is in the database."""
    yard = yards[0]
    identifier = await yard.create("sh", "-c", "sleep 0.2; exit 6")
    seen: list[int] = []
    delete = yard.runtime.delete

    async def dies_after(container: Container) -> None:
        await delete(container)
        seen.append(yard.services.register.get(identifier).state.exit_code)
        await asyncio.Event().wait()

    yard.runtime.delete = dies_after  # type: ignore[method-assign]
    await yard.services.containers.start(identifier)
    await until(lambda: seen)
    assert seen == [6]
    yard = await restart(yards)
    state = yard.services.register.get(identifier).state
    assert (state.status, state.exit_code) == (Status.EXITED, 6)


async def test_a_mounted_volume_outlives_the_engine(yards: list[Yard]) -> None:
    options = {"type": "tmpfs", "device": "tmpfs"}
    volume = await yards[0].volumes.create(VolumeRequest(name="ram", options=options))
    name = await yards[0].create("sleep", "1000", host={"binds": ("ram:/x",)})
    await yards[0].services.containers.start(name)
    yard = await restart(yards)
    await yard.volumes.settle()
    assert mounts.is_mount_point(volume.mountpoint)
    await yard.services.containers.remove(name, force=True)
    assert not mounts.is_mount_point(volume.mountpoint)
    await yard.volumes.remove("ram")


async def test_a_mount_that_nobody_holds_goes_at_the_start(yards: list[Yard]) -> None:
    options = {"type": "tmpfs", "device": "tmpfs"}
    volume = await yards[0].volumes.create(VolumeRequest(name="ram", options=options))
    await yards[0].volumes.activate("ram", "a container that ended with the engine")
    yard = await restart(yards)
    await yard.volumes.settle()
    assert not mounts.is_mount_point(volume.mountpoint)
    await yard.volumes.remove("ram")
