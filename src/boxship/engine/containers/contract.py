"""What the container services stand on, handed to them at start-up."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from boxship.engine.events import EventBus
from boxship.engine.logging.keeper import LogKeeper
from boxship.engine.networks.contract import Sandboxes
from boxship.engine.volumes.service import EngineVolumes
from boxship.model.image import Image
from boxship.runtime.contract import Runtime
from boxship.store.metadata import Metadata
from boxship.store.snapshots.snapshotter import Snapshotter


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine's kernel and cgroups can limit."""

    cpus: int = 1
    cpu_list: str = "0"  # as cpuset(7) spells it
    memory_nodes: str = "0"
    cgroup_v2: bool = False
    memory_limit: bool = True
    swap_limit: bool = True
    memory_swappiness: bool = True
    memory_reservation: bool = True
    oom_kill_disable: bool = True
    kernel_memory_tcp: bool = True
    pids_limit: bool = True
    cpu_cfs: bool = True
    cpu_shares: bool = True
    cpu_realtime: bool = True
    cpuset: bool = True
    blkio_weight: bool = True
    blkio_throttle: bool = True


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's defaults for containers. `root` holds a directory for each container."""

    root: Path
    runtimes: frozenset[str]
    default_runtime: str
    capabilities: Capabilities = Capabilities()
    storage_driver: str = "overlay2"
    log_driver: str = "json-file"
    log_options: dict[str, str] = {}
    default_ulimits: dict[str, tuple[int, int]] = {}
    shm_size: int = 64 << 20
    ipc_mode: str = "private"
    cgroupns_mode: str = ""  # "" decides by the cgroup version
    cgroup_parent: str = ""
    apparmor_profile: str = ""  # what confines containers by default; "" without AppArmor
    systemd_cgroups: bool = False  # then every cgroup_parent is a slice
    init: bool = False
    init_path: str = ""
    shutdown_timeout_s: int = 10


class ImageSource(Protocol):
    """How images are found."""

    async def get(self, name: str) -> Image:
        """Resolve a name; raise NoSuchImage."""
        ...


class CopyUp(Protocol):
    """Fills a new volume with what the image has at its place."""

    def __call__(self, rootfs: str, path: str, volume: str, subpath: str = "") -> None:
        """Copy the content of *path* inside *rootfs* into an empty volume, or part; blocking."""
        ...


class HasContent(Protocol):
    """Tells whether a new volume has something to take from the image."""

    def __call__(self, rootfs: str, path: str, *, declared: bool) -> bool:
        """True for a folder; raise for a file; blocking."""
        ...


Clock = Callable[[], int]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    settings: Settings
    metadata: Metadata
    runtime: Runtime
    sandboxes: Sandboxes
    volumes: EngineVolumes
    images: ImageSource
    snapshots: Snapshotter
    events: EventBus
    logs: LogKeeper
    has_content: HasContent
    copy_up: CopyUp
    clock: Clock
