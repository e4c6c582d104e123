"""Resource use, as `docker stats` reads it."""

from collections.abc import Iterable
from typing import Any

from boxship.services.monitoring import BlkioEntry, CpuUse, NetworkUse, Stats
from boxship.wire.times import rfc3339


def stats(sample: Stats) -> dict[str, Any]:
    """One sample."""
    document: dict[str, Any] = {
        "name": sample.name if sample.name.startswith("/") else f"/{sample.name}",
        "id": sample.id,
        "read": rfc3339(sample.read_ns),
        "preread": rfc3339(sample.preread_ns),
        "pids_stats": _pids(sample),
        "blkio_stats": _blkio(sample),
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _cpu(sample.cpu, per_cpu=not sample.cgroup_v2),
        "precpu_stats": _cpu(sample.precpu, per_cpu=not sample.cgroup_v2),
        "memory_stats": _memory(sample),
    }
    if sample.networks is not None:
        document["networks"] = {name: _network(use) for name, use in sample.networks.items()}
    return document


def _pids(sample: Stats) -> dict[str, int]:
    values = {"current": sample.pids, "limit": sample.pids_limit}
    return {name: value for name, value in values.items() if value}


def _cpu(use: CpuUse, *, per_cpu: bool) -> dict[str, Any]:
    usage: dict[str, Any] = {"total_usage": use.total}
    if per_cpu and use.per_cpu:
        usage["percpu_usage"] = use.per_cpu
    usage |= {"usage_in_kernelmode": use.kernel, "usage_in_usermode": use.user}
    document: dict[str, Any] = {"cpu_usage": usage}
    if use.system:
        document["system_cpu_usage"] = use.system
    if use.online:
        document["online_cpus"] = use.online
    document["throttling_data"] = {
        "periods": use.periods,
        "throttled_periods": use.throttled_periods,
        "throttled_time": use.throttled_time,
    }
    return document


def _memory(sample: Stats) -> dict[str, Any]:
    document: dict[str, Any] = {
        "usage": sample.memory_usage,
        "max_usage": sample.memory_max_usage,
        "stats": sample.memory_stats,
        "failcnt": sample.memory_failcnt,
        "limit": sample.memory_limit,
    }
    return {name: value for name, value in document.items() if value}


def _blkio(sample: Stats) -> dict[str, Any]:
    nothing_read = sample.cgroup_v2 or not sample.read_ns
    empty: list[Any] | None = None if nothing_read else []
    others = ("io_queue", "io_service_time", "io_wait_time", "io_merged", "io_time", "sectors")
    return {
        "io_service_bytes_recursive": _entries(sample.blkio_service_bytes)
        or (empty if not sample.read_ns else []),
        "io_serviced_recursive": _entries(sample.blkio_serviced) or empty,
        **{f"{name}_recursive": empty for name in others},
    }


def _entries(entries: Iterable[BlkioEntry]) -> list[dict[str, Any]]:
    return [
        {"major": entry.major, "minor": entry.minor, "op": entry.op, "value": entry.value}
        for entry in entries
    ]


def _network(use: NetworkUse) -> dict[str, int]:
    return {name: getattr(use, name) for name in NetworkUse.__struct_fields__}
