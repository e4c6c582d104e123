"""Volumes."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from boxship.model.filters import Filters
from boxship.model.volume import Volume
from boxship.services.containers import PruneResult


class VolumeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `volume create` is asked for; an empty name gets a random one and makes it anonymous.

    An empty driver is `local`, or whichever has a volume of this name.
    """

    name: str = ""
    driver: str = ""
    options: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class VolumeDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A volume with its use; size in bytes, both -1 unless asked for."""

    volume: Volume
    size: int = -1
    containers: int = -1


class Volumes(Protocol):
    """Storage that outlives containers."""

    async def create(self, request: VolumeRequest) -> Volume:
        """Make one, or return the one of that name; raise Conflict when the driver differs."""
        ...

    async def inspect(self, name: str) -> Volume:
        """One volume; raise NoSuchVolume."""
        ...

    async def list(self, filters: Filters, *, usage: bool = False) -> Sequence[VolumeDetail]:
        """The volumes that match."""
        ...

    async def remove(self, name: str, *, force: bool = False) -> None:
        """Remove it; raise VolumeInUse; with *force* a missing one is no error."""
        ...

    async def prune(self, filters: Filters) -> PruneResult:
        """Remove unused anonymous ones, or with `all=true` every unused one."""
        ...
