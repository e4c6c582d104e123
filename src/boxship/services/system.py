"""The engine as a whole."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from boxship.services.builds import CacheRecord
from boxship.services.containers import ContainerDetail
from boxship.services.images import ImageDetail
from boxship.services.volumes import VolumeDetail


class SystemInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What `docker info` shows; bytes for memory."""

    id: str
    name: str
    version: str
    containers: int
    containers_running: int
    containers_paused: int
    containers_stopped: int
    images: int
    storage_driver: str
    storage_status: tuple[tuple[str, str], ...]
    data_root: str
    exec_root: str
    kernel_version: str
    operating_system: str
    os_version: str
    os_type: str
    architecture: str
    cpus: int
    memory: int
    cgroup_driver: str
    cgroup_version: str
    runtimes: dict[str, str]  # name → path
    default_runtime: str
    runtime_features: dict[str, str] = {}  # name → JSON, of those that say
    runtime_versions: dict[str, str] = {}  # program → version
    runtime_commits: dict[str, str] = {}
    cdi_directories: tuple[str, ...] = ()
    cdi_devices: tuple[str, ...] = ()
    init_binary: str = ""
    security_options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    registry_mirrors: tuple[str, ...] = ()
    insecure_registries: tuple[str, ...] = ()
    live_restore: bool = True
    debug: bool = False
    log_driver: str = "json-file"
    log_drivers: tuple[str, ...] = ()
    network_drivers: tuple[str, ...] = ()
    volume_drivers: tuple[str, ...] = ()
    default_address_pools: tuple[tuple[str, int], ...] = ()
    memory_limit: bool = True
    swap_limit: bool = True
    cpu_cfs: bool = True
    cpu_shares: bool = True
    cpuset: bool = True
    pids_limit: bool = True
    oom_kill_disable: bool = False
    kernel_memory_tcp: bool = False
    blkio_weight: bool = True
    blkio_throttle: bool = True
    ipv4_forwarding: bool = True
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    file_descriptors: int = 0
    tasks: int = 0
    event_listeners: int = 0
    system_time_ns: int = 0
    warnings: tuple[str, ...] = ()


class DiskUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What takes space; `layers_size` is all unpacked layers, each counted once."""

    layers_size: int
    images: Sequence[ImageDetail] = ()
    containers: Sequence[ContainerDetail] = ()
    volumes: Sequence[VolumeDetail] = ()
    build_cache: Sequence[CacheRecord] = ()


class System(Protocol):
    """Facts about the engine."""

    async def info(self) -> SystemInfo:
        """What the engine is and has."""
        ...

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        """Sizes; *kinds* of container, image, volume and build-cache, empty for all."""
        ...
