"""Reading cgroups, on directories that look like the kernel's."""

from pathlib import Path

import pytest

from boxship.errors import Internal
from boxship.linux.cgroups import Hierarchies, Layout, open_cgroup
from boxship.linux.netdev import parse
from boxship.services.monitoring import BlkioEntry, NetworkUse


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def v2(tmp_path: Path) -> Hierarchies:
    write(
        tmp_path / "box/c1",
        {
            "cpu.stat": "usage_usec 3\nuser_usec 2\nsystem_usec 1\nnr_periods 4\nnr_throttled 5\nthrottled_usec 6\n",
            "memory.current": "1000\n",
            "memory.peak": "2000\n",
            "memory.max": "max\n",
            "memory.stat": "anon 1\ninactive_file 7\n",
            "memory.events": "low 0\noom 2\noom_kill 1\n",
            "pids.current": "3\n",
            "pids.max": "50\n",
            "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n7:1 \n",
            "cgroup.procs": "11\n0\n",
            "inner/cgroup.procs": "12\n",
            "cgroup.freeze": "0\n",
        },
    )
    return Hierarchies(Layout.V2, {}, str(tmp_path))


def test_v2_is_read_with_dockers_meaning(v2: Hierarchies) -> None:
    usage = open_cgroup("box/c1", v2).usage()
    assert (usage.cpu.total, usage.cpu.user, usage.cpu.kernel) == (3000, 2000, 1000)
    assert (usage.cpu.periods, usage.cpu.throttled_periods, usage.cpu.throttled_time) == (
        4,
        5,
        6000,
    )
    assert (usage.memory_usage, usage.memory_limit, usage.memory_failcnt) == (1000, 0, 2)
    assert usage.memory_stats == {"anon": 1, "inactive_file": 7}
    assert (usage.pids, usage.pids_limit) == (3, 50)
    assert usage.blkio_service_bytes == (
        BlkioEntry(8, 0, "read", 10),
        BlkioEntry(8, 0, "write", 20),
        BlkioEntry(7, 1, "read", 0),
        BlkioEntry(7, 1, "write", 0),
    )


def test_v2_knows_its_processes_and_kills(v2: Hierarchies) -> None:
    cgroup = open_cgroup("/box/c1", v2)
    assert sorted(cgroup.pids()) == [11, 12]
    assert cgroup.oom_kills() == 1
    assert cgroup.exists()
    assert not cgroup.is_frozen()


@pytest.fixture
def v1(tmp_path: Path) -> Hierarchies:
    names = ("cpu", "cpuacct", "memory", "pids", "blkio", "freezer")
    for name in names:
        (tmp_path / name / "box/c1").mkdir(parents=True)
    write(
        tmp_path,
        {
            "cpuacct/box/c1/cpuacct.usage": "300\n",
            "cpuacct/box/c1/cpuacct.usage_percpu": "100 200 \n",
            "cpuacct/box/c1/cpuacct.stat": "user 2\nsystem 1\n",
            "cpu/box/c1/cpu.stat": "nr_periods 4\nnr_throttled 5\nthrottled_time 6\n",
            "memory/box/c1/memory.usage_in_bytes": "1000\n",
            "memory/box/c1/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/box/c1/memory.failcnt": "3\n",
            "memory/box/c1/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            "memory/box/c1/memory.stat": "cache 1\ntotal_inactive_file 7\n",
            "pids/box/c1/pids.current": "3\n",
            "pids/box/c1/pids.max": "max\n",
            "blkio/box/c1/blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\n8:0 Total 10\nTotal 10\n",
            "freezer/box/c1/cgroup.procs": "11\n",
            "freezer/box/c1/freezer.state": "FROZEN\n",
        },
    )
    return Hierarchies(Layout.HYBRID, {name: str(tmp_path / name) for name in names}, None)


def test_v1_is_read_with_dockers_meaning(v1: Hierarchies) -> None:
    usage = open_cgroup("/box/c1", v1).usage()
    assert (usage.cpu.total, usage.cpu.per_cpu) == (300, (100, 200))
    assert (usage.cpu.user, usage.cpu.kernel) == (20_000_000, 10_000_000)
    assert (usage.memory_usage, usage.memory_limit, usage.memory_failcnt) == (1000, 0, 3)
    assert (usage.pids, usage.pids_limit) == (3, None)
    assert usage.blkio_service_bytes == (
        BlkioEntry(8, 0, "Read", 10),
        BlkioEntry(8, 0, "Total", 10),
    )


def test_v1_knows_its_processes_and_kills(v1: Hierarchies) -> None:
    cgroup = open_cgroup("/box/c1", v1)
    assert (cgroup.pids(), cgroup.oom_kills(), cgroup.is_frozen()) == ([11], 2, True)


@pytest.mark.parametrize("layout", ["v1", "v2"])
def test_a_cgroup_that_is_gone_counts_nothing(
    layout: str, v1: Hierarchies, v2: Hierarchies
) -> None:
    cgroup = open_cgroup("/box/gone", v1 if layout == "v1" else v2)
    assert not cgroup.exists()
    assert cgroup.pids() == []
    assert cgroup.usage().memory_usage == 0
    cgroup.kill(9)
    cgroup.remove()
    with pytest.raises(Internal):
        cgroup.thaw()


def test_interfaces_are_read_but_for_loopback() -> None:
    text = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
        "    lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n"
        "  eth0:1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"
    )
    assert parse(text) == {
        "eth0": NetworkUse(
            rx_bytes=1,
            rx_packets=2,
            rx_errors=3,
            rx_dropped=4,
            tx_bytes=5,
            tx_packets=6,
            tx_errors=7,
            tx_dropped=8,
        )
    }
    assert parse("") == {}
