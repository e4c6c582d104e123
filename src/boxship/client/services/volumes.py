"""Volumes."""

from collections.abc import Sequence

from boxship.client.exchange import Transport
from boxship.client.readings import volumes as readings
from boxship.client.services import paths
from boxship.model.filters import Filters
from boxship.model.volume import Volume
from boxship.services.containers import PruneResult
from boxship.services.volumes import VolumeDetail, VolumeRequest


class RemoteVolumes:
    """Implements services.volumes.Volumes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, request: VolumeRequest) -> Volume:
        """See services.volumes."""
        body = {
            "Name": request.name,
            "Driver": request.driver,
            "DriverOpts": request.options,
            "Labels": request.labels,
        }
        return readings.volume(await self._transport.json("POST", "/volumes/create", body=body))

    async def inspect(self, name: str) -> Volume:
        """See services.volumes."""
        return readings.volume(await self._transport.json("GET", paths.volume(name)))

    async def list(self, filters: Filters, *, usage: bool = False) -> Sequence[VolumeDetail]:
        """See services.volumes."""
        query = {"filters": paths.filters(filters)}
        document = await self._transport.json("GET", "/volumes", query)
        found = [readings.usage(row) for row in document.get("Volumes") or ()]
        if not usage:
            return found
        sizes = await self._transport.json("GET", "/system/df", {"type": ["volume"]})
        details = {row["Name"]: readings.usage(row) for row in sizes.get("Volumes") or ()}
        return [details.get(detail.volume.name, detail) for detail in found]

    async def remove(self, name: str, *, force: bool = False) -> None:
        """See services.volumes."""
        await self._transport.json("DELETE", paths.volume(name), {"force": force})

    async def prune(self, filters: Filters) -> PruneResult:
        """See services.volumes."""
        query = {"filters": paths.filters(filters)}
        document = await self._transport.json("POST", "/volumes/prune", query)
        removed = tuple(document.get("VolumesDeleted") or ())
        return PruneResult(removed, document.get("SpaceReclaimed") or 0)
