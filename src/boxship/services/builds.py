"""Builds from Dockerfiles."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from boxship.model.container import Ulimit
from boxship.model.filters import Filters
from boxship.model.progress import Progress
from boxship.services.containers import PruneResult


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `POST /build` is asked for; the context is a tar in the body unless `remote` names it."""

    dockerfile: str = ""
    remote: str = ""
    tags: tuple[str, ...] = ()
    build_args: dict[str, str | None] = {}
    labels: dict[str, str] = {}
    target: str = ""
    no_cache: bool = False
    pull: bool = False
    quiet: bool = False
    remove: bool = True
    force_remove: bool = False
    squash: bool = False
    network_mode: str = ""
    platform: str = ""
    cache_from: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    memory: int = 0
    memory_swap: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    cgroup_parent: str = ""
    shm_size: int = 0
    ulimits: tuple[Ulimit, ...] = ()
    security_opt: tuple[str, ...] = ()


class CacheRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the build cache; times in nanoseconds since the epoch, size in bytes."""

    id: str
    parents: tuple[str, ...] = ()
    type: str = "regular"
    description: str = ""
    in_use: bool = False
    shared: bool = False
    size: int = 0
    created_at: int = 0
    last_used_at: int = 0
    usage_count: int = 0


class Builds(Protocol):
    """Build images."""

    def build(
        self, request: BuildRequest, context: AsyncIterator[bytes]
    ) -> AsyncIterator[Progress]:
        """Build, telling what happens as Docker's classic builder does; closing the iterator cancels.

        What is wrong with the request itself raises before the first message; what fails later is a
        Progress with `error`, the last one.
        """
        ...

    async def cache(self) -> Sequence[CacheRecord]:
        """The build cache, for `system df`."""
        ...

    async def prune(self, filters: Filters, *, all: bool, keep_bytes: int) -> PruneResult:  # noqa: A002
        """Drop cache entries no image needs."""
        ...
