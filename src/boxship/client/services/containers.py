"""The life of containers."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from boxship.client.answers import Answer
from boxship.client.exchange import Transport
from boxship.client.readings import containers as readings
from boxship.client.services import paths
from boxship.errors import NotFound
from boxship.model.container import HostConfig, RestartPolicy
from boxship.model.filters import Filters
from boxship.services.containers import (
    ContainerDetail,
    ContainerListing,
    ContainerRequest,
    CreatedContainer,
    PruneResult,
    WaitResult,
)
from boxship.wire.values import encode

AT_ONCE: Final = 6
"""How many details a list asks for at the same time."""


class RemoteWait:
    """Implements services.containers.Wait: the daemon's answer has begun, its end is to come."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def result(self) -> WaitResult:
        """See services.containers."""
        document = await self._answer.json() or {}
        error = document.get("Error") or {}
        return WaitResult(document.get("StatusCode", 0), error.get("Message") or "")


class RemoteContainers:
    """Implements services.containers.Containers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, request: ContainerRequest) -> CreatedContainer:
        """See services.containers."""
        endpoints = {name: encode(settings) for name, settings in request.networks.items()}
        body = encode(request.config) | {
            "HostConfig": encode(request.host_config),
            "NetworkingConfig": {"EndpointsConfig": endpoints},
        }
        query = {"name": request.name or None, "platform": request.platform or None}
        document = await self._transport.json("POST", "/containers/create", query, body=body)
        return CreatedContainer(document["Id"], tuple(document.get("Warnings") or ()))

    async def start(self, name: str, *, detach_keys: str = "") -> None:
        """See services.containers."""
        await self._post(
            name,
            "/start",
            {"detachKeys": detach_keys or None},
            unchanged=f"container {name} is already running",
        )

    async def stop(self, name: str, *, signal: str = "", timeout_s: int | None = None) -> None:
        """See services.containers."""
        await self._post(
            name,
            "/stop",
            {"signal": signal or None, "t": timeout_s},
            unchanged=f"container {name} is already stopped",
        )

    async def restart(self, name: str, *, signal: str = "", timeout_s: int | None = None) -> None:
        """See services.containers."""
        await self._post(name, "/restart", {"signal": signal or None, "t": timeout_s})

    async def kill(self, name: str, signal: str = "SIGKILL") -> None:
        """See services.containers."""
        await self._post(name, "/kill", {"signal": signal})

    async def pause(self, name: str) -> None:
        """See services.containers."""
        await self._post(name, "/pause")

    async def unpause(self, name: str) -> None:
        """See services.containers."""
        await self._post(name, "/unpause")

    async def rename(self, name: str, new_name: str) -> None:
        """See services.containers."""
        await self._post(name, "/rename", {"name": new_name})

    async def _post(
        self, name: str, verb: str, query: dict[str, Any] | None = None, *, unchanged: str = ""
    ) -> None:
        await self._transport.json("POST", paths.container(name, verb), query, unchanged=unchanged)

    async def update(
        self, name: str, resources: HostConfig, restart_policy: RestartPolicy | None
    ) -> Sequence[str]:
        """See services.containers."""
        body = encode(resources)
        del body["RestartPolicy"]
        if restart_policy is not None:
            body["RestartPolicy"] = encode(restart_policy)
        path = paths.container(name, "/update")
        document = await self._transport.json("POST", path, body=body)
        return tuple((document or {}).get("Warnings") or ())

    async def wait(self, name: str, condition: str = "not-running") -> RemoteWait:
        """See services.containers."""
        path = paths.container(name, "/wait")
        return RemoteWait(await self._transport.request("POST", path, {"condition": condition}))

    async def remove(
        self, name: str, *, force: bool = False, volumes: bool = False, link: bool = False
    ) -> None:
        """See services.containers."""
        query = {"force": force, "v": volumes, "link": link}
        await self._transport.json("DELETE", paths.container(name), query)

    async def inspect(self, name: str, *, size: bool = False) -> ContainerDetail:
        """See services.containers."""
        path = paths.container(name, "/json")
        return readings.inspection(await self._transport.json("GET", path, {"size": size}))

    async def list(self, listing: ContainerListing) -> Sequence[ContainerDetail]:
        """See services.containers."""
        query = {
            "all": listing.all,
            "limit": listing.limit or None,
            "filters": paths.filters(listing.filters),
        }
        rows = await self._transport.json("GET", "/containers/json", query)
        turns = asyncio.Semaphore(AT_ONCE)

        async def detail(identifier: str) -> ContainerDetail | None:
            async with turns:
                try:
                    return await self.inspect(identifier, size=listing.size)
                except NotFound:
                    return None  # removed since it was listed

        details = await asyncio.gather(*(detail(row["Id"]) for row in rows))
        return [found for found in details if found is not None]

    async def prune(self, filters: Filters) -> PruneResult:
        """See services.containers."""
        query = {"filters": paths.filters(filters)}
        document = await self._transport.json("POST", "/containers/prune", query)
        removed = tuple(document.get("ContainersDeleted") or ())
        return PruneResult(removed, document.get("SpaceReclaimed") or 0)
