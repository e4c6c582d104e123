"""Two engines, measured in turn: contestants, measurements and their promises."""

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.boxshipd import Boxshipd, boxshipd, processes_of
from support.engine import Engine
from support.images import docker_archive
from support.rootfs import busybox

IMAGE = "bench-busybox"
PREFIX = f"bench-{os.getpid()}"
MIB = 1 << 20
LINES = 1_000_000
REFERENCE_PROGRAMS = ("dockerd", "containerd", "docker-proxy")


@dataclass(frozen=True)
class Contestant:
    """One engine in the race: how to drive it and which processes are its own."""

    name: str
    engine: Engine
    processes: Callable[[], list[int]]

    def pss(self) -> float:
        """MiB that its processes take, what they share divided among the sharers."""
        return sum(pss(pid) for pid in self.processes()) / MIB


@dataclass(frozen=True)
class Options:
    """How often to measure, and how a reference daemon of our own is started: its host and command."""

    runs: int
    reference_daemon: str = ""


@dataclass(frozen=True)
class Measurement:
    """Seconds or MiB of each engine, and the promised bound: of the ratio, or of our own value."""

    name: str
    unit: str
    values: dict[str, list[float]]
    ratio: float | None = None
    absolute: float | None = None

    def median(self, contestant: str) -> float:
        return statistics.median(self.values[contestant])

    def kept(self) -> bool:
        ours = self.median("boxship")
        if self.absolute is not None and ours > self.absolute:
            return False
        return self.ratio is None or ours <= self.ratio * self.median("reference")

    def row(self) -> str:
        ours, theirs = self.median("boxship"), self.median("reference")
        promise = f"≤ {self.ratio}x" if self.ratio is not None else ""
        promise = f"≤ {self.absolute:g} {self.unit}" if self.absolute is not None else promise
        verdict = "" if not promise else ("kept" if self.kept() else "BROKEN")
        ratio = f"{ours / theirs:.2f}x" if theirs else "-"
        return f"{self.name:38}{theirs:10.3f}{ours:10.3f} {self.unit:4}{ratio:>7}  {promise:9} {verdict}"


def pss(pid: int) -> int:
    """Bytes of one process; 0 if it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def reference_processes() -> list[int]:
    """Every process of a Docker Engine on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().startswith(REFERENCE_PROGRAMS):
                found.append(int(path.parent.name))
    return found


def boxship_processes(daemon: Boxshipd) -> list[int]:
    return sorted({daemon.pid, *processes_of(daemon.root)})


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_turn(
    contestants: list[Contestant], runs: int, work: Callable[[Contestant], float]
) -> dict[str, list[float]]:
    """Measure each engine *runs* times, alternating, after one run that does not count."""
    values: dict[str, list[float]] = {c.name: [] for c in contestants}
    for number in range(runs + 1):
        for contestant in contestants:
            value = work(contestant)
            if number:
                values[contestant.name].append(value)
    return values


@contextlib.contextmanager
def race(reference: str) -> Iterator[list[Contestant]]:
    """Both engines, each with the image; what was made in the reference is removed again."""
    host, _, netns = reference.partition("@")
    theirs = Engine(host, netns)
    archive = docker_archive([busybox()], f"{IMAGE}:latest")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users have byte code, too
    with boxshipd() as daemon:
        contestants = [
            Contestant("reference", theirs, reference_processes),
            Contestant("boxship", daemon.engine, lambda: boxship_processes(daemon)),
        ]
        try:
            for contestant in contestants:
                contestant.engine.ok("load", "-q", stdin=archive)
            yield contestants
        finally:
            mine = theirs.docker("ps", "-aq", "-f", f"name={PREFIX}").stdout.split()
            if mine:
                theirs.docker("rm", "-f", *mine)
            theirs.docker("rmi", "-f", IMAGE)
