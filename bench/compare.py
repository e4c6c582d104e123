"""Boxship beside a reference Docker Engine, measured in one run with the same docker CLI.

usage: compare.py --reference unix:///var/run/docker.sock[@NETNS] [--only run,exec,…] [--runs N] [--check]

Every workload alternates between the engines; medians and the ratio to the reference are printed, with
what Boxship promises. --check fails when a promise is broken. @NETNS names the network namespace (in
/run/netns) of an engine that lives in another one.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
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


def run(contestants: list[Contestant], runs: int) -> Iterator[Measurement]:
    """How long a container that does nothing takes, from nothing to nothing."""
    for network, promise in (("bridge", 0.35), ("none", 0.45)):

        def once(c: Contestant, network: str = network) -> float:
            command = ("run", "--rm", "--network", network, IMAGE, "true")
            return seconds(lambda: c.engine.ok(*command))

        yield Measurement(
            f"run --rm, network {network}", "s", in_turn(contestants, runs, once), promise
        )


def execute(contestants: list[Contestant], runs: int) -> Iterator[Measurement]:
    """A command in a running container."""
    name = f"{PREFIX}-exec"
    for c in contestants:
        c.engine.ok("run", "-d", "--name", name, IMAGE, "sleep", "100000")
    values = in_turn(
        contestants, runs, lambda c: seconds(lambda: c.engine.ok("exec", name, "true"))
    )
    for c in contestants:
        c.engine.ok("rm", "-f", name)
    yield Measurement("exec", "s", values, 0.8)


def storm(contestants: list[Contestant], runs: int) -> Iterator[Measurement]:
    """Many containers at once: time to start and to remove them, memory, `ps` among them."""
    names = [f"{PREFIX}-{n}" for n in range(40)]
    start: dict[str, list[float]] = {c.name: [] for c in contestants}
    remove: dict[str, list[float]] = {c.name: [] for c in contestants}
    memory: dict[str, list[float]] = {c.name: [] for c in contestants}
    listing: dict[str, list[float]] = {c.name: [] for c in contestants}
    for _ in range(max(runs // 7, 1)):
        for c in contestants:
            before = c.pss()
            start[c.name].append(seconds(partial(start_all, c, names)))
            time.sleep(1)
            memory[c.name].append((c.pss() - before) / len(names))
            listing[c.name] += [seconds(partial(c.engine.ok, "ps")) for _ in range(5)]
            remove[c.name].append(seconds(partial(c.engine.ok, "rm", "-f", *names)))
    yield Measurement("start 40 containers, 8 at a time", "s", start, 0.5)
    yield Measurement("docker ps with 40 running", "s", listing)
    yield Measurement("rm -f of 40", "s", remove)
    yield Measurement("memory per running container (PSS)", "MiB", memory, absolute=1)


def start_all(contestant: Contestant, names: list[str]) -> None:
    def start(name: str) -> str:
        return contestant.engine.ok("run", "-d", "--name", name, IMAGE, "sleep", "100000")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, names))


def logs(contestants: list[Contestant], runs: int) -> Iterator[Measurement]:
    """A million lines, written by a container and read back."""
    name = f"{PREFIX}-logs"
    write: dict[str, list[float]] = {}
    for c in contestants:
        write[c.name] = [seconds(partial(write_lines, c, name))]

    def read(c: Contestant) -> float:
        begun = time.perf_counter()
        count = c.engine.output("logs", name, timeout=300).count(b"\n")
        assert count == LINES, f"{c.name} lost lines: {count}"
        return time.perf_counter() - begun

    values = in_turn(contestants, max(runs // 4, 2), read)
    for c in contestants:
        c.engine.ok("rm", "-f", name)
    yield Measurement("1M log lines written", "s", write)
    yield Measurement("1M log lines read back", "s", values, 0.4)


def write_lines(contestant: Contestant, name: str) -> None:
    command = ("--network", "none", IMAGE, "seq", f"{LINES}")
    contestant.engine.ok("run", "-d", "--name", name, *command)
    contestant.engine.ok("wait", name, timeout=300)


def idle(contestants: list[Contestant], runs: int) -> Iterator[Measurement]:
    """What the daemon itself takes."""
    del runs
    values = {c.name: [c.pss()] for c in contestants}
    yield Measurement("daemon idle (PSS)", "MiB", values, absolute=90)


def ps(contestants: list[Contestant], runs: int) -> Iterator[Measurement]:
    """`boxship ps` beside `docker ps`, both of our daemon."""
    ours = next(c for c in contestants if c.name == "boxship").engine
    program = Path(sys.executable).with_name("boxship")
    environment = ours.environment | {"BOXSHIP_HOST": ours.host}
    commands = {"reference": ["docker", "ps"], "boxship": [str(program), "ps"]}
    values: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            took = seconds(
                partial(subprocess.run, command, env=environment, check=True, capture_output=True)
            )
            if number:
                values[name].append(took)
    yield Measurement("boxship ps beside docker ps", "s", values, 2.0)


WORKLOADS: dict[str, Callable[[list[Contestant], int], Iterator[Measurement]]] = {
    "idle": idle,
    "run": run,
    "exec": execute,
    "storm": storm,
    "logs": logs,
    "ps": ps,
}


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


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reference", required=True, metavar="DOCKER_HOST[@NETNS]")
    parser.add_argument(
        "--only", default=",".join(WORKLOADS), help="workloads, separated by commas"
    )
    parser.add_argument("--runs", type=int, default=21, help="runs of each short workload")
    parser.add_argument("--check", action="store_true", help="fail when a promise is broken")
    options = parser.parse_args()
    kept = True
    with race(options.reference) as contestants:
        print(f"{'':38}{'reference':>10}{'boxship':>10}{'':5}{'ratio':>7}  promise")
        for name in options.only.split(","):
            for measurement in WORKLOADS[name](contestants, options.runs):
                print(measurement.row(), flush=True)
                kept &= measurement.kept()
    return 0 if kept or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
