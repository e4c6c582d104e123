"""The engine as a whole: what it is, what it has, what takes space."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from boxship.concurrency import in_thread
from boxship.engine.events import EventBus
from boxship.model.container import Status
from boxship.model.filters import Filters
from boxship.services.builds import Builds
from boxship.services.containers import ContainerListing, Containers
from boxship.services.images import ImageListing, Images
from boxship.services.system import DiskUsage, SystemInfo
from boxship.services.volumes import Volumes


class DrivenVolumes(Volumes, Protocol):
    """Volumes, and who drives them."""

    @property
    def drivers(self) -> tuple[str, ...]:
        """The names of the drivers in use."""
        ...


class Probes(NamedTuple):
    """How to learn what is not fixed at start.

    `measure` gives the fields of a SystemInfo that change (ipv4_forwarding, file_descriptors, cdi_devices),
    `describe` those that are found out once, slowly (runtime_versions and the like).
    """

    measure: Callable[[], dict[str, Any]]
    describe: Callable[[], dict[str, Any]]


class EngineSystem:
    """Implements services.system.System; `facts` is a SystemInfo with all that is fixed at start."""

    def __init__(
        self,
        facts: SystemInfo,
        probes: Probes,
        *,
        containers: Containers,
        images: Images,
        volumes: DrivenVolumes,
        builds: Builds,
        events: EventBus,
        layers_size: Callable[[], int],
    ) -> None:
        self._facts = facts
        self._probes = probes
        self._containers = containers
        self._images = images
        self._volumes = volumes
        self._builds = builds
        self._events = events
        self._layers_size = layers_size
        self._described: dict[str, Any] | None = None

    def reconfigure(
        self,
        *,
        labels: tuple[str, ...],
        registry_mirrors: tuple[str, ...],
        insecure_registries: tuple[str, ...],
        debug: bool,
    ) -> None:
        """Show these from now on, after a reload of the configuration."""
        self._facts = msgspec.structs.replace(
            self._facts,
            labels=labels,
            registry_mirrors=registry_mirrors,
            insecure_registries=insecure_registries,
            debug=debug,
        )

    async def info(self) -> SystemInfo:
        """See services.system."""
        listing = await self._containers.list(ContainerListing(all=True))
        by_status = Counter(detail.container.state.status for detail in listing)
        if self._described is None:  # not at start, which need not wait for programs to answer
            self._described = await in_thread(self._probes.describe)
        paused = by_status[Status.PAUSED]
        running = by_status[Status.RUNNING] + by_status[Status.RESTARTING]
        result = msgspec.structs.replace(
            self._facts,
            containers=len(listing),
            containers_running=running,
            containers_paused=paused,
            containers_stopped=len(listing) - running - paused,
            images=len(await self._images.list(ImageListing(all=True))),
            event_listeners=self._events.listeners,
            volume_drivers=self._volumes.drivers,
            system_time_ns=time.time_ns(),
            tasks=len(asyncio.all_tasks()),
            **self._described,
            **self._probes.measure(),
        )
        return msgspec.structs.replace(result, warnings=missing_abilities(result))

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        """See services.system."""

        def wanted(kind: str) -> bool:
            return not kinds or kind in kinds

        no_filters = Filters()
        return DiskUsage(
            layers_size=self._layers_size() if wanted("image") else 0,
            images=await self._images.list(
                ImageListing(all=False, shared_size=True, containers=True)
            )
            if wanted("image")
            else (),
            containers=await self._containers.list(ContainerListing(all=True, size=True))
            if wanted("container")
            else (),
            volumes=await self._volumes.list(no_filters, usage=True) if wanted("volume") else (),
            build_cache=await self._builds.cache() if wanted("build-cache") else (),
        )


def missing_abilities(info: SystemInfo) -> tuple[str, ...]:
    """What this kernel cannot limit, in Docker's words."""
    v2 = info.cgroup_version == "2"
    throttles = (
        ("io.max (rbps)", "io.max (wbps)", "io.max (riops)", "io.max (wiops)")
        if v2
        else (
            "blkio throttle.read_bps_device",
            "blkio throttle.write_bps_device",
            "blkio throttle.read_iops_device",
            "blkio throttle.write_iops_device",
        )
    )
    abilities = (
        (info.memory_limit, "memory limit"),
        (info.swap_limit, "swap limit"),
        (info.kernel_memory_tcp or v2, "kernel memory TCP limit"),
        (info.oom_kill_disable or v2, "oom kill disable"),
        (info.cpu_cfs, "cpu cfs quota"),
        (info.cpu_cfs, "cpu cfs period"),
        (info.cpu_shares, "cpu shares"),
        (info.cpuset, "cpuset"),
        # v1 lost it with Linux 5.0: nobody can do anything about that
        (info.blkio_weight or not v2, "io.weight"),
        (info.blkio_weight or not v2, "io.weight (per device)"),
        *((info.blkio_throttle, name) for name in throttles),
    )
    warnings = [f"WARNING: No {name} support" for present, name in abilities if not present]
    if not info.ipv4_forwarding:
        warnings.append("WARNING: IPv4 forwarding is disabled")
    return tuple(warnings)
