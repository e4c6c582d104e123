"""Builds from Dockerfiles, with the classic builder's API."""

from collections.abc import AsyncIterator, Sequence

from boxship.client.exchange import Transport
from boxship.client.readings.system import cache_record
from boxship.client.services import paths
from boxship.client.services.images import progress
from boxship.model.filters import Filters
from boxship.model.progress import Progress
from boxship.services.builds import BuildRequest, CacheRecord
from boxship.services.containers import PruneResult
from boxship.wire.values import dump, encode

_RENAMED = {
    "dockerfile": "dockerfile",
    "remote": "remote",
    "target": "target",
    "network_mode": "networkmode",
    "platform": "platform",
    "memory": "memory",
    "memory_swap": "memswap",
    "cpu_shares": "cpushares",
    "cpu_period": "cpuperiod",
    "cpu_quota": "cpuquota",
    "cpuset_cpus": "cpusetcpus",
    "cpuset_mems": "cpusetmems",
    "cgroup_parent": "cgroupparent",
    "shm_size": "shmsize",
    "no_cache": "nocache",
    "pull": "pull",
    "quiet": "q",
    "force_remove": "forcerm",
    "squash": "squash",
}
"""Fields of a request that are sent as they are, unless empty."""


class RemoteBuilds:
    """Implements services.builds.Builds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def build(
        self, request: BuildRequest, context: AsyncIterator[bytes]
    ) -> AsyncIterator[Progress]:
        """See services.builds."""
        return progress(self._transport, "/build", _query(request), context)

    async def cache(self) -> Sequence[CacheRecord]:
        """See services.builds."""
        usage = await self._transport.json("GET", "/system/df", {"type": ["build-cache"]})
        return [cache_record(row) for row in usage.get("BuildCache") or ()]

    async def prune(self, filters: Filters, *, all: bool, keep_bytes: int) -> PruneResult:  # noqa: A002
        """See services.builds."""
        query = {
            "all": all,
            "keep-storage": keep_bytes or None,
            "reserved-space": keep_bytes or None,
            "filters": paths.filters(filters),
        }
        document = await self._transport.json("POST", "/build/prune", query)
        removed = tuple(document.get("CachesDeleted") or ())
        return PruneResult(removed, document.get("SpaceReclaimed") or 0)


def _query(request: BuildRequest) -> dict[str, object]:
    query: dict[str, object] = {
        name: getattr(request, field) or None for field, name in _RENAMED.items()
    }
    return query | {
        "version": "1",
        "t": list(request.tags),
        "rm": request.remove,
        "buildargs": _json(request.build_args),
        "labels": _json(request.labels),
        "cachefrom": _json(request.cache_from),
        "extrahosts": list(request.extra_hosts) or None,
        "ulimits": _json([encode(limit) for limit in request.ulimits]),
        "securityopt": list(request.security_opt) or None,
    }


def _json(value: object) -> str | None:
    return dump(value).decode().strip() if value else None
