"""Cgroups on the real kernel, whichever generations it has mounted."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.linux import cgroups, process
from boxship.linux.cgroups import Cgroup, Hierarchies, Layout, open_cgroup

pytestmark = pytest.mark.root


def hierarchies(generation: str) -> Hierarchies:
    found = cgroups.detect()
    if generation == "v2":
        if found.unified is None:
            pytest.skip("no cgroup v2 here")
        return Hierarchies(Layout.V2, {}, found.unified)
    if "freezer" not in found.controllers:
        pytest.skip("no cgroup v1 here")
    return found


class Place:
    """A cgroup with one below it and a process in each."""

    def __init__(self, where: Hierarchies) -> None:
        path = f"/boxship-test-{secrets.token_hex(4)}"
        self.cgroup: Cgroup = open_cgroup(path, where)
        self.directories = [Path(root + path) for root in where.directories]
        self.pids: list[int] = []
        for directory in self.directories:
            (directory / "inner").mkdir(parents=True)

    def start(self, script: str, inner: str = "") -> int:
        pid = process.spawn(["sh", "-c", f"kill -STOP $$; {script}"])
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        self.pids.append(pid)
        for directory in self.directories:
            if (directory / inner / "cpuset.cpus").exists():  # a v1 cpuset begins without any CPU
                for name in ("cpuset.cpus", "cpuset.mems"):
                    text = (directory.parent / name).read_text()
                    (directory / name).write_text(text)
                    (directory / inner / name).write_text(text)
            (directory / inner / "cgroup.procs").write_text(str(pid))
        os.kill(pid, signal.SIGCONT)
        return pid

    def close(self) -> None:
        if self.cgroup.exists():
            if self.cgroup.is_frozen():
                self.cgroup.thaw()
            self.cgroup.kill(signal.SIGKILL)
        for pid in self.pids:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue
        self.cgroup.remove()


@pytest.fixture(params=["v1", "v2"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    made = Place(hierarchies(request.param))
    yield made
    made.close()


def cpu_ticks(pid: int) -> int:
    return sum(int(field) for field in Path(f"/proc/{pid}/stat").read_text().split()[13:15])


def test_processes_below_count_too(place: Place) -> None:
    pids = {place.start("sleep 1000"), place.start("sleep 1000", "inner")}
    assert pids <= set(place.cgroup.pids())


def test_freezing_stops_and_thawing_goes_on(place: Place) -> None:
    pid = place.start("while :; do :; done")
    place.cgroup.freeze()
    assert place.cgroup.is_frozen()
    before = cpu_ticks(pid)
    time.sleep(0.2)
    assert cpu_ticks(pid) == before
    place.cgroup.thaw()
    assert not place.cgroup.is_frozen()
    deadline = time.monotonic() + 10
    while cpu_ticks(pid) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert cpu_ticks(pid) > before


def test_killing_reaches_all_even_those_that_fork_and_those_frozen(place: Place) -> None:
    place.start("while :; do sleep 0.001 & done", "inner")
    place.start("trap '' TERM; sleep 1000")
    time.sleep(0.05)
    place.cgroup.freeze()
    place.cgroup.kill(signal.SIGKILL)
    # what we started ourselves stays as zombies until we reap it, and zombies leave a v2 cgroup at once
    for pid in place.pids:
        assert process.start_time(pid) is None
    for pid in place.pids:
        os.waitpid(pid, 0)
    assert place.cgroup.pids() == []
    place.cgroup.remove()
    assert not place.cgroup.exists()
    place.cgroup.remove()


def test_another_signal_is_sent_once_to_all(place: Place) -> None:
    first = place.start("trap 'exit 5' TERM; while :; do sleep 0.01; done")
    second = place.start("trap 'exit 6' TERM; while :; do sleep 0.01; done", "inner")
    time.sleep(0.1)
    place.cgroup.kill(signal.SIGTERM)
    codes = {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in (first, second)}
    assert codes == {5, 6}


def test_every_hierarchy_is_found() -> None:
    found = cgroups.detect()
    assert found.layout is not Layout.NONE
    assert all(Path(directory, "cgroup.procs").exists() for directory in found.directories)
    assert (found.layout is Layout.V2) == Path("/sys/fs/cgroup/cgroup.controllers").exists()
