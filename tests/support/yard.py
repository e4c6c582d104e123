"""An engine's containers on the real store and runtime, in a root of their own, without networks."""

import asyncio
import hashlib
import io
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from boxship.engine.containers.contract import Capabilities, Parts, Settings
from boxship.engine.containers.service import ContainerServices, build_containers
from boxship.engine.events import EventBus
from boxship.engine.logging.keeper import LogKeeper
from boxship.engine.volumes.discovery import PluginFolders
from boxship.engine.volumes.local import LocalDriver
from boxship.engine.volumes.plugins import PluginDrivers
from boxship.engine.volumes.service import EngineVolumes
from boxship.linux import holes, inotify, mounts
from boxship.linux.cgroups import detect
from boxship.model.config import RunConfig
from boxship.model.container import Container, HostConfig
from boxship.model.descriptor import Descriptor
from boxship.model.digest import DiffID, Digest, ImageID
from boxship.model.filters import Filters
from boxship.model.image import (
    Image,
    ImageConfig,
    ImageLayer,
    NoSuchImage,
    OCIRunConfig,
    RootFS,
    chain_ids,
)
from boxship.model.network import Endpoint, Sandbox
from boxship.runtime.choice import Wishes, find_settings
from boxship.runtime.conmon import ConmonRuntime
from boxship.runtime.files import copy_up, has_content
from boxship.runtime.volume_mounts import mount_volume
from boxship.services.containers import ContainerRequest
from boxship.services.files import CommitRequest
from boxship.services.streams import AttachOptions, LogOptions
from boxship.store.layers import layer_jobs, unpack_layers
from boxship.store.store import Store


class Sandboxes:
    """Network mode none for everybody; remembers who is attached."""

    def __init__(self) -> None:
        self.attached: set[str] = set()
        self.fails_with: Exception | None = None

    async def validate(self, container: Container) -> None:
        return

    def network_name(self, text: str) -> str:
        return text

    async def attach(self, container: Container) -> Sandbox:
        if self.fails_with is not None:
            raise self.fails_with
        self.attached.add(container.id)
        return Sandbox(
            id="s" * 64,
            container_id=container.id,
            hosts=(("127.0.0.1", ("localhost",)),),
            resolv_conf="nameserver 127.0.0.1\n",
        )

    async def detach(self, container: Container) -> None:
        self.attached.discard(container.id)

    async def find(self, container_id: str) -> Sandbox | None:
        return None

    async def endpoints(self, container: Container) -> tuple[Endpoint, ...]:
        return ()

    async def host_gateways(self) -> tuple[str, ...]:
        return ()

    async def rename(self, container: Container, old_name: str) -> None:
        return

    async def restore(self, running: Sequence[Container]) -> None:
        self.attached = {container.id for container in running}


class Images:
    """Images straight from the rows, by the name they were added under."""

    def __init__(self) -> None:
        self.by_name: dict[str, Image] = {}
        self.committed: list[tuple[Container, CommitRequest]] = []

    async def get(self, name: str) -> Image:
        if name not in self.by_name:
            raise NoSuchImage(f"{name}:latest")
        return self.by_name[name]

    async def commit(self, container: Container, request: CommitRequest) -> ImageID:
        self.committed.append((container, request))
        return ImageID(Digest(f"sha256:{'c' * 64}"))


class Client:
    """A client of an attachment: types *input*, then keeps the line open, and collects."""

    def __init__(self, *typed: bytes, ends: bool = True) -> None:
        self._typed = list(typed)
        self._ends = ends
        self.output = {1: b"", 2: b""}
        self.gone = False

    async def read(self) -> bytes:
        if self._typed:
            return self._typed.pop(0)
        if not self._ends:
            await asyncio.Event().wait()
        return b""

    async def write(self, stream: int, data: bytes) -> None:
        if self.gone:
            raise ConnectionResetError
        self.output[stream] += data


