import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from boxship.engine.containers import monitoring
from boxship.engine.containers.monitoring import ContainerMonitoring, parse_ps
from boxship.errors import Conflict, Internal
from boxship.linux.cgroups.usage import Usage
from boxship.model.config import RunConfig
from boxship.model.container import (
    Container,
    ContainerNotRunning,
    ContainerState,
    HostConfig,
    NoSuchContainer,
    Status,
)
from boxship.runtime.readings import Reading
from boxship.runtime.waiting import Finished
from boxship.services.monitoring import CpuUse, Stats

PS = """UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 08:00 ?        00:00:01 /sbin/init  splash
root          77       1  0 08:01 ?        00:00:02 sh -c  sleep 1
user          78      77  0 08:01 ?        00:00:03 sleep 1
"""


def test_top_shows_the_containers_rows_only() -> None:
    table = parse_ps(PS, {77, 78})
    assert table.titles == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert table.processes == [
        ("root", "77", "1", "0", "08:01", "?", "00:00:02", "sh -c sleep 1"),
        ("user", "78", "77", "0", "08:01", "?", "00:00:03", "sleep 1"),
    ]


def test_threads_follow_their_process() -> None:
    table = parse_ps("PID CMD\n1 init\n- -\n77 sh\n- -\n- -\n", {77})
    assert [row[0] for row in table.processes] == ["77", "-", "-"]


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("CMD\nsh\n", "Couldn't find PID field in ps output"),
        ("", "Couldn't find PID field in ps output"),
        ("PID CMD\nx sh\n", "Unexpected pid 'x'"),
    ],
)
def test_output_without_pids_is_refused(output: str, text: str) -> None:
    with pytest.raises(Internal, match=text):
        parse_ps(output, {1})


class Host:
    """One container, what it uses, and a ps(1)."""

    def __init__(self, status: Status = Status.RUNNING) -> None:
        self.container: Container | None = Container(
            id="c" * 64,
            name="web",
            created=0,
            image=None,
            image_reference="",
            config=RunConfig(),
            host_config=HostConfig(),
            state=ContainerState(status=status),
        )
        self.ps_calls: list[list[str]] = []
        self.ps_results: list[Finished] = [Finished(0, PS)]
        self.reads = 0
        self.events: list[str] = []
        self.usage = Usage(memory_limit=100)

    def get(self, name: str) -> Container:
        if self.container is None:
            raise NoSuchContainer(name)
        return self.container

    def publish(self, container: Container, action: str) -> None:
        self.events.append(f"{action} {container.name}")

    async def read(self, container: Container) -> Reading:
        self.reads += 1
        return Reading(
            time_ns=self.reads * 10**9,
            usage=msgspec.structs.replace(self.usage, cpu=CpuUse(total=self.reads)),
            system_cpu_ns=self.reads * 100,
            online_cpus=2,
            total_memory=1000,
            networks={},
            cgroup_v2=True,
        )

    async def pids(self, container: Container) -> list[int]:
        return [77, 78]

    async def ps(self, arguments: Sequence[str]) -> Finished:
        self.ps_calls.append(list(arguments))
        return self.ps_results.pop(0)

    @property
    def monitoring(self) -> ContainerMonitoring:
        return ContainerMonitoring(self, self)


async def collect(host: Host, *, one_shot: bool) -> list[Stats]:
    samples = await host.monitoring.stats("web", stream=False, one_shot=one_shot)
    return [sample async for sample in samples]


async def test_top_asks_ps_for_the_containers_pids() -> None:
    host = Host()
    table = await host.monitoring.top("web", "-o pid,cmd")
    assert host.ps_calls == [["-o", "pid,cmd", "-q77,78"]]
    assert len(table.processes) == 2


async def test_options_that_refuse_a_list_of_pids_are_tried_without() -> None:
    host = Host()
    host.ps_results = [Finished(1, "error: conflicting options"), Finished(0, PS)]
    await host.monitoring.top("web", "f")
    assert host.ps_calls[1] == ["f"]


async def test_what_ps_says_is_passed_on() -> None:
    host = Host()
    host.ps_results = [Finished(1, "x"), Finished(1, "error: unknown option\n\nUsage: …")]
    with pytest.raises(Internal, match=r"^ps: error: unknown option$"):
        await host.monitoring.top("web", "--nosuch")


async def test_another_column_must_not_call_itself_pid() -> None:
    with pytest.raises(Internal, match='specifying "cmd=PID" is not allowed'):
        await Host().monitoring.top("web", "-o cmd=PID")


@pytest.mark.parametrize(
    ("status", "error"), [(Status.EXITED, ContainerNotRunning), (Status.RESTARTING, Conflict)]
)
async def test_top_needs_a_running_container(status: Status, error: type[Exception]) -> None:
    with pytest.raises(error):
        await Host(status).monitoring.top("web")


async def test_one_shot_takes_one_sample_with_nothing_before() -> None:
    (sample,) = await collect(Host(), one_shot=True)
    assert (sample.cpu.total, sample.precpu.total, sample.preread_ns) == (1, 0, 0)
    assert (sample.cpu.system, sample.cpu.online) == (100, 2)


async def test_a_single_sample_comes_with_the_one_a_second_earlier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(monitoring, "_INTERVAL_S", 0.001)
    (sample,) = await collect(Host(), one_shot=False)
    assert (sample.cpu.total, sample.precpu.total, sample.preread_ns) == (2, 1, 10**9)


async def test_a_stream_compares_each_with_the_one_before_and_ends_with_the_container(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(monitoring, "_INTERVAL_S", 0.001)
    host = Host()
    seen = []
    async with asyncio.timeout(5):
        async for sample in await host.monitoring.stats("web", stream=True, one_shot=False):
            seen.append((sample.cpu.total, sample.precpu.total))
            if len(seen) == 3:
                host.container = None
    assert seen == [(1, 0), (2, 1), (3, 2)]


async def test_a_stopped_container_uses_nothing() -> None:
    host = Host(Status.EXITED)
    (sample,) = await collect(host, one_shot=False)
    assert (sample.read_ns, sample.memory_usage, host.reads) == (0, 0, 0)


@pytest.mark.parametrize(("limit", "shown"), [(0, 1000), (100, 100), (5000, 1000)])
async def test_memory_is_limited_by_the_machine_at_least(limit: int, shown: int) -> None:
    host = Host()
    host.usage = Usage(memory_limit=limit)
    (sample,) = await collect(host, one_shot=True)
    assert sample.memory_limit == shown
