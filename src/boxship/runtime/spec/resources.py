"""A container's limits as OCI `linux.resources`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from boxship.errors import InvalidArgument
from boxship.model.container import HostConfig, ThrottleDevice

_CPU_PERIOD: Final = 100_000  # microseconds, what --cpus is counted in
_LEAST_SHARES: Final = 2
_MOST_SHARES: Final = 1 << 18
_THROTTLES: Final = {
    "blkio_device_read_bps": "throttleReadBpsDevice",
    "blkio_device_write_bps": "throttleWriteBpsDevice",
    "blkio_device_read_iops": "throttleReadIOPSDevice",
    "blkio_device_write_iops": "throttleWriteIOPSDevice",
}
Numbers = Mapping[str, tuple[int, int]]
"""Major and minor numbers of block devices by path on the host."""


def resources(
    host_config: HostConfig,
    device_rules: Sequence[dict[str, Any]],
    numbers: Numbers,
    *,
    cgroup_v2: bool,
) -> dict[str, Any]:
    """All limits; a section without a limit is left out."""
    sections: dict[str, Any] = {
        "devices": list(device_rules),
        "memory": _memory(host_config, cgroup_v2=cgroup_v2),
        "cpu": _cpu(host_config),
        "blockIO": _block_io(host_config, numbers),
    }
    if host_config.pids_limit is not None and host_config.pids_limit > 0:
        sections["pids"] = {"limit": host_config.pids_limit}
    return {name: section for name, section in sections.items() if section}


def shares_refusal(shares: int) -> str:
    """Why v1 does not take these CPU shares, in runc's words: the kernel would quietly change them."""
    if 0 < shares < _LEAST_SHARES:
        return f"the minimum allowed cpu-shares is {_LEAST_SHARES}"
    if shares > _MOST_SHARES:
        return f"the maximum allowed cpu-shares is {_MOST_SHARES}"
    return ""


def block_devices(host_config: HostConfig) -> list[str]:
    """Paths of the block devices that limits refer to."""
    throttled = [each.path for field in _THROTTLES for each in getattr(host_config, field) or ()]
    return [*(each.path for each in host_config.blkio_weight_device or ()), *throttled]


def _memory(host_config: HostConfig, *, cgroup_v2: bool) -> dict[str, Any]:
    memory: dict[str, Any] = {}
    if host_config.memory > 0:
        memory["limit"] = host_config.memory
    if host_config.memory_reservation > 0:
        memory["reservation"] = host_config.memory_reservation
    if host_config.memory_swap > 0:
        memory["swap"] = host_config.memory_swap
    elif host_config.memory_swap == 0 and host_config.memory > 0:
        memory["swap"] = 2 * host_config.memory  # memory and swap together: as much again
    if not cgroup_v2:  # v2 has neither, and Docker discards them with a warning
        if host_config.memory_swappiness is not None and host_config.memory_swappiness >= 0:
            memory["swappiness"] = host_config.memory_swappiness
        if host_config.kernel_memory_tcp > 0:
            memory["kernelTCP"] = host_config.kernel_memory_tcp
        if host_config.oom_kill_disable:
            memory["disableOOMKiller"] = True
    return memory


def _cpu(host_config: HostConfig) -> dict[str, Any]:
    cpu: dict[str, Any] = {}
    if host_config.cpu_shares > 0:
        cpu["shares"] = host_config.cpu_shares
    if host_config.nano_cpus > 0:
        cpu["period"] = _CPU_PERIOD
        cpu["quota"] = host_config.nano_cpus * _CPU_PERIOD // 10**9
    if host_config.cpu_period != 0:
        cpu["period"] = host_config.cpu_period
    if host_config.cpu_quota > 0:  # a negative one is none: crun 1.8 cannot write it
        cpu["quota"] = host_config.cpu_quota
    if host_config.cpu_realtime_period != 0:
        cpu["realtimePeriod"] = host_config.cpu_realtime_period
    if host_config.cpu_realtime_runtime != 0:
        cpu["realtimeRuntime"] = host_config.cpu_realtime_runtime
    if host_config.cpuset_cpus:
        cpu["cpus"] = host_config.cpuset_cpus
    if host_config.cpuset_mems:
        cpu["mems"] = host_config.cpuset_mems
    return cpu


def _block_io(host_config: HostConfig, numbers: Numbers) -> dict[str, Any]:
    block_io: dict[str, Any] = {}
    if host_config.blkio_weight > 0:
        block_io["weight"] = host_config.blkio_weight
    if host_config.blkio_weight_device:
        block_io["weightDevice"] = [
            {**_device(each.path, numbers), "weight": each.weight}
            for each in host_config.blkio_weight_device
        ]
    for field, key in _THROTTLES.items():
        limits: Sequence[ThrottleDevice] | None = getattr(host_config, field)
        if limits:
            block_io[key] = [{**_device(each.path, numbers), "rate": each.rate} for each in limits]
    return block_io


def _device(path: str, numbers: Numbers) -> dict[str, int]:
    if path not in numbers:
        raise InvalidArgument(f"stat {path}: no such file or directory")
    major, minor = numbers[path]
    return {"major": major, "minor": minor}
