"""Limits that are impossible, and those that this kernel cannot set, in Docker's words. Pure."""

import re
from typing import Final

import msgspec

from boxship.engine.containers.contract import Capabilities
from boxship.errors import InvalidArgument
from boxship.model.container import HostConfig

MINIMUM_MEMORY: Final = 6 << 20
_CPU_RANGE: Final = re.compile(r"(\d+)(?:-(\d+))?")
_MAX_CPU: Final = 8192  # as Docker: a list with 2**31 in it must not cost memory
_NO_SUPPORT: Final = "Your kernel does not support "


def check_limits(asked: HostConfig, kernel: Capabilities, *, update: bool = False) -> list[str]:
    """Raise InvalidArgument for the impossible; return warnings about what will be left out."""
    _check_scheduling(asked, kernel, update=update)
    warnings = [text for field, text in _discarded(asked, kernel).items() if field]
    effective = without_unsupported(asked, kernel)
    _check_memory(effective, update=update)
    _check_cpu(effective, kernel)
    if effective.blkio_weight and not 10 <= effective.blkio_weight <= 1000:
        raise InvalidArgument("Range of blkio weight is from 10 to 1000")
    if effective.oom_kill_disable and not effective.memory:
        warnings.append(
            "OOM killer is disabled for the container, but no memory limit is set, "
            "this can result in the system running out of resources."
        )
    return warnings


def without_unsupported(asked: HostConfig, kernel: Capabilities) -> HostConfig:
    """What is left of the limits on this kernel."""
    fields: dict[str, int | str | tuple[()] | None] = {}
    for field in _discarded(asked, kernel):
        match field:
            case "memory":
                fields |= {"memory": 0, "memory_swap": -1}
            case "memory_swap":
                fields["memory_swap"] = -1
            case "memory_swappiness" | "oom_kill_disable" | "pids_limit":
                fields[field] = None
            case "cpu_quota":
                fields |= {"cpu_period": 0, "cpu_quota": 0}
            case "cpuset_cpus":
                fields |= {"cpuset_cpus": "", "cpuset_mems": ""}
            case _:
                fields[field] = () if field.startswith("blkio_") and field != "blkio_weight" else 0
    if asked.oom_kill_disable is False and not kernel.oom_kill_disable:
        fields["oom_kill_disable"] = None
    return msgspec.structs.replace(asked, **fields) if fields else asked


def _discarded(asked: HostConfig, kernel: Capabilities) -> dict[str, str]:
    """Fields to leave out, with the warning for each."""
    cgroup = "or the cgroup is not mounted."
    found: dict[str, str] = {}

    def drop(field: str, *, wanted: bool, supported: bool, text: str) -> None:
        if wanted and not supported:
            found[field] = text

    drop(
        "memory",
        wanted=asked.memory > 0,
        supported=kernel.memory_limit,
        text=f"{_NO_SUPPORT}memory limit capabilities {cgroup} Limitation discarded.",
    )
    drop(
        "memory_swap",
        wanted=asked.memory > 0 and asked.memory_swap != -1 and "memory" not in found,
        supported=kernel.swap_limit,
        text=f"{_NO_SUPPORT}swap limit capabilities {cgroup} Memory limited without swap.",
    )
    drop(
        "memory_swappiness",
        wanted=asked.memory_swappiness not in (None, -1),
        supported=kernel.memory_swappiness,
        text=f"{_NO_SUPPORT}memory swappiness capabilities {cgroup} Memory swappiness discarded.",
    )
    drop(
        "memory_reservation",
        wanted=asked.memory_reservation > 0,
        supported=kernel.memory_reservation,
        text=f"{_NO_SUPPORT}memory soft limit capabilities {cgroup} Limitation discarded.",
    )
    drop(
        "oom_kill_disable",
        wanted=bool(asked.oom_kill_disable),
        supported=kernel.oom_kill_disable,
        text=f"{_NO_SUPPORT}OomKillDisable. OomKillDisable discarded.",
    )
    drop(
        "pids_limit",
        wanted=(asked.pids_limit or 0) > 0,
        supported=kernel.pids_limit,
        text=f"{_NO_SUPPORT}PIDs limit capabilities {cgroup} PIDs limit discarded.",
    )
    drop(
        "cpu_shares",
        wanted=asked.cpu_shares > 0,
        supported=kernel.cpu_shares,
        text=f"{_NO_SUPPORT}CPU shares {cgroup} Shares discarded.",
    )
    drop(
        "cpu_quota",
        wanted=bool(asked.cpu_period or asked.cpu_quota),
        supported=kernel.cpu_cfs,
        text=f"{_NO_SUPPORT}CPU CFS scheduler. CPU period/quota discarded.",
    )
    drop(
        "cpu_percent",
        wanted=asked.cpu_percent > 0,
        supported=False,
        text="linux does not support CPU percent. Percent discarded.",
    )
    drop(
        "cpuset_cpus",
        wanted=bool(asked.cpuset_cpus or asked.cpuset_mems),
        supported=kernel.cpuset,
        text=f"{_NO_SUPPORT}cpuset {cgroup} Cpuset discarded.",
    )
    drop(
        "blkio_weight",
        wanted=asked.blkio_weight > 0,
        supported=kernel.blkio_weight,
        text=f"{_NO_SUPPORT}Block I/O weight {cgroup} Weight discarded.",
    )
    drop(
        "blkio_weight_device",
        wanted=bool(asked.blkio_weight_device),
        supported=kernel.blkio_weight,
        text=f"{_NO_SUPPORT}Block I/O weight_device {cgroup} Weight-device discarded.",
    )
    for field, what in _THROTTLES.items():
        drop(
            field,
            wanted=bool(getattr(asked, field)),
            supported=kernel.blkio_throttle,
            text=f"{_NO_SUPPORT}{what} {cgroup} Block I/O {what} discarded.",
        )
    return found


