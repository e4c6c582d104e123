"""A cgroup on version 2 hosts: one directory (kernel documentation, cgroup-v2)."""

import contextlib
import os
import posixpath
import select
import signal
import time
from typing import Final

from boxship.errors import Internal
from boxship.linux.cgroups import tree
from boxship.linux.cgroups.usage import Usage, read_number, read_pairs, read_text
from boxship.services.monitoring import BlkioEntry, CpuUse

_PATIENCE_S: Final = 10.0


class CgroupV2:
    """A cgroup by its path below the unified hierarchy; blocking."""

    def __init__(self, path: str, root: str) -> None:
        self.path = "/" + path.strip("/")
        self._root = root
        self._directory = root + self.path

    def __repr__(self) -> str:
        return f"CgroupV2({self.path})"

    def exists(self) -> bool:
        """True while it is there."""
        return posixpath.isdir(self._directory)

    def pids(self) -> list[int]:
        """All processes in it and below."""
        return tree.pids(self._directory)

    def usage(self) -> Usage:
        """Read all counters; zeros for controllers that are not enabled."""
        return Usage(
            cpu=self._cpu(),
            memory_usage=self._number("memory.current"),
            memory_max_usage=self._number("memory.peak"),
            memory_limit=self._number("memory.max"),
            memory_failcnt=self._events().get("oom", 0),
            memory_stats=read_pairs(self._file("memory.stat")),
            pids=self._number("pids.current"),
            pids_limit=self._number("pids.max") or None,
            blkio_service_bytes=self._io(),
        )

    def oom_kills(self) -> int:
        """How many of its processes the kernel killed for lack of memory."""
        return self._events().get("oom_kill", 0)

    def freeze(self) -> None:
        """Stop all processes; returns once they stand."""
        self._write("cgroup.freeze", "1")
        if not self._wait_event("frozen", 1):
            self.thaw()
            raise Internal(f"cannot freeze {self.path}: some process does not stop")

    def thaw(self) -> None:
        """Let them go on."""
        self._write("cgroup.freeze", "0")

    def lift_cpu_quota(self) -> None:
        """Let it use all CPU time."""
        self._write_both("cpu.max", "max")

    def lift_pids_limit(self) -> None:
        """Let it have as many processes as it likes."""
        self._write_both("pids.max", "max")

    def is_frozen(self) -> bool:
        """True while freeze() holds."""
        return read_text(self._file("cgroup.freeze")).strip() == "1"

    def kill(self, number: int) -> None:
        """Signal every process in it and below; with SIGKILL until none is left."""
        if number == signal.SIGKILL:
            with contextlib.suppress(Internal):  # cgroup.kill came with Linux 5.14
                self._write("cgroup.kill", "1")
                self._wait_event("populated", 0)
        tree.kill(self._directory, number)

    def remove(self) -> None:
        """Remove it and those below; quiet when it is gone."""
        tree.remove(self._directory)

    def _cpu(self) -> CpuUse:
        stat = read_pairs(self._file("cpu.stat"))
        return CpuUse(
            total=stat.get("usage_usec", 0) * 1000,
            kernel=stat.get("system_usec", 0) * 1000,
            user=stat.get("user_usec", 0) * 1000,
            periods=stat.get("nr_periods", 0),
            throttled_periods=stat.get("nr_throttled", 0),
            throttled_time=stat.get("throttled_usec", 0) * 1000,
        )

    def _io(self) -> tuple[BlkioEntry, ...]:
        entries = []
        for line in read_text(self._file("io.stat")).splitlines():
            device, *fields = line.split()
            major, _, minor = device.partition(":")
            if not minor.isdigit():
                continue
            values = dict(field.split("=", 1) for field in fields if "=" in field)
            for op, key in (("read", "rbytes"), ("write", "wbytes")):
                entries.append(BlkioEntry(int(major), int(minor), op, int(values.get(key, 0))))
        return tuple(entries)

    def _events(self) -> dict[str, int]:
        return read_pairs(self._file("memory.events"))

    def _wait_event(self, key: str, wanted: int) -> bool:
        """Wait until `cgroup.events` says so: the kernel reports changes of the file by POLLPRI."""
        deadline = time.monotonic() + _PATIENCE_S
        try:
            file = open(self._file("cgroup.events"), "rb", buffering=0)  # noqa: SIM115 - see with
        except FileNotFoundError:
            return True
        with file:
            poll = select.poll()
            poll.register(file, select.POLLPRI | select.POLLERR)
            while True:
                file.seek(0)
                try:
                    lines = file.read().split(b"\n")
                except OSError:  # ENODEV: it was removed
                    return True
                if f"{key} {wanted}".encode() in lines:
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                poll.poll(left * 1000)

    def _write_both(self, name: str, value: str) -> None:
        """Write to the cgroup and to the one that crun makes inside of systemd's scopes."""
        self._write(name, value)
        inner = CgroupV2(f"{self.path}/container", self._root)
        if self._directory.endswith(".scope") and inner.exists():
            inner._write(name, value)

    def _write(self, name: str, value: str) -> None:
        path = self._file(name)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # never O_CREAT
            try:
                os.write(fd, value.encode())
            finally:
                os.close(fd)
        except OSError as error:
            raise Internal(f"cannot write {path}: {error.strerror}") from error

    def _number(self, name: str) -> int:
        return read_number(self._file(name))

    def _file(self, name: str) -> str:
        return f"{self._directory}/{name}"
