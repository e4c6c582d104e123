"""Thousands of lives, with the daemon killed again and again: nothing is left, and memory stays flat."""

import contextlib
import http.client
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.box import BUSYBOX
from support.boxshipd import Boxshipd
from support.engine import Engine, eventually

CYCLES = int(os.environ.get("BOXSHIP_SOAK_CYCLES", "2000"))
AT_ONCE = 8
SLEEPER = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]


class Soak:
    """Lives of containers by several clients, each going on when the daemon vanishes."""

    def __init__(self, daemon: Boxshipd, seed: int) -> None:
        self.daemon = daemon
        self.engine = daemon.engine
        self.random = random.Random(seed)
        self.ids: set[str] = set()
        self.wrong: list[str] = []
        self.done = 0
        self.samples: list[int] = []

    def run(self, cycles: int) -> None:
        """Live that many lives, eight at a time."""
        numbers = iter(range(cycles))
        threads = [threading.Thread(target=self._work, args=(numbers,)) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            name = f"soak{number}"
            try:
                self._live(name, number)
            except (OSError, http.client.HTTPException):
                self._wait_for_daemon()  # whatever was under way: the container is removed below
            self._remove(name)
            self.done += 1
            if self.done % 100 == 0:
                self.samples.append(resident_kib(self.daemon.pid))

    def _live(self, name: str, number: int) -> None:
        made = self._post("/containers/create", 201, description(number), name=name)
        container_id = made["Id"]
        self.ids.add(container_id)
        self._post(f"/containers/{name}/start", 204)
        exec_id = self._post(f"/containers/{name}/exec", 201, {"Cmd": ["true"]})["Id"]
        self._post(f"/exec/{exec_id}/start", 200, {"Detach": number % 2 == 0})
        if number % 3 == 0:
            self._post(f"/containers/{name}/pause", 204)
        if number % 4 == 0:
            self._post(f"/containers/{name}/restart", 204, t=0)
        self._post(f"/containers/{name}/stop", 204, t=2)

    def _post(self, path: str, expected: int, body: Any = None, **query: Any) -> Any:
        reply = self.engine.api("POST", path, body, **query)
        if reply.status != expected:
            self.wrong.append(f"{path}: {reply.status} {reply.body[:300]!r}")
        if reply.status >= 300:
            raise http.client.HTTPException
        return reply.json() if reply.status == 201 else None

    def _remove(self, name: str) -> None:
        while True:
            try:
                reply = self.engine.api("DELETE", f"/containers/{name}?force=1&v=1")
            except (OSError, http.client.HTTPException):
                self._wait_for_daemon()
                continue
            if reply.status not in (204, 404, 409):
                self.wrong.append(f"rm {name}: {reply.status} {reply.body[:300]!r}")
            if reply.status != 409:  # that is: its removal is under way
                return

    def _wait_for_daemon(self) -> None:
        eventually(self._answers, within=120)  # whoever shares the machine with us

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.engine.api("GET", "/_ping", version="").status == 200
        return False


def description(number: int) -> dict[str, Any]:
    """Containers of all sorts: with ports, volumes, policies, health checks, a terminal."""
    host: dict[str, Any] = {}
    config: dict[str, Any] = {"Image": BUSYBOX, "Cmd": SLEEPER, "HostConfig": host}
    if number % 2 == 0:
        config["ExposedPorts"] = {"80/tcp": {}}
        host["PortBindings"] = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    if number % 3 == 0:
        config["Volumes"] = {"/data": {}}
    if number % 5 == 0:
        host["RestartPolicy"] = {"Name": "always"}
    if number % 7 == 0:
        config["Healthcheck"] = {"Test": ["CMD", "true"], "Interval": 100_000_000}
    if number % 11 == 0:
        config |= {"Tty": True, "OpenStdin": True}
    return config


def resident_kib(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def left_below(root: Path) -> list[str]:
    """Files of containers under the exec root."""
    places = ("containers", "execs", "exits", "netns", "crun")
    return [str(path) for place in places for path in (root / "run" / place).glob("*")]


def check_nothing_is_left(soak: Soak) -> None:
    daemon = soak.daemon

    def found() -> list[str]:
        return [*left_below(daemon.root), *daemon.leftovers(soak.ids)]

    with contextlib.suppress(AssertionError):
        eventually(lambda: not found(), within=20)
    assert found() == [], daemon.log[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_lives_under_a_daemon_that_is_killed_again_and_again(daemon: Boxshipd) -> None:
    soak = Soak(daemon, seed=17)
    kills = 0
    living = threading.Thread(target=soak.run, args=(CYCLES // 2,))
    living.start()
    while living.is_alive():
        living.join(soak.random.uniform(0.3, 6))
        daemon.restart()  # in this thread: the daemon goes when the thread that started it ends
        kills += 1
    assert soak.wrong == []
    assert kills > CYCLES // 200
    check_nothing_is_left(soak)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_and_descriptors_stay_flat(daemon: Boxshipd) -> None:
    soak = Soak(daemon, seed=18)
    soak.run(CYCLES // 8)  # caches fill
    before = figures(daemon.engine)
    first = resident_kib(daemon.pid)
    soak.run(CYCLES // 2 - CYCLES // 8)
    assert soak.wrong == []
    check_nothing_is_left(soak)
    time.sleep(1)
    after = figures(daemon.engine)
    assert after["NFd"] <= before["NFd"] + 4
    assert after["NGoroutines"] <= before["NGoroutines"] + 4
    assert resident_kib(daemon.pid) < first + 12_000, soak.samples


def figures(engine: Engine) -> Any:
    return engine.get("/info")