_THROTTLES: Final = {
    "blkio_device_read_bps": "BPS Block I/O read limit",
    "blkio_device_write_bps": "BPS Block I/O write limit",
    "blkio_device_read_iops": "IOPS Block I/O read limit",
    "blkio_device_write_iops": "IOPS Block I/O write limit",
}


def _check_memory(asked: HostConfig, *, update: bool) -> None:
    memory, swap, reservation = asked.memory, asked.memory_swap, asked.memory_reservation
    if memory != 0 and memory < MINIMUM_MEMORY:
        raise InvalidArgument("Minimum memory limit allowed is 6MB")
    if memory > 0 and 0 < swap < memory:
        raise InvalidArgument(
            "Minimum memoryswap limit should be larger than memory limit, see usage"
        )
    if memory == 0 and swap > 0 and not update:
        raise InvalidArgument(
            "You should always set the Memory limit when using Memoryswap limit, see usage"
        )
    swappiness = asked.memory_swappiness
    if swappiness is not None and swappiness != -1 and not 0 <= swappiness <= 100:
        raise InvalidArgument(
            f"Invalid value: {swappiness}, valid memory swappiness range is 0-100"
        )
    if 0 < reservation < MINIMUM_MEMORY:
        raise InvalidArgument("Minimum memory reservation allowed is 6MB")
    if 0 < memory < reservation:
        raise InvalidArgument(
            "Minimum memory limit can not be less than memory reservation limit, see usage"
        )


def _check_cpu(asked: HostConfig, kernel: Capabilities) -> None:
    if asked.nano_cpus > 0 and asked.cpu_period > 0:
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if asked.nano_cpus > 0 and asked.cpu_quota > 0:
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    if asked.nano_cpus > 0 and not kernel.cpu_cfs:
        raise InvalidArgument(
            "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the "
            "cgroup is not mounted"
        )
    if not 0 <= asked.nano_cpus <= kernel.cpus * 10**9:
        raise InvalidArgument(
            f"range of CPUs is from 0.01 to {kernel.cpus}.00, "
            f"as there are only {kernel.cpus} CPUs available"
        )
    if asked.cpu_period != 0 and not 1000 <= asked.cpu_period <= 1_000_000:
        raise InvalidArgument(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"
        )
    if 0 < asked.cpu_quota < 1000:
        raise InvalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    _check_set(asked.cpuset_cpus, kernel.cpu_list, "cpuset cpus", "CPUs")
    _check_set(asked.cpuset_mems, kernel.memory_nodes, "cpuset mems", "memory nodes")


def _check_scheduling(asked: HostConfig, kernel: Capabilities, *, update: bool) -> None:
    period, runtime = asked.cpu_realtime_period, asked.cpu_realtime_runtime
    if not update:
        if (period or runtime) and not kernel.cpu_realtime:
            raise InvalidArgument("kernel does not support CPU real-time scheduler")
        if period and runtime > period:
            raise InvalidArgument(
                "cpu real-time runtime cannot be higher than cpu real-time period"
            )
    if asked.cpu_shares < 0 and kernel.cpu_shares:
        raise InvalidArgument(
            f"invalid CPU shares ({asked.cpu_shares}): value must be a positive integer"
        )


def _check_set(asked: str, available: str, field: str, what: str) -> None:
    try:
        wanted = _parse_set(asked)
    except ValueError as error:
        raise InvalidArgument(f"Invalid value {asked} for {field}: {error}") from error
    if not wanted <= _parse_set(available):
        raise InvalidArgument(
            f"Requested {what} are not available - requested {asked}, available: {available}"
        )


def _parse_set(text: str) -> frozenset[int]:
    numbers: set[int] = set()
    for part in text.split(",") if text else ():
        match = _CPU_RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f"invalid format: {text}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"invalid format: {text}")
        if last > _MAX_CPU:
            raise ValueError(f"value of out range, maximum is {_MAX_CPU}")
        numbers.update(range(first, last + 1))
    return frozenset(numbers)
