"""The engine as a whole: what it is, what it has, what takes space."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import msgspec

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


class EngineSystem:
    """Implements services.system.System.

    `facts` is a SystemInfo with all that is fixed at start; `measure` gives the fields that change
    (ipv4_forwarding, file_descriptors, tasks).
    """

    def __init__(
        self,
        facts: SystemInfo,
        measure: Callable[[], dict[str, int | bool]],
        *,
        containers: Containers,
        images: Images,
        volumes: DrivenVolumes,
        builds: Builds,
        events: EventBus,
        layers_size: Callable[[], int],
    ) -> None:
        self._facts = facts
        self._measure = measure
        self._containers = containers
        self._images = images
        self._volumes = volumes
        self._builds = builds
        self._events = events
        self._layers_size = layers_size

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
        paused = by_status[Status.PAUSED]
        running = by_status[Status.RUNNING] + by_status[Status.RESTARTING]
        return msgspec.structs.replace(
            self._facts,
            containers=len(listing),
            containers_running=running,
            containers_paused=paused,
            containers_stopped=len(listing) - running - paused,
            images=len(await self._images.list(ImageListing(all=True))),
            event_listeners=self._events.listeners,
            volume_drivers=self._volumes.drivers,
            system_time_ns=time.time_ns(),
            **self._measure(),
        )

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
