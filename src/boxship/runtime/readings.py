"""What monitoring asks of running containers: their use of the machine, their processes."""

import os
import time
from typing import Final

import msgspec

from boxship.concurrency import in_thread
from boxship.linux import netdev
from boxship.linux.cgroups import Hierarchies, Layout, open_cgroup
from boxship.linux.cgroups.usage import Usage, system_cpu_time, total_memory
from boxship.linux.oci_runtime import find_program
from boxship.model.container import Container, ContainerNotRunning
from boxship.runtime.records import Records
from boxship.runtime.waiting import Finished, run_program
from boxship.services.monitoring import NetworkUse

WIDE: Final = "100000"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a container: its cgroup's counters, its interfaces, the machine's CPU time."""

    time_ns: int
    usage: Usage
    system_cpu_ns: int
    online_cpus: int
    total_memory: int
    networks: dict[str, NetworkUse] | None
    cgroup_v2: bool


class Readings:
    """Reads cgroups and /proc for the containers in *records*."""

    def __init__(self, records: Records, hierarchies: Hierarchies) -> None:
        self._records = records
        self._hierarchies = hierarchies

    def __repr__(self) -> str:
        return f"Readings({self._hierarchies.layout})"

    async def read(self, container: Container) -> Reading:
        """Read everything once; raise ContainerNotRunning."""
        return await in_thread(self._read, container)

    async def pids(self, container: Container) -> list[int]:
        """All its processes, by their PIDs on the host; raise ContainerNotRunning."""
        path = self._cgroup_path(container)
        return await in_thread(open_cgroup(path, self._hierarchies).pids)

    async def ps(self, arguments: list[str]) -> Finished:
        """Run the host's ps(1)."""
        # else it cuts its lines to the width of the terminal that the engine was started from
        return await run_program([find_program("ps"), *arguments], {**os.environ, "COLUMNS": WIDE})

    def _read(self, container: Container) -> Reading:
        cgroup = open_cgroup(self._cgroup_path(container), self._hierarchies)
        system, online = system_cpu_time()
        usage = cgroup.usage()
        shares_host = container.host_config.network_mode == "host"
        return Reading(
            time_ns=time.time_ns(),
            usage=usage,
            system_cpu_ns=system,
            online_cpus=online,
            total_memory=total_memory(),
            networks=None if shares_host else netdev.read_interfaces(container.state.pid),
            cgroup_v2=self._hierarchies.layout is Layout.V2,
        )

    def _cgroup_path(self, container: Container) -> str:
        record = self._records.find(container.id)
        if record is None:
            raise ContainerNotRunning(container.id)
        return record.cgroup
