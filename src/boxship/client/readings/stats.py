"""Resource use."""

from collections.abc import Mapping
from typing import Any

from boxship.errors import Internal
from boxship.services.monitoring import BlkioEntry, CpuUse, NetworkUse, Stats
from boxship.wire.times import parse_rfc3339

Document = Mapping[str, Any]


def stats(document: Document) -> Stats:
    """One sample; raise Internal for what the daemon tells instead."""
    if "message" in document and "id" not in document:
        raise Internal(document["message"])
    memory = document.get("memory_stats") or {}
    pids = document.get("pids_stats") or {}
    blkio = document.get("blkio_stats") or {}
    networks = document.get("networks")
    return Stats(
        id=document.get("id") or "",
        name=(document.get("name") or "").removeprefix("/"),
        read_ns=parse_rfc3339(document.get("read") or ""),
        preread_ns=parse_rfc3339(document.get("preread") or ""),
        cpu=_cpu(document.get("cpu_stats") or {}),
        precpu=_cpu(document.get("precpu_stats") or {}),
        memory_usage=memory.get("usage") or 0,
        memory_max_usage=memory.get("max_usage") or 0,
        memory_limit=memory.get("limit") or 0,
        memory_failcnt=memory.get("failcnt") or 0,
        memory_stats=memory.get("stats") or {},
        pids=pids.get("current") or 0,
        pids_limit=pids.get("limit"),
        networks=None
        if networks is None
        else {name: _network(use) for name, use in networks.items()},
        blkio_service_bytes=_entries(blkio.get("io_service_bytes_recursive")),
        blkio_serviced=_entries(blkio.get("io_serviced_recursive")),
        # only cgroup v1 counts what single CPUs did, and the high-water mark
        cgroup_v2="percpu_usage" not in ((document.get("cpu_stats") or {}).get("cpu_usage") or {}),
    )


def _cpu(document: Document) -> CpuUse:
    usage = document.get("cpu_usage") or {}
    throttling = document.get("throttling_data") or {}
    return CpuUse(
        total=usage.get("total_usage") or 0,
        kernel=usage.get("usage_in_kernelmode") or 0,
        user=usage.get("usage_in_usermode") or 0,
        per_cpu=tuple(usage.get("percpu_usage") or ()),
        system=document.get("system_cpu_usage") or 0,
        online=document.get("online_cpus") or 0,
        periods=throttling.get("periods") or 0,
        throttled_periods=throttling.get("throttled_periods") or 0,
        throttled_time=throttling.get("throttled_time") or 0,
    )


def _network(document: Document) -> NetworkUse:
    return NetworkUse(**{name: document.get(name) or 0 for name in NetworkUse.__struct_fields__})


def _entries(rows: list[Document] | None) -> tuple[BlkioEntry, ...]:
    return tuple(
        BlkioEntry(row["major"], row["minor"], row["op"], row["value"]) for row in rows or ()
    )
