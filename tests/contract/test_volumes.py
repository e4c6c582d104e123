"""Volumes, whichever implementation keeps them."""

import pytest

import boxship
from boxship.errors import InvalidArgument
from boxship.library.any_engine import AnyEngine
from boxship.model.volume import NoSuchVolume, VolumeInUse
from boxship.services.volumes import VolumeRequest
from contract.conftest import removed
from support.box import BUSYBOX

pytestmark = [pytest.mark.root, pytest.mark.asyncio(loop_scope="session")]


async def test_a_volume_outlives_its_containers(engine: AnyEngine, name: str) -> None:
    async with removed(engine, name):
        made = await engine.volumes.create(VolumeRequest(name=name, labels={"a": "b"}))
        assert (made.name, made.driver, made.labels) == (name, "local", {"a": "b"})
        assert made == await engine.volumes.inspect(name)
        assert made.created > 10**18  # nanoseconds
        bind = [f"{name}:/data"]
        await engine.run(BUSYBOX, "sh", "-c", "echo kept > /data/f", volumes=bind)
        assert (await engine.run(BUSYBOX, "cat", "/data/f", volumes=bind)).text == "kept"
    with pytest.raises(NoSuchVolume, match=f"get {name}: no such volume"):
        await engine.volumes.inspect(name)


async def test_list_and_use(engine: AnyEngine, name: str) -> None:
    async with removed(engine, name, f"{name}-b"):
        await engine.volumes.create(VolumeRequest(name=name, labels={"kind": name}))
        await engine.volumes.create(VolumeRequest(name=f"{name}-b"))
        async with engine.box(BUSYBOX, "sleep", "60", volumes=[f"{name}:/data"]) as box:
            await box.write_file("/data/f", bytes(10_000))
            filters = boxship.Filters({"label": (f"kind={name}",)})
            (detail,) = await engine.volumes.list(filters)
            assert (detail.volume.name, detail.size, detail.containers) == (name, -1, -1)
            (detail,) = await engine.volumes.list(filters, usage=True)
            assert detail.containers == 1
            assert detail.size >= 10_000
            with pytest.raises(VolumeInUse, match=f"remove {name}: volume is in use"):
                await engine.volumes.remove(name)
        dangling = boxship.Filters({"dangling": ("true",), "name": (name,)})
        assert len(await engine.volumes.list(dangling)) == 2


async def test_prune_takes_the_anonymous(engine: AnyEngine, name: str) -> None:
    async with removed(engine, name):
        await engine.volumes.create(VolumeRequest(name=name))
        anonymous = await engine.volumes.create(VolumeRequest())
        result = await engine.volumes.prune(boxship.Filters())
        assert result.removed == (anonymous.name,)
        await engine.volumes.inspect(name)


async def test_anonymous_volumes_go_with_the_box(engine: AnyEngine) -> None:
    async with engine.box(BUSYBOX, "sleep", "60", volumes=["/data"]) as box:
        (mount,) = (await box.inspect()).container.mounts
        assert (mount.type, mount.destination) == ("volume", "/data")
    with pytest.raises(NoSuchVolume):
        await engine.volumes.inspect(mount.name)


async def test_refusals(engine: AnyEngine, name: str) -> None:
    with pytest.raises(InvalidArgument, match="includes invalid characters"):
        await engine.volumes.create(VolumeRequest(name="not/a name"))
    async with removed(engine, name):
        await engine.volumes.create(VolumeRequest(name=name))
        assert (await engine.volumes.create(VolumeRequest(name=name))).name == name
    with pytest.raises(NoSuchVolume):
        await engine.volumes.remove(name)
    await engine.volumes.remove(name, force=True)
