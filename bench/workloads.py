"""What is measured: each workload yields the figures that it found."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from race import IMAGE, MIB, PREFIX, Contestant, Measurement, Options, in_turn, seconds
from restart import restart

LINES = 1_000_000


def run(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """How long a container that does nothing takes, from nothing to nothing."""
    for network, promise in (("bridge", 0.35), ("none", 0.45)):

        def once(c: Contestant, network: str = network) -> float:
            command = ("run", "--rm", "--network", network, IMAGE, "true")
            return seconds(lambda: c.engine.ok(*command))

        yield Measurement(
            f"run --rm, network {network}", "s", in_turn(contestants, options.runs, once), promise
        )


def execute(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """A command in a running container."""
    name = f"{PREFIX}-exec"
    for c in contestants:
        c.engine.ok("run", "-d", "--name", name, IMAGE, "sleep", "100000")
    values = in_turn(
        contestants, options.runs, lambda c: seconds(lambda: c.engine.ok("exec", name, "true"))
    )
    for c in contestants:
        c.engine.ok("rm", "-f", name)
    yield Measurement("exec", "s", values, 0.8)


def storm(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """Many containers at once: time to start and to remove them, memory, `ps` among them."""
    names = [f"{PREFIX}-{n}" for n in range(40)]
    start: dict[str, list[float]] = {c.name: [] for c in contestants}
    remove: dict[str, list[float]] = {c.name: [] for c in contestants}
    memory: dict[str, list[float]] = {c.name: [] for c in contestants}
    listing: dict[str, list[float]] = {c.name: [] for c in contestants}
    for _ in range(max(options.runs // 7, 1)):
        for c in contestants:
            before = c.pss()
            start[c.name].append(seconds(partial(start_all, c, names)))
            time.sleep(1)
            memory[c.name].append((c.pss() - before) / len(names))
            listing[c.name] += [seconds(partial(c.engine.ok, "ps")) for _ in range(5)]
            remove[c.name].append(seconds(partial(c.engine.ok, "rm", "-f", *names)))
    yield Measurement("start 40 containers, 8 at a time", "s", start, 0.3)
    yield Measurement("docker ps with 40 running", "s", listing)
    yield Measurement("rm -f of 40", "s", remove)
    yield Measurement("memory per running container (PSS)", "MiB", memory, absolute=1)


def start_all(contestant: Contestant, names: list[str]) -> None:
    def start(name: str) -> str:
        return contestant.engine.ok("run", "-d", "--name", name, IMAGE, "sleep", "100000")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, names))


def logs(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
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

    values = in_turn(contestants, max(options.runs // 4, 2), read)
    for c in contestants:
        c.engine.ok("rm", "-f", name)
    yield Measurement("1M log lines written", "s", write)
    yield Measurement("1M log lines read back", "s", values, 0.4)


def write_lines(contestant: Contestant, name: str) -> None:
    # more than our logs hold by default
    command = ("--network", "none", "--log-opt", "max-size=1g", IMAGE, "seq", f"{LINES}")
    contestant.engine.ok("run", "-d", "--name", name, *command)
    contestant.engine.ok("wait", name, timeout=300)


def idle(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """What the daemon itself takes."""
    del options
    values = {c.name: [c.pss()] for c in contestants}
    yield Measurement("daemon idle (PSS)", "MiB", values, absolute=90)


def ps(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """`boxship ps` beside `docker ps`, both of our daemon."""
    ours = next(c for c in contestants if c.name == "boxship").engine
    program = Path(sys.executable).with_name("boxship")
    environment = ours.environment | {"BOXSHIP_HOST": ours.host}
    commands = {"reference": ["docker", "ps"], "boxship": [str(program), "ps"]}
    values: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(options.runs + 1):
        for name, command in commands.items():
            took = seconds(
                partial(subprocess.run, command, env=environment, check=True, capture_output=True)
            )
            if number:
                values[name].append(took)
    yield Measurement("boxship ps beside docker ps", "s", values, 2.0)


def copy(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """256 MiB into a running container and out again."""
    name = f"{PREFIX}-copy"
    into: dict[str, list[float]] = {c.name: [] for c in contestants}
    out: dict[str, list[float]] = {c.name: [] for c in contestants}
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        source.write_bytes(os.urandom(MIB) * 256)
        for c in contestants:
            c.engine.ok("run", "-d", "--name", name, IMAGE, "sleep", "100000")
        for _ in range(max(options.runs // 4, 1)):
            for c in contestants:
                command = partial(c.engine.ok, "cp", str(source), f"{name}:/copied")
                into[c.name].append(seconds(command))
                command = partial(c.engine.ok, "cp", f"{name}:/copied", str(target))
                out[c.name].append(seconds(command))
        for c in contestants:
            c.engine.ok("rm", "-f", name)
    yield Measurement("cp 256 MiB in", "s", into, 1.0)
    yield Measurement("cp 256 MiB out", "s", out, 1.0)


def stats(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """Two readings of each of a hundred running containers."""
    names = [f"{PREFIX}-stats-{n}" for n in range(100)]
    for c in contestants:
        start_all(c, names)
    values = in_turn(
        contestants,
        max(options.runs // 7, 1),
        lambda c: seconds(partial(c.engine.ok, "stats", "--no-stream")),
    )
    for c in contestants:
        c.engine.ok("rm", "-f", *names)
    yield Measurement("stats --no-stream of 100", "s", values, 1.0)


def listing(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """`ps -a` among a thousand containers."""
    names = [f"{PREFIX}-ps-{n}" for n in range(1000)]
    create: dict[str, list[float]] = {}
    for c in contestants:
        make = partial(create_one, c)
        with ThreadPoolExecutor(8) as pool:
            create[c.name] = [seconds(lambda make=make, pool=pool: list(pool.map(make, names)))]
    values = in_turn(contestants, options.runs, lambda c: seconds(partial(c.engine.ok, "ps", "-a")))
    remove = {c.name: [seconds(partial(c.engine.ok, "rm", *names))] for c in contestants}
    yield Measurement("create 1000 containers, 8 at a time", "s", create, 1.0)
    yield Measurement("docker ps -a of 1000", "s", values, 1.0)
    yield Measurement("rm of 1000", "s", remove, 1.0)


def create_one(contestant: Contestant, name: str) -> str:
    return contestant.engine.ok("create", "--name", name, IMAGE, "true")


WORKLOADS: dict[str, Callable[[list[Contestant], Options], Iterator[Measurement]]] = {
    "idle": idle,
    "run": run,
    "exec": execute,
    "storm": storm,
    "logs": logs,
    "ps": ps,
    "copy": copy,
    "stats": stats,
    "listing": listing,
    "restart": restart,
}
