"""How soon a daemon answers again that finds 200 running containers."""

import contextlib
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from race import IMAGE, PREFIX, Contestant, Measurement, Options, seconds

from support.boxshipd import boxshipd
from support.engine import Engine
from support.images import docker_archive
from support.rootfs import busybox

COUNT = 200
PATIENCE_S = 120


class ReferenceDaemon:
    """A reference daemon that may be stopped and started: `HOST[@NETNS] COMMAND…`."""

    def __init__(self, description: str) -> None:
        where, _, command = description.partition(" ")
        host, _, netns = where.partition("@")
        self.engine = Engine(host, netns)
        self._command = shlex.split(command)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        answers(self.engine, 0)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)


def answers(engine: Engine, running: int) -> None:
    """Wait until the daemon answers and shows that many running containers."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        result = engine.docker("ps", "-q")
        if result.code == 0 and len(result.stdout.split()) >= running:
            return
        time.sleep(0.01)
    raise TimeoutError(f"no answer within {PATIENCE_S} s")


def restart(contestants: list[Contestant], options: Options) -> Iterator[Measurement]:
    """From the start of the daemon until `docker ps` shows all of them."""
    if not options.reference_daemon:
        print("restart: skipped, it needs --reference-daemon")
        return
    names = [c.name for c in contestants]
    values: dict[str, list[float]] = {name: [] for name in names}
    rounds = max(options.runs // 7, 1)
    reference = ReferenceDaemon(options.reference_daemon)
    reference.start()
    try:
        values["reference"] = restarts(reference.engine, reference.stop, reference.start, rounds)
    finally:
        reference.stop()
    with boxshipd() as daemon:
        values["boxship"] = restarts(daemon.engine, daemon.stop, daemon.start, rounds)
    yield Measurement(f"daemon start with {COUNT} running", "s", values, 1.0)


def restarts(
    engine: Engine, stop: Callable[[], object], start: Callable[[], object], rounds: int
) -> list[float]:
    """Seconds of each of *rounds* restarts."""
    engine.ok("load", "-q", stdin=docker_archive([busybox()], f"{IMAGE}:latest"))
    containers = [f"{PREFIX}-restart-{n}" for n in range(COUNT)]

    def run(name: str) -> str:
        return engine.ok("run", "-d", "--name", name, IMAGE, "sleep", "100000")

    with contextlib.ExitStack() as cleaning:
        cleaning.callback(engine.docker, "rm", "-f", *containers)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(run, containers))
        took = []
        for _ in range(rounds):
            stop()
            took.append(seconds(partial(started, engine, start)))
        return took


def started(engine: Engine, start: Callable[[], object]) -> None:
    start()
    answers(engine, COUNT)