class Yard:
    """One engine's containers. `restarted` gives those of the next engine on the same root."""

    def __init__(self, root: Path, *, cgroup_parent: str = "", sync: bool = False) -> None:
        del sync
        self.root = root
        self.cgroup_parent = cgroup_parent or f"/boxship-test-{os.getpid()}-{id(self):x}"
        self.store = Store(root / "data", sync=lambda path: None)
        self.store.recover()
        self.bundles = root / "data" / "containers"
        self.bundles.mkdir(exist_ok=True)
        self.events = EventBus()
        self.sandboxes = Sandboxes()
        self.images = Images()
        self.volumes = EngineVolumes(
            LocalDriver(
                root / "data" / "volumes",
                mount=mount_volume,
                unmount=mounts.unmount_all,
                is_mounted=mounts.is_mount_point,
            ),
            PluginDrivers(PluginFolders([root / "plugins"], [])),
            self.store.metadata,
            self.events,
        )
        self.volumes.recover()
        self.runtime = ConmonRuntime(
            find_settings(
                str(root / "run"),
                str(self.bundles),
                Wishes(cgroup_driver="cgroupfs", cgroup_parent=self.cgroup_parent),
            )
        )
        self.log_keeper = LogKeeper(self.bundles, inotify.Inotify(), holes.punch)
        self.services = self._build()
        for image in self.store.metadata.images.list():
            self.images.by_name["box"] = image

    def wrap(self, around: Callable[[Any], Any]) -> None:
        """From now on the services reach their parts through what *around* puts around each."""
        self.services = self._build(around)

    def _build(self, around: Callable[[Any], Any] = lambda part: part) -> ContainerServices:
        parts = Parts(
            settings=Settings(
                root=self.bundles,
                runtimes=frozenset({"crun", "runc"}),
                default_runtime="crun",
                capabilities=Capabilities(cpus=2, cpu_list="0-1"),
            ),
            metadata=self.store.metadata,
            runtime=around(self.runtime),
            sandboxes=around(self.sandboxes),
            volumes=around(self.volumes),
            images=around(self.images),
            snapshots=around(self.store.snapshots),
            events=self.events,
            logs=self.log_keeper,
            has_content=has_content,
            copy_up=copy_up,
            clock=time.time_ns,
        )
        return build_containers(parts, images=self.images)

    def add_image(self, archive: bytes, **config: Any) -> Image:
        """Store a one-layer image under the name `box`."""
        blob = self.store.content.ingest_stream(io.BytesIO(archive))[0]
        diff_id = DiffID(Digest(str(blob)))
        chain = chain_ids([diff_id])
        unpack_layers(
            self.store.content, self.store.snapshots, layer_jobs([blob], [diff_id], chain)
        )
        digest = f"sha256:{hashlib.sha256(repr(config).encode()).hexdigest()}"
        descriptor = Descriptor(media_type="", digest=Digest(digest), size=0)  # type: ignore[arg-type]
        image = Image(
            id=ImageID(Digest(digest)),
            manifest=descriptor,
            config=ImageConfig("amd64", "linux", OCIRunConfig(**config), rootfs=RootFS()),
            layers=(ImageLayer(diff_id, chain[0], descriptor, len(archive)),),
            size=len(archive),
            created=0,
        )
        self.store.metadata.images.put(image)
        self.images.by_name["box"] = image
        return image

    async def create(
        self, *command: str, name: str = "", host: dict[str, Any] | None = None, **config: Any
    ) -> str:
        """Create a container of the image and return its ID."""
        request = ContainerRequest(
            name=name,
            config=RunConfig(image="box", cmd=command or None, **config),
            host_config=HostConfig(**{"network_mode": "none", **(host or {})}),
        )
        return (await self.services.containers.create(request)).id

    async def run(self, *command: str, **options: Any) -> tuple[int, bytes, bytes]:
        """As `docker run` does: create, attach, wait, start; the exit code and output."""
        identifier = await self.create(*command, **options)
        client = Client()
        attachment = await self.services.streams.attach(
            identifier, AttachOptions(stdout=True, stderr=True, stream=True)
        )
        wait = await self.services.containers.wait(identifier, "next-exit")
        await self.services.containers.start(identifier)
        await attachment.run(client)
        result = await wait.result()
        return result.status_code, client.output[1], client.output[2]

    async def logs(self, name: str, **options: Any) -> tuple[bytes, bytes]:
        """What a container wrote."""
        logs = await self.services.streams.logs(
            name, LogOptions(stdout=True, stderr=True, **options)
        )
        out = {1: b"", 2: b""}
        async for stream, data in logs.chunks:
            out[stream] += data
        return out[1], out[2]

    async def actions(self) -> list[str]:
        """All container events so far."""
        events = await self.events.subscribe(
            Filters({"type": ("container",)}), since_ns=1, until_ns=time.time_ns()
        )
        return [event.action async for event in events]

    async def stop(self) -> None:
        """The engine goes away; its containers stay."""
        await self.services.close()
        await self.log_keeper.close()
        self.store.close()

    async def restarted(self) -> "Yard":
        """The next engine on the same root."""
        await self.stop()
        yard = Yard(self.root, cgroup_parent=self.cgroup_parent)
        await yard.services.restore()
        return yard

    async def clear(self) -> None:
        """Remove every container."""
        for container in self.services.register.list():
            await self.services.containers.remove(container.id, force=True, volumes=True)

    def leftovers(self) -> list[str]:
        """Whatever is left once there are no containers any more."""
        found = [entry.target for entry in mounts.mounts_below(self.root)]
        for hierarchy in detect().directories:
            found += [str(path) for path in Path(hierarchy + self.cgroup_parent).glob("*/")]
        for place in ("run/containers", "run/execs", "run/crun", "data/containers"):
            found += [str(path) for path in (self.root / place).glob("[!.]*")]
        found += list(self.store.snapshots.keys())
        found += sorted(self.sandboxes.attached)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes()
            except OSError:
                continue
            if str(self.root).encode() in command:
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
        return found


async def until(condition: Any, timeout_s: float = 10.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def collect(chunks: AsyncIterator[bytes]) -> bytes:
    """All of a stream."""
    return b"".join([chunk async for chunk in chunks])


__all__ = ["Client", "Yard", "collect", "until"]
