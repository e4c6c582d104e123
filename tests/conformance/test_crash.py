"""kill -9 of boxshipd, at any moment: containers live on, the next daemon knows all, nothing is left."""

import os
import subprocess
import time
from contextlib import closing, suppress

import pytest

from support.box import BUSYBOX
from support.boxshipd import Boxshipd, mounts_below, processes_of
from support.engine import Engine, eventually
from support.images import docker_archive
from support.rootfs import busybox, entry, tar

TICKS = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"


def at(*moments: float) -> list[object]:
    """Moments to crash at, the first of them in every run."""
    first, *others = moments
    return [first, *(pytest.param(moment, marks=pytest.mark.slow) for moment in others)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def swept(daemon: Boxshipd) -> list[str]:
    """What is left once every container is removed the ordinary way."""
    engine = daemon.engine
    ids = set(engine.ok("ps", "-aq", "--no-trunc").split())
    if ids:
        engine.ok("rm", "-fv", *ids)
    engine.ok("volume", "prune", "-af")
    try:
        eventually(lambda: not daemon.leftovers(ids), within=5)
    except AssertionError:
        return daemon.leftovers(ids)
    return []


def hello(engine: Engine, port: int) -> str:
    with closing(engine.connect(port)) as connection:
        return connection.makefile().read()


def test_a_container_lives_on_and_is_known_again(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "ticks", "-v", "data:/v", BUSYBOX, "sh", "-c", TICKS)
    before = engine.inspect("ticks")
    daemon.kill()
    assert alive(before["State"]["Pid"])
    time.sleep(0.3)
    daemon.start()
    after = engine.inspect("ticks")
    for key in ("Id", "State", "Config", "HostConfig", "Mounts", "NetworkSettings", "Created"):
        assert after[key] == before[key], key
    lines = [int(line) for line in engine.ok("logs", "ticks").splitlines()]
    assert lines == list(range(1, len(lines) + 1))
    assert len(lines) > 5
    assert engine.ok("exec", "ticks", "echo", "hi") == "hi"
    assert engine.ok("ps", "--format", "{{.Names}}") == "ticks"
    engine.ok("kill", "ticks")
    assert engine.ok("wait", "ticks") == "137"
    assert swept(daemon) == []


def test_ports_answer_before_during_and_after(daemon: Boxshipd) -> None:
    engine = daemon.engine
    serve = ("nc", "-ll", "-p", "80", "-e", "echo", "hello")
    engine.ok("run", "-d", "--name", "web", "-p", "127.0.0.1::80", BUSYBOX, *serve)
    port = int(engine.inspect("web")["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"])
    assert hello(engine, port) == "hello\n"
    daemon.kill()
    assert hello(engine, port) == "hello\n"
    daemon.start()
    assert hello(engine, port) == "hello\n"
    taken = engine.docker("run", "--rm", "-p", f"127.0.0.1:{port}:80", BUSYBOX, "true")
    assert "port is already allocated" in taken.stderr
    engine.ok("rm", "-f", "web")
    engine.ok("run", "-d", "--name", "web2", "-p", f"127.0.0.1:{port}:80", BUSYBOX, *serve)
    assert hello(engine, port) == "hello\n"
    assert swept(daemon) == []


def test_an_end_while_nobody_watched_is_known(daemon: Boxshipd) -> None:
    engine = daemon.engine
    script = "echo before; sleep 0.4; echo after; exit 7"
    engine.ok("run", "-d", "--name", "ends", BUSYBOX, "sh", "-c", script)
    engine.ok("run", "-d", "--rm", "--name", "vanishes", BUSYBOX, "sh", "-c", script)
    daemon.kill()
    time.sleep(0.8)
    daemon.start()
    state = engine.inspect("ends")["State"]
    assert (state["Status"], state["ExitCode"], state["OOMKilled"]) == ("exited", 7, False)
    assert state["FinishedAt"] > state["StartedAt"]
    assert engine.ok("logs", "ends") == "before\nafter"
    assert engine.ok("wait", "ends") == "7"
    eventually(lambda: engine.api("GET", "/containers/vanishes/json").status == 404)
    assert engine.docker("start", "-a", "ends").code == 7
    assert swept(daemon) == []


def test_restart_policies_hold_across_a_crash(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "always", "--restart", "always", BUSYBOX, "sleep", "1000")
    engine.ok(
        "run", "-d", "--name", "stopped", "--restart", "unless-stopped", BUSYBOX, "sleep", "1000"
    )
    engine.ok("stop", "-t", "0", "stopped")
    pid = engine.inspect("always")["State"]["Pid"]
    daemon.kill()
    os.kill(pid, 9)
    time.sleep(0.2)
    daemon.start()
    eventually(lambda: engine.inspect("always")["State"]["Running"])
    eventually(lambda: engine.inspect("always")["State"]["Pid"] not in (0, pid))
    assert not engine.inspect("stopped")["State"]["Running"]
    assert swept(daemon) == []


def test_a_paused_container_stays_paused(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "frozen", BUSYBOX, "sh", "-c", TICKS)
    engine.ok("pause", "frozen")
    daemon.restart()
    assert engine.inspect("frozen")["State"]["Status"] == "paused"
    engine.ok("unpause", "frozen")
    assert swept(daemon) == []


def test_stdin_and_a_terminal_survive(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-dit", "--name", "tty", BUSYBOX, "sh")
    daemon.restart()
    with engine.started("attach", "--no-stdin", "tty") as screen:
        assert screen.stdout
        os.set_blocking(screen.stdout.fileno(), False)
        keyboard = engine.connection()
        keyboard.request("POST", "/containers/tty/attach?stream=1&stdin=1")
        assert keyboard.sock
        assert keyboard.sock.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")

        def shown() -> bool:
            assert keyboard.sock
            assert screen.stdout
            keyboard.sock.sendall(b"echo mark$((1+1))\n")
            time.sleep(0.2)
            return b"mark2" in (screen.stdout.read() or b"")

        eventually(shown)
        keyboard.close()
    assert swept(daemon) == []


@pytest.mark.parametrize("moment", at(0.07, 0.0, 0.02, 0.04, 0.11, 0.17, 0.3))
def test_a_crash_during_run(daemon: Boxshipd, moment: float) -> None:
    engine = daemon.engine
    engine.ok("run", "--rm", BUSYBOX, "true")
    script = "echo up; exec sleep 1000"
    command = [
        "docker",
        "run",
        "--name",
        "victim",
        "-p",
        "127.0.0.1::80",
        "-v",
        "/anon",
        BUSYBOX,
        "sh",
        "-c",
        script,
    ]
    with subprocess.Popen(
        command, env=engine.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as client:
        time.sleep(moment)
        daemon.kill()
        client.wait(30)
    daemon.start()
    reply = engine.api("GET", "/containers/victim/json")
    if reply.status == 200:
        state = reply.json()["State"]
        assert state["Status"] in ("created", "running", "exited"), state
        assert state["Running"] == (state["Pid"] > 0 and alive(state["Pid"]))
        if state["Status"] == "created":
            engine.ok("start", "victim")
    assert engine.ok("run", "--rm", BUSYBOX, "echo", "well") == "well"
    assert swept(daemon) == []


@pytest.mark.parametrize("moment", at(0.04, 0.0, 0.11, 0.3))
def test_a_crash_during_removal(daemon: Boxshipd, moment: float) -> None:
    engine = daemon.engine
    for n in range(4):
        engine.ok("run", "-d", "--name", f"c{n}", "-p", "127.0.0.1::80", BUSYBOX, "sleep", "1000")
    with engine.started("rm", "-f", "c0", "c1", "c2", "c3"):
        time.sleep(moment)
        daemon.kill()
    daemon.start()
    for n in range(4):
        engine.docker("rm", "-f", f"c{n}")
    assert swept(daemon) == []


def test_a_crash_during_exec(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "host", BUSYBOX, "sleep", "1000")
    with engine.started("exec", "host", "sh", "-c", TICKS) as client:
        assert client.stdout
        assert client.stdout.readline() == b"1\n"
        daemon.kill()
        client.wait(10)
    daemon.start()
    assert engine.ok("exec", "host", "echo", "again") == "again"
    assert engine.inspect("host")["State"]["Running"]
    assert swept(daemon) == []


@pytest.mark.parametrize("moment", at(0.4, 0.1, 1.0))
def test_a_crash_during_build(daemon: Boxshipd, moment: float) -> None:
    engine = daemon.engine
    text = f"FROM {BUSYBOX}\nRUN echo a > /a\nRUN sleep 0.5; echo b > /b\nRUN cat /a /b > /c\n".encode()
    with engine.started("build", "-t", "built", "-") as build:
        assert build.stdin
        build.stdin.write(text)
        build.stdin.close()
        time.sleep(moment)
        daemon.kill()
        build.wait(20)
    daemon.start()
    assert mounts_below(daemon.root) == []
    assert [p for p in processes_of(daemon.root) if p != daemon.pid] == []
    engine.ok("build", "-t", "built", "-", stdin=text)
    assert engine.ok("run", "--rm", "built", "cat", "/c") == "a\nb"
    engine.ok("rmi", "built")
    engine.ok("image", "prune", "-f")
    assert swept(daemon) == []


@pytest.mark.parametrize("moment", at(0.12, 0.02, 0.06, 0.25, 0.5))
def test_a_crash_during_load(daemon: Boxshipd, moment: float) -> None:
    engine = daemon.engine
    data = os.urandom(24 << 20)
    layers = [busybox(), tar([entry("big", data)]), tar([entry("top", b"top")])]
    archive = docker_archive(layers, "loaded:latest")
    with subprocess.Popen(
        ["docker", "load", "-q"],
        env=engine.environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as load:
        time.sleep(0.05)
        assert load.stdin
        timer = time.monotonic() + moment
        try:
            for start in range(0, len(archive), 1 << 20):
                load.stdin.write(archive[start : start + (1 << 20)])
                if time.monotonic() > timer:
                    break
            load.stdin.flush()
        except BrokenPipeError:
            pass
        daemon.kill()
        with suppress(BrokenPipeError):
            load.stdin.close()
        load.wait(20)
    daemon.start()
    if engine.api("GET", "/images/loaded/json").status == 200:
        assert engine.ok("run", "--rm", "loaded", "cat", "/top") == "top"
    engine.ok("load", "-q", stdin=archive)
    assert (
        engine.ok("run", "--rm", "loaded", "sh", "-c", "wc -c < /big; cat /top")
        == f"{len(data)}\ntop"
    )
    engine.ok("rmi", "loaded")
    assert swept(daemon) == []


def test_a_stop_leaves_containers_running_too(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "stays", BUSYBOX, "sleep", "1000")
    pid = engine.inspect("stays")["State"]["Pid"]
    assert daemon.stop() == 0
    assert alive(pid)
    daemon.start()
    assert engine.inspect("stays")["State"]["Pid"] == pid
    assert swept(daemon) == []


def test_clients_are_let_go(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "ticks", BUSYBOX, "sh", "-c", TICKS)
    with (
        engine.started("logs", "-f", "ticks") as logs,
        engine.started("events") as events,
        engine.started("attach", "ticks") as attach,
    ):
        assert logs.stdout
        logs.stdout.readline()
        daemon.kill()
        for client in (logs, events, attach):
            client.communicate(timeout=10)
    daemon.start()
    assert swept(daemon) == []
