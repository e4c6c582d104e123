"""top and stats: implements services.monitoring.Monitoring."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final, Protocol

import msgspec

from boxship.errors import Conflict, Internal
from boxship.model.container import (
    Container,
    ContainerNotRunning,
    NoSuchContainer,
    Status,
)
from boxship.runtime.readings import Reading
from boxship.runtime.waiting import Finished
from boxship.services.monitoring import CpuUse, ProcessTable, Stats

_INTERVAL_S: Final = 1.0
_RENAMED_PID: Final = re.compile(r"\s+(\S*)=\s*(PID\S*)")
_BLANKS: Final = re.compile(r"[\t\n\v\f\r ]+")  # as Docker: Unicode's spaces are not separators


class Containers(Protocol):
    """Looks containers up and tells what happens to them."""

    def get(self, name: str) -> Container:
        """Raise NoSuchContainer."""
        ...

    def publish(self, container: Container, action: str) -> None:
        """Tell an event."""
        ...


class Readings(Protocol):
    """Looks at running containers; runtime.readings has the real one."""

    async def read(self, container: Container) -> Reading:
        """Read everything once; raise ContainerNotRunning."""
        ...

    async def pids(self, container: Container) -> list[int]:
        """All its processes, by their PIDs on the host; raise ContainerNotRunning."""
        ...

    async def ps(self, arguments: list[str]) -> Finished:
        """Run the host's ps(1)."""
        ...


class ContainerMonitoring:
    """Implements services.monitoring.Monitoring."""

    def __init__(self, containers: Containers, readings: Readings) -> None:
        self._containers = containers
        self._readings = readings

    def __repr__(self) -> str:
        return f"ContainerMonitoring({self._readings!r})"

    async def top(self, name: str, ps_args: str = "-ef") -> ProcessTable:
        """The container's processes as ps(1) shows them; raise ContainerNotRunning."""
        check_ps_arguments(ps_args)
        container = self._containers.get(name)
        if container.state.status is Status.RESTARTING:
            raise Conflict(
                f"Container {container.id} is restarting, wait until the container is running"
            )
        if not container.running:
            raise ContainerNotRunning(container.id)
        pids = await self._readings.pids(container)
        arguments = (ps_args or "-ef").split(" ")
        # -q is quicker, but some options (such as f) refuse to go with it
        done = await self._readings.ps([*arguments, f"-q{','.join(map(str, pids))}"])
        if done.exit_code:
            done = await self._readings.ps(arguments)
        if done.exit_code:
            raise Internal(f"ps: {done.text.partition(chr(10))[0] or 'failed'}")
        table = parse_ps(done.text, frozenset(pids))
        self._containers.publish(container, "top")
        return table

    async def stats(self, name: str, *, stream: bool, one_shot: bool) -> AsyncIterator[Stats]:
        """Samples, one a second with *stream*; zeros for a container that does not run."""
        container = self._containers.get(name)
        if stream:
            return self._samples(container)
        return _single(await self._once(container, one_shot=one_shot))

    async def _once(self, container: Container, *, one_shot: bool) -> Stats:
        """One sample; not one-shot, after a second's wait, so that there is an earlier one to compare."""
        first = await self._sample(container, None)
        if one_shot or not first.read_ns:
            return first
        await asyncio.sleep(_INTERVAL_S)
        return await self._sample(container, first)

    async def _samples(self, container: Container) -> AsyncIterator[Stats]:
        previous: Stats | None = None
        due = time.monotonic()
        while True:
            try:
                current = self._containers.get(container.id)
            except NoSuchContainer:
                return
            previous = await self._sample(current, previous)
            yield previous
            # counted from the beginning: a slow reader must not make the rhythm drift
            due = max(due + _INTERVAL_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def _sample(self, container: Container, previous: Stats | None) -> Stats:
        empty = Stats(id=container.id, name=container.name)
        if not container.running:
            return empty
        try:
            reading = await self._readings.read(container)
        except ContainerNotRunning:
            return empty
        return sample(container, reading, previous)


def sample(container: Container, reading: Reading, previous: Stats | None) -> Stats:
    """One sample from what was read, and the one before it."""
    usage = reading.usage
    cpu = msgspec.structs.replace(
        usage.cpu, system=reading.system_cpu_ns, online=reading.online_cpus
    )
    # what no limit bounds is bounded by the machine
    limit = min(usage.memory_limit or reading.total_memory, reading.total_memory)
    return Stats(
        id=container.id,
        name=container.name,
        read_ns=reading.time_ns,
        preread_ns=previous.read_ns if previous else 0,
        cpu=cpu,
        precpu=previous.cpu if previous else CpuUse(),
        memory_usage=usage.memory_usage,
        memory_max_usage=usage.memory_max_usage,
        memory_limit=limit,
        memory_failcnt=usage.memory_failcnt,
        memory_stats=usage.memory_stats,
        pids=usage.pids,
        pids_limit=usage.pids_limit,
        networks=reading.networks,
        blkio_service_bytes=usage.blkio_service_bytes,
        blkio_serviced=usage.blkio_serviced,
        cgroup_v2=reading.cgroup_v2,
    )


def check_ps_arguments(arguments: str) -> None:
    """Raise when another column would call itself PID, and the container's processes not be found."""
    for column, title in _RENAMED_PID.findall(arguments):
        if column != "pid":
            raise Internal(f'specifying "{column}={title}" is not allowed')


def parse_ps(output: str, pids: Collection[int]) -> ProcessTable:
    """The rows of *output* that show *pids*, with the thread rows below them."""
    header, *lines = output.split("\n")
    titles = _fields(header)
    if "PID" not in titles:
        raise Internal("Couldn't find PID field in ps output")
    column = titles.index("PID")
    rows: list[Sequence[str]] = []
    shown = False
    for line in lines:
        fields = _fields(line)
        if not fields:
            continue
        if fields[column] != "-":  # a dash: a thread of the process in the row above
            if not fields[column].isdigit():
                raise Internal(f"Unexpected pid '{fields[column]}'")
            shown = int(fields[column]) in pids
        if shown:
            last = len(titles) - 1
            rows.append((*fields[:last], " ".join(fields[last:])))
    return ProcessTable(titles, rows)


def _fields(line: str) -> list[str]:
    return [field for field in _BLANKS.split(line) if field]


async def _single(stats: Stats) -> AsyncIterator[Stats]:
    yield stats
