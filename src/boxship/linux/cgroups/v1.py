"""A cgroup on version 1 (and hybrid) hosts: one directory in each hierarchy."""

import os
import posixpath
import time
from typing import Final

from boxship.errors import Internal
from boxship.linux.cgroups import tree
from boxship.linux.cgroups.layout import Hierarchies
from boxship.linux.cgroups.usage import Usage, read_number, read_pairs, read_text
from boxship.services.monitoring import BlkioEntry, CpuUse

_UNLIMITED: Final = 1 << 62  # the kernel shows "no limit" as the largest multiple of a page
_TICK_NS: Final = 10**9 // os.sysconf("SC_CLK_TCK")
_FREEZE_PATIENCE_S: Final = 10.0


class CgroupV1:
    """A cgroup by its path below every hierarchy; blocking."""

    def __init__(self, path: str, hierarchies: Hierarchies) -> None:
        self.path = "/" + path.strip("/")
        self._controllers = hierarchies.controllers
        self._roots = hierarchies.directories

    def __repr__(self) -> str:
        return f"CgroupV1({self.path})"

    def exists(self) -> bool:
        """True while any hierarchy has it."""
        return any(posixpath.isdir(root + self.path) for root in self._roots)

    def pids(self) -> list[int]:
        """All processes in it and below."""
        return tree.pids(self._directory("freezer") or self._directory("pids") or self._any())

    def usage(self) -> Usage:
        """Read all counters; zeros for what this host does not count."""
        limit = self._number("memory", "memory.limit_in_bytes")
        pids_limit = self._number("pids", "pids.max", 0)
        return Usage(
            cpu=self._cpu(),
            memory_usage=self._number("memory", "memory.usage_in_bytes"),
            memory_max_usage=self._number("memory", "memory.max_usage_in_bytes"),
            memory_limit=0 if limit >= _UNLIMITED else limit,
            memory_failcnt=self._number("memory", "memory.failcnt"),
            memory_stats=read_pairs(self._file("memory", "memory.stat")),
            pids=self._number("pids", "pids.current"),
            pids_limit=pids_limit or None,
            blkio_service_bytes=self._blkio("io_service_bytes"),
            blkio_serviced=self._blkio("io_serviced"),
        )

    def oom_kills(self) -> int:
        """How many of its processes the kernel killed for lack of memory."""
        return read_pairs(self._file("memory", "memory.oom_control")).get("oom_kill", 0)

    def freeze(self) -> None:
        """Stop all processes; returns once they stand."""
        deadline = time.monotonic() + _FREEZE_PATIENCE_S
        pause = 0.0005
        while True:
            self._write_freezer(
                "FROZEN"
            )  # written again: a fork may have slipped through (kernel doc)
            state = read_text(self._file("freezer", "freezer.state")).strip()
            if state == "FROZEN":
                return
            if time.monotonic() > deadline:
                self._write_freezer("THAWED")
                raise Internal(f"cannot freeze {self.path}: it stays {state.lower() or 'absent'}")
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    def thaw(self) -> None:
        """Let them go on."""
        self._write_freezer("THAWED")

    def lift_cpu_quota(self) -> None:
        """Let it use all CPU time."""
        self._write("cpu", "cpu.cfs_quota_us", "-1")

    def lift_pids_limit(self) -> None:
        """Let it have as many processes as it likes."""
        self._write("pids", "pids.max", "max")

    def is_frozen(self) -> bool:
        """True while freeze() holds."""
        return read_text(self._file("freezer", "freezer.state")).strip() == "FROZEN"

    def kill(self, number: int) -> None:
        """Signal every process in it and below; with SIGKILL until none is left."""
        if self.is_frozen():  # a frozen process takes no signal on v1
            self.thaw()
        tree.kill(self._directory("freezer") or self._directory("pids") or self._any(), number)

    def remove(self) -> None:
        """Remove it from every hierarchy; quiet when it is gone."""
        for root in self._roots:
            tree.remove(root + self.path)

    def _cpu(self) -> CpuUse:
        times = read_pairs(self._file("cpuacct", "cpuacct.stat"))
        throttling = read_pairs(self._file("cpu", "cpu.stat"))
        per_cpu = read_text(self._file("cpuacct", "cpuacct.usage_percpu")).split()
        return CpuUse(
            total=self._number("cpuacct", "cpuacct.usage"),
            kernel=times.get("system", 0) * _TICK_NS,
            user=times.get("user", 0) * _TICK_NS,
            per_cpu=tuple(int(each) for each in per_cpu),
            periods=throttling.get("nr_periods", 0),
            throttled_periods=throttling.get("nr_throttled", 0),
            throttled_time=throttling.get("throttled_time", 0),
        )

    def _blkio(self, name: str) -> tuple[BlkioEntry, ...]:
        text = read_text(self._file("blkio", f"blkio.throttle.{name}_recursive"))
        entries = []
        for line in text.splitlines():
            fields = line.replace(":", " ").split()
            if len(fields) == 4:  # the last line, "Total N", sums up all devices
                entries.append(
                    BlkioEntry(int(fields[0]), int(fields[1]), fields[2], int(fields[3]))
                )
        return tuple(entries)

    def _write_freezer(self, state: str) -> None:
        self._write("freezer", "freezer.state", state)

    def _write(self, controller: str, name: str, value: str) -> None:
        path = self._file(controller, name)
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(value)
        except OSError as error:
            raise Internal(f"cannot write {path}: {error.strerror}") from error

    def _number(self, controller: str, name: str, default: int = 0) -> int:
        return read_number(self._file(controller, name), default)

    def _file(self, controller: str, name: str) -> str:
        return f"{self._controllers.get(controller, '/nonexistent')}{self.path}/{name}"

    def _directory(self, controller: str) -> str | None:
        root = self._controllers.get(controller)
        return None if root is None else root + self.path

    def _any(self) -> str:
        return (self._roots[0] if self._roots else "/nonexistent") + self.path
