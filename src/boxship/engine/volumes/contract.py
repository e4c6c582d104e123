"""What a volume driver does; the service keeps rows, names, users and events."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from boxship.errors import NotFound
from boxship.model.volume import Volume


class DriverMissing(NotFound):
    """Nobody answers to this driver's name."""

    def __init__(self, name: str) -> None:
        super().__init__(f'error looking up volume plugin {name}: plugin "{name}" not found')


class DriverVolume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume as its driver tells of it."""

    name: str
    mountpoint: str = ""
    created: int = 0
    status: dict[str, Any] | None = None


class VolumeDriver(Protocol):
    """Life of a volume: create → (mount → unmount for each container that runs) → remove.

    What a driver raises is told to users with the verb and the volume's name before it.
    """

    @property
    def name(self) -> str:
        """What volumes name it by."""
        ...

    @property
    def scope(self) -> str:
        """`local`, or `global` when volumes are the same on every machine."""
        ...

    async def create(self, name: str, options: Mapping[str, str]) -> str:
        """Make one; where it will be on this host, "" when that is known only once it is mounted."""
        ...

    async def remove(self, volume: Volume) -> None:
        """Remove it and what is in it."""
        ...

    async def find(self, name: str) -> DriverVolume | None:
        """One volume; None when the driver does not have it."""
        ...

    async def list(self) -> Sequence[DriverVolume]:
        """All the driver has."""
        ...

    async def mount(self, volume: Volume, holder: str) -> str:
        """Have its content on this host for *holder*; returns the path."""
        ...

    async def unmount(self, volume: Volume, holder: str, *, last: bool) -> None:
        """*holder* needs it no more; *last* when nobody does."""
        ...

    def needs_mount(self, volume: Volume) -> bool:
        """True when what is at its path shows only while it is mounted."""
        ...
