"""What the cgroup controllers of this kernel can limit."""

import os
from typing import NamedTuple

from boxship.linux.cgroups.layout import Hierarchies, Layout


class Abilities(NamedTuple):
    """Each named as the limit it stands for."""

    memory_limit: bool
    swap_limit: bool
    memory_reservation: bool
    memory_swappiness: bool
    oom_kill_disable: bool
    kernel_memory_tcp: bool
    pids_limit: bool
    cpu_shares: bool
    cpu_cfs: bool
    cpu_realtime: bool
    cpuset: bool
    blkio_weight: bool
    blkio_throttle: bool


def abilities(hierarchies: Hierarchies) -> Abilities:
    """Look at the controllers."""
    if hierarchies.layout is Layout.V2:
        return _v2(hierarchies.unified or "/sys/fs/cgroup")

    def has(controller: str, name: str = "") -> bool:
        directory = hierarchies.controllers.get(controller)
        return directory is not None and os.path.exists(f"{directory}/{name}")  # noqa: TID251

    return Abilities(
        memory_limit=has("memory", "memory.limit_in_bytes"),
        swap_limit=has("memory", "memory.memsw.limit_in_bytes"),
        memory_reservation=has("memory", "memory.soft_limit_in_bytes"),
        memory_swappiness=has("memory", "memory.swappiness"),
        oom_kill_disable=has("memory", "memory.oom_control"),
        kernel_memory_tcp=has("memory", "memory.kmem.tcp.limit_in_bytes"),
        pids_limit=has("pids"),
        cpu_shares=has("cpu", "cpu.shares"),
        cpu_cfs=_in_some_child(hierarchies.controllers.get("cpu"), "cpu.cfs_quota_us"),
        cpu_realtime=has("cpu", "cpu.rt_period_us"),
        cpuset=has("cpuset"),
        blkio_weight=has("blkio", "blkio.bfq.weight") or has("blkio", "blkio.weight"),
        blkio_throttle=has("blkio", "blkio.throttle.read_bps_device"),
    )


def available_cpus(hierarchies: Hierarchies) -> tuple[str, str]:
    """CPUs and memory nodes that a cpuset may name, as cpuset(7) writes them."""
    v2 = hierarchies.layout is Layout.V2
    directory = hierarchies.unified if v2 else hierarchies.controllers.get("cpuset")
    suffix = ".effective" if v2 else ""
    cpus = _text(f"{directory}/cpuset.cpus{suffix}") or _text("/sys/devices/system/cpu/online")
    nodes = _text(f"{directory}/cpuset.mems{suffix}") or _text("/sys/devices/system/node/online")
    return cpus or "0", nodes or "0"


def _v2(root: str) -> Abilities:
    controllers = _text(f"{root}/cgroup.controllers").split()
    memory, cpu, io = (name in controllers for name in ("memory", "cpu", "io"))
    return Abilities(
        memory_limit=memory,
        swap_limit=memory and _in_some_child(root, "memory.swap.max"),
        memory_reservation=memory,
        memory_swappiness=False,
        oom_kill_disable=False,
        kernel_memory_tcp=False,
        pids_limit="pids" in controllers,
        cpu_shares=cpu,
        cpu_cfs=cpu,
        cpu_realtime=False,
        cpuset="cpuset" in controllers,
        blkio_weight=io,
        blkio_throttle=io,
    )


def _in_some_child(directory: str | None, name: str) -> bool:
    """Whether a file exists that root cgroups do not have; yes when there is no child to look at."""
    if directory is None:
        return False
    children = [entry.path for entry in os.scandir(directory) if entry.is_dir()]
    if not children or os.path.exists(f"{directory}/{name}"):  # noqa: TID251
        return True
    return any(os.path.exists(f"{child}/{name}") for child in children)  # noqa: TID251


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
