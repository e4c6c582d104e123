"""The life of local volumes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from boxship.engine.events import EventBus
from boxship.engine.volumes.discovery import PluginFolders
from boxship.engine.volumes.local import LocalDriver
from boxship.engine.volumes.plugins import PluginDrivers
from boxship.engine.volumes.service import EngineVolumes
from boxship.errors import InvalidArgument, NotFound
from boxship.model.config import RunConfig
from boxship.model.container import Container, HostConfig
from boxship.model.filters import Filters
from boxship.model.mount import MountPoint
from boxship.model.volume import NoSuchVolume, VolumeInUse
from boxship.services.volumes import VolumeRequest
from boxship.store.metadata import Metadata


class Host:
    """Remembers what is mounted."""

    def __init__(self) -> None:
        self.mounted: dict[str, Mapping[str, str]] = {}

    def mount(self, options: Mapping[str, str], target: str) -> None:
        self.mounted[target] = options

    def unmount(self, target: str) -> None:
        del self.mounted[target]

    def is_mounted(self, target: str) -> bool:
        return target in self.mounted


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[Metadata]:
    database = Metadata(tmp_path / "meta.db")
    yield database
    database.close()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def volumes(tmp_path: Path, metadata: Metadata, host: Host) -> EngineVolumes:
    found = EngineVolumes(
        LocalDriver(
            tmp_path / "volumes",
            mount=host.mount,
            unmount=host.unmount,
            is_mounted=host.is_mounted,
        ),
        PluginDrivers(PluginFolders([tmp_path / "plugins"], [])),
        metadata,
        EventBus(),
    )
    found.recover()
    return found


def holder(volume: str) -> Container:
    return Container(
        id="c0ffee",
        name="web",
        created=0,
        image=None,
        image_reference="busybox",
        config=RunConfig(),
        host_config=HostConfig(),
        mounts=(MountPoint(type="volume", destination="/data", name=volume),),
    )


async def test_creating_twice_gives_the_same_volume(volumes: EngineVolumes) -> None:
    first = await volumes.create(VolumeRequest(name="data", labels={"a": "1"}))
    assert await volumes.create(VolumeRequest(name="data", labels={"b": "2"})) == first
    assert Path(first.mountpoint).is_dir()


async def test_a_volume_without_a_name_is_anonymous(volumes: EngineVolumes) -> None:
    volume = await volumes.create(VolumeRequest())
    assert len(volume.name) == 64
    assert volume.labels == {"com.docker.volume.anonymous": ""}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (VolumeRequest(name="x"), "volume name is too short"),
        (VolumeRequest(name="../x"), "includes invalid characters for a local volume name"),
        (VolumeRequest(name="data", options={"foo": "bar"}), 'create data: invalid option: "foo"'),
        (
            VolumeRequest(name="data", options={"type": "tmpfs"}),
            'missing required option: "device"',
        ),
        (VolumeRequest(name="data", options={"size": "1"}), "no quota support"),
    ],
)
async def test_bad_requests(volumes: EngineVolumes, request_: VolumeRequest, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await volumes.create(request_)
    assert words in str(caught.value)
    assert await volumes.list(Filters()) == []


async def test_an_unknown_driver_is_not_found(volumes: EngineVolumes) -> None:
    with pytest.raises(NotFound, match='plugin "foo" not found'):
        await volumes.create(VolumeRequest(name="data", driver="foo"))


async def test_a_held_volume_stays(volumes: EngineVolumes, metadata: Metadata) -> None:
    await volumes.create(VolumeRequest(name="data"))
    metadata.containers.add(holder("data"))
    with pytest.raises(VolumeInUse, match=r"remove data: volume is in use - \[c0ffee\]"):
        await volumes.remove("data", force=True)


async def test_removing_takes_the_content(volumes: EngineVolumes) -> None:
    volume = await volumes.create(VolumeRequest(name="data"))
    (Path(volume.mountpoint) / "file").write_text("x")
    await volumes.remove("data")
    assert list(Path(volume.mountpoint).parent.parent.iterdir()) == []
    with pytest.raises(NoSuchVolume, match="get data: no such volume"):
        await volumes.remove("data")
    await volumes.remove("data", force=True)


async def test_prune_takes_anonymous_ones_unless_told_all(volumes: EngineVolumes) -> None:
    anonymous = await volumes.create(VolumeRequest())
    await volumes.create(VolumeRequest(name="data"))
    assert (await volumes.prune(Filters())).removed == (anonymous.name,)
    assert (await volumes.prune(Filters({"all": ("true",)}))).removed == ("data",)


async def test_options_are_mounted_while_a_container_runs(
    volumes: EngineVolumes, host: Host
) -> None:
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=5"}
    volume = await volumes.create(VolumeRequest(name="ram", options=options))
    await volumes.activate("ram", "one")
    await volumes.activate("ram", "two")
    assert host.mounted == {volume.mountpoint: options}
    await volumes.deactivate(["ram"], "one")
    assert host.mounted
    await volumes.deactivate(["ram"], "two")
    assert host.mounted == {}


async def test_recovery_ends_what_a_crash_cut_short(tmp_path: Path, volumes: EngineVolumes) -> None:
    kept = await volumes.create(VolumeRequest(name="kept"))
    (tmp_path / "volumes/.removed-1/_data/x").mkdir(parents=True)
    (tmp_path / "volumes/half/_data").mkdir(parents=True)
    volumes.recover()
    assert [path.name for path in (tmp_path / "volumes").iterdir()] == [kept.name]


async def test_dangling_and_usage(volumes: EngineVolumes, metadata: Metadata) -> None:
    held = await volumes.create(VolumeRequest(name="held"))
    (Path(held.mountpoint) / "file").write_bytes(b"x" * 1000)
    await volumes.create(VolumeRequest(name="free"))
    metadata.containers.add(holder("held"))
    dangling = await volumes.list(Filters({"dangling": ("true",)}))
    assert [detail.volume.name for detail in dangling] == ["free"]
    (detail,) = await volumes.list(Filters({"name": ("held",)}), usage=True)
    assert (detail.size, detail.containers) == (1000, 1)
