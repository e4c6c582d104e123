"""Networks."""

import asyncio
from collections.abc import Sequence

from boxship.client.exchange import Transport
from boxship.client.readings import networks as readings
from boxship.client.services import paths
from boxship.errors import NotFound
from boxship.model.filters import Filters
from boxship.model.network import EndpointSettings
from boxship.services.containers import PruneResult
from boxship.services.networks import NetworkDetail, NetworkRequest
from boxship.wire.values import encode


class RemoteNetworks:
    """Implements services.networks.Networks."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, request: NetworkRequest) -> str:
        """See services.networks."""
        body = encode(request)
        body["ConfigFrom"] = {"Network": request.config_from} if request.config_from else None
        document = await self._transport.json("POST", "/networks/create", body=body)
        network_id: str = document["Id"]
        return network_id

    async def inspect(self, name: str) -> NetworkDetail:
        """See services.networks."""
        return readings.network(await self._transport.json("GET", paths.network(name)))

    async def list(self, filters: Filters) -> Sequence[NetworkDetail]:
        """See services.networks."""
        query = {"filters": paths.filters(filters)}
        rows = await self._transport.json("GET", "/networks", query)

        async def detail(identifier: str) -> NetworkDetail | None:
            try:
                return await self.inspect(identifier)
            except NotFound:
                return None  # removed since it was listed

        details = await asyncio.gather(*(detail(row["Id"]) for row in rows))
        return [found for found in details if found is not None]

    async def remove(self, name: str) -> None:
        """See services.networks."""
        await self._transport.json("DELETE", paths.network(name))

    async def connect(self, name: str, container: str, settings: EndpointSettings) -> None:
        """See services.networks."""
        body = {"Container": container, "EndpointConfig": encode(settings)}
        await self._transport.json("POST", paths.network(name, "/connect"), body=body)

    async def disconnect(self, name: str, container: str, *, force: bool = False) -> None:
        """See services.networks."""
        body = {"Container": container, "Force": force}
        await self._transport.json("POST", paths.network(name, "/disconnect"), body=body)

    async def prune(self, filters: Filters) -> PruneResult:
        """See services.networks."""
        query = {"filters": paths.filters(filters)}
        document = await self._transport.json("POST", "/networks/prune", query)
        return PruneResult(tuple(document.get("NetworksDeleted") or ()))
