"""What a cgroup's processes use, with Docker's meaning of each figure."""

import os

import msgspec

from boxship.services.monitoring import BlkioEntry, CpuUse


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """One reading; memory in bytes, `memory_limit` 0 when there is none."""

    cpu: CpuUse = CpuUse()
    memory_usage: int = 0
    memory_max_usage: int = 0
    memory_limit: int = 0
    memory_failcnt: int = 0
    memory_stats: dict[str, int] = {}
    pids: int = 0
    pids_limit: int | None = None
    blkio_service_bytes: tuple[BlkioEntry, ...] = ()
    blkio_serviced: tuple[BlkioEntry, ...] = ()


def read_text(path: str) -> str:
    """A control file's text; empty when the file (or the cgroup) is not there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")
    except OSError:  # ENODEV: it was removed meanwhile
        return ""
    finally:
        os.close(fd)


def read_number(path: str, default: int = 0) -> int:
    """A control file of one number; *default* for `max` and for missing files."""
    text = read_text(path).strip()
    return int(text) if text.isdigit() else default


def read_pairs(path: str) -> dict[str, int]:
    """A control file of `key value` lines."""
    pairs = {}
    for line in read_text(path).splitlines():
        key, _, value = line.partition(" ")
        if value.isdigit():
            pairs[key] = int(value)
    return pairs


def read_pids(path: str) -> list[int]:
    """A `cgroup.procs` file; PIDs of other PID namespaces show as 0 and are left out."""
    return [int(line) for line in read_text(path).split() if line != "0"]


def system_cpu_time() -> tuple[int, int]:
    """All CPU time of the machine in nanoseconds, and how many CPUs are online."""
    first = read_text("/proc/stat").partition("\n")[0].split()
    # user, nice, system, idle, iowait, irq, softirq, steal: guest time is contained in user
    ticks = sum(int(field) for field in first[1:9])
    return ticks * (10**9 // os.sysconf("SC_CLK_TCK")), os.sysconf("SC_NPROCESSORS_ONLN")


def total_memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
