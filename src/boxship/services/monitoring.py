"""Looking at running containers: processes and resource use."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec


class ProcessTable(msgspec.Struct, frozen=True):
    """ps(1) output: column titles and rows."""

    titles: Sequence[str]
    processes: Sequence[Sequence[str]]


class CpuUse(msgspec.Struct, frozen=True, kw_only=True):
    """CPU time in nanoseconds, throttling counts; `system` is the whole machine's time."""

    total: int = 0
    kernel: int = 0
    user: int = 0
    per_cpu: tuple[int, ...] = ()
    system: int = 0
    online: int = 0
    periods: int = 0
    throttled_periods: int = 0
    throttled_time: int = 0


class NetworkUse(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one interface."""

    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


class BlkioEntry(msgspec.Struct, frozen=True):
    """One counter of one block device."""

    major: int
    minor: int
    op: str
    value: int


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of a container's use; memory in bytes, time in nanoseconds since the epoch."""

    id: str
    name: str
    read_ns: int = 0
    preread_ns: int = 0
    cpu: CpuUse = CpuUse()
    precpu: CpuUse = CpuUse()
    memory_usage: int = 0
    memory_max_usage: int = 0
    memory_limit: int = 0
    memory_failcnt: int = 0
    memory_stats: dict[str, int] = {}
    pids: int = 0
    pids_limit: int | None = None
    networks: dict[str, NetworkUse] | None = None
    blkio_service_bytes: tuple[BlkioEntry, ...] = ()
    blkio_serviced: tuple[BlkioEntry, ...] = ()
    cgroup_v2: bool = False


class Monitoring(Protocol):
    """top and stats."""

    async def top(self, name: str, ps_args: str = "-ef") -> ProcessTable:
        """The container's processes as ps(1) shows them; raise ContainerNotRunning."""
        ...

    async def stats(self, name: str, *, stream: bool, one_shot: bool) -> AsyncIterator[Stats]:
        """Samples, one a second with *stream*; zeros for a container that does not run."""
        ...
