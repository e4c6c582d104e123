"""Looking at containers and the engine: processes, resource use, events, facts."""

from collections.abc import AsyncIterator

from boxship.client.answers import JSONLines, Stream
from boxship.client.exchange import Transport
from boxship.client.readings import events, stats, system
from boxship.client.services import paths
from boxship.model.event import Event
from boxship.model.filters import Filters
from boxship.services.monitoring import ProcessTable, Stats
from boxship.services.system import DiskUsage, SystemInfo


class RemoteMonitoring:
    """Implements services.monitoring.Monitoring."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def top(self, name: str, ps_args: str = "-ef") -> ProcessTable:
        """See services.monitoring."""
        path = paths.container(name, "/top")
        document = await self._transport.json("GET", path, {"ps_args": ps_args})
        return ProcessTable(document.get("Titles") or (), document.get("Processes") or ())

    async def stats(self, name: str, *, stream: bool, one_shot: bool) -> AsyncIterator[Stats]:
        """See services.monitoring."""
        query = {"stream": stream, "one-shot": one_shot}
        path = paths.container(name, "/stats")
        answer = await self._transport.request("GET", path, query)
        return Stream(answer, JSONLines(stats.stats).feed)


class RemoteEvents:
    """Implements services.events.Events."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def subscribe(
        self, filters: Filters, *, since_ns: int | None = None, until_ns: int | None = None
    ) -> AsyncIterator[Event]:
        """See services.events."""
        query = {
            "since": paths.moment(since_ns),
            "until": paths.moment(until_ns),
            "filters": paths.filters(filters),
        }
        answer = await self._transport.request("GET", "/events", query)
        return Stream(answer, JSONLines(events.event).feed)


class RemoteSystem:
    """Implements services.system.System."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def info(self) -> SystemInfo:
        """See services.system."""
        return system.info(await self._transport.json("GET", "/info"))

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        """See services.system; images and containers have what the API's lists tell."""
        query = {"type": sorted(kinds)}
        return system.disk_usage(await self._transport.json("GET", "/system/df", query))
