"""kill -9 of boxshipd in the middle of a verb: what it leaves is whole, whatever the moment."""

import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import pytest

from conformance.test_crash import alive, at, swept
from support.box import BUSYBOX
from support.boxshipd import Boxshipd
from support.engine import Engine, eventually

DEAF = ("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
STATES = ("created", "running", "paused", "restarting", "exited")


def crash_during(daemon: Boxshipd, verb: Callable[[], Any], moment: float) -> None:
    """Kill the daemon *moment* seconds after a verb was begun; start the next."""

    def begin() -> None:
        try:
            verb()
        except (OSError, HTTPException):
            return  # as it must be

    thread = threading.Thread(target=begin)
    thread.start()
    time.sleep(moment)
    daemon.kill()
    thread.join(30)
    assert not thread.is_alive()
    daemon.start()


def whole(engine: Engine, name: str) -> Any:
    """What inspect says, once it was compared with the machine."""
    state = engine.inspect(name)["State"]
    assert state["Status"] in STATES
    assert (state["Pid"] > 0 and alive(state["Pid"])) == (state["Status"] in ("running", "paused"))
    return state


def usable(engine: Engine, name: str) -> None:
    """It can be taken wherever its user likes."""
    if whole(engine, name)["Status"] == "paused":
        engine.ok("unpause", name)
    engine.ok("restart", "-t", "0", name)
    assert engine.ok("exec", name, "echo", "well") == "well"


VERBS: dict[str, Callable[[Engine, str], Any]] = {
    "start": lambda e, c: e.post(f"/containers/{c}/start"),
    "stop": lambda e, c: e.post(f"/containers/{c}/stop", t=0),
    "kill": lambda e, c: e.post(f"/containers/{c}/kill"),
    "restart": lambda e, c: e.post(f"/containers/{c}/restart", t=0),
    "pause": lambda e, c: e.post(f"/containers/{c}/pause"),
    "unpause": lambda e, c: e.post(f"/containers/{c}/unpause"),
    "update": lambda e, c: e.post(
        f"/containers/{c}/update", {"Memory": 64 << 20, "MemorySwap": 64 << 20}
    ),
    "rename": lambda e, c: e.post(f"/containers/{c}/rename", name="other"),
    "exec create": lambda e, c: e.post(f"/containers/{c}/exec", {"Cmd": ["true"]}),
    "commit": lambda e, c: e.post("/commit", container=c, repo="crashed"),
    "archive": lambda e, c: e.api("PUT", f"/containers/{c}/archive?path=/tmp", b"\0" * 10240),
}


@pytest.mark.parametrize("moment", at(0.004, 0.0, 0.01, 0.02, 0.05))
def test_a_crash_during_any_verb(daemon: Boxshipd, moment: float) -> None:
    engine = daemon.engine
    verbs = list(VERBS.items())
    if moment == 0.004:  # in every run: the ones that change most
        verbs = [(verb, VERBS[verb]) for verb in ("start", "restart", "pause", "rename")]
    for verb, act in verbs:
        create = ("create",) if verb == "start" else ("run", "-d")
        identifier = engine.ok(*create, "--name", "victim", "-v", "/data", BUSYBOX, *DEAF)
        if verb == "unpause":
            engine.ok("pause", "victim")
        crash_during(daemon, lambda act=act: act(engine, "victim"), moment)  # type: ignore[misc]
        named = engine.inspect(identifier)["Name"]
        assert named in ("/victim", "/other"), verb
        assert engine.inspect(named[1:])["Id"] == identifier, verb
        usable(engine, identifier)
        engine.ok("rm", "-fv", identifier)
    engine.docker("rmi", "crashed")
    assert swept(daemon) == []


@pytest.mark.parametrize("moment", at(0.02, 0.0, 0.005, 0.04, 0.08))
def test_a_crash_during_create_and_remove_leaves_no_volume(daemon: Boxshipd, moment: float) -> None:
    engine = daemon.engine
    body = {"Image": BUSYBOX, "Cmd": list(DEAF), "Volumes": {"/a": {}, "/b": {}}}
    crash_during(daemon, lambda: engine.post("/containers/create", body, name="made"), moment)
    if engine.api("GET", "/containers/made/json").status == 404:
        assert engine.ok("volume", "ls", "-q") == ""
        engine.post("/containers/create", body, name="made")
    crash_during(daemon, lambda: engine.api("DELETE", "/containers/made?v=1"), moment)
    engine.docker("rm", "-v", "made")
    assert engine.ok("volume", "ls", "-q") == ""
    kept = engine.ok("create", "-v", "/kept", BUSYBOX)
    engine.ok("rm", kept)
    daemon.restart()
    assert len(engine.ok("volume", "ls", "-q").split()) == 1  # `rm` without -v keeps it, for ever
    assert swept(daemon) == []


def test_a_stop_that_is_cut_short_has_still_asked(daemon: Boxshipd) -> None:
    engine = daemon.engine
    slow = ("sh", "-c", "trap 'sleep 1; exit 3' TERM; while :; do sleep 0.05; done")
    for policy in ("no", "unless-stopped"):
        engine.ok("run", "-d", "--name", policy, "--restart", policy, BUSYBOX, *slow)
    time.sleep(0.3)

    def stop() -> None:
        threads = [
            threading.Thread(target=engine.docker, args=("stop", "-t", "30", name))
            for name in ("no", "unless-stopped")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    crash_during(daemon, stop, 0.5)
    for name in ("no", "unless-stopped"):
        assert engine.ok("wait", name) == "3"
        assert whole(engine, name)["Status"] == "exited"
    assert swept(daemon) == []


def test_sessions_that_ended_meanwhile_tell_how(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "host", BUSYBOX, "sleep", "1000")

    def session(script: str) -> str:
        body = {"Cmd": ["sh", "-c", script]}
        made = engine.post("/containers/host/exec", body).json()["Id"]
        assert engine.post(f"/exec/{made}/start", {"Detach": True}).status == 200
        return str(made)

    before, meanwhile = session("exit 4"), session("sleep 1; exit 5")
    after = session("until test -e /go; do sleep 0.1; done; exit 6")
    eventually(lambda: engine.get(f"/exec/{before}/json")["ExitCode"] == 4)
    daemon.kill()
    time.sleep(1)
    daemon.start()
    told = {code: engine.get(f"/exec/{each}/json") for code, each in ((4, before), (5, meanwhile))}
    for code, answer in told.items():
        assert (answer["Running"], answer["ExitCode"]) == (False, code)
    assert engine.get(f"/exec/{after}/json")["Running"]
    assert engine.inspect("host")["ExecIDs"] == [after]
    engine.ok("exec", "host", "touch", "/go")
    eventually(lambda: engine.get(f"/exec/{after}/json")["ExitCode"] == 6)
    assert engine.get(f"/exec/{after}/json")["Running"] is False
    assert swept(daemon) == []


def test_back_off_and_its_count_go_on(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "fails", "--restart", "on-failure:6", BUSYBOX, "false")
    eventually(lambda: engine.inspect("fails")["RestartCount"] == 4)
    daemon.kill()
    daemon.start()
    assert engine.inspect("fails")["RestartCount"] == 4
    eventually(lambda: engine.inspect("fails")["State"]["Status"] == "exited", within=30)
    assert engine.inspect("fails")["RestartCount"] == 6
    assert swept(daemon) == []


def test_health_goes_on(daemon: Boxshipd) -> None:
    engine = daemon.engine
    flags = ("--health-cmd", "test -e /ok", "--health-interval", "300ms", "--health-retries", "4")
    engine.ok("run", "-d", "--name", "sick", *flags, BUSYBOX, *DEAF)
    eventually(lambda: engine.inspect("sick")["State"]["Health"]["FailingStreak"] == 2)
    daemon.restart()
    health = engine.inspect("sick")["State"]["Health"]
    assert health["FailingStreak"] >= 2
    assert len(health["Log"]) >= 2
    eventually(lambda: engine.inspect("sick")["State"]["Health"]["Status"] == "unhealthy")
    engine.ok("exec", "sick", "touch", "/ok")
    daemon.restart()
    eventually(lambda: engine.inspect("sick")["State"]["Health"]["Status"] == "healthy")
    assert swept(daemon) == []


def test_what_dies_with_the_daemon_is_told_when_it_is_back(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "dies", BUSYBOX, "sh", "-c", "sleep 0.5; exit 9")
    pid = engine.inspect("dies")["State"]["Pid"]
    daemon.kill()
    eventually(lambda: not alive(pid))
    ended = time.time()
    time.sleep(1.2)
    daemon.start()
    eventually(lambda: engine.inspect("dies")["State"]["Status"] == "exited")

    def told() -> bool:
        until, filters = str(time.time()), {"event": ["die"]}
        reply = engine.api("GET", "/events", since="0", until=until, filters=filters)
        return b'"exitCode":"9"' in reply.body

    eventually(told)
    finished = engine.inspect("dies")["State"]["FinishedAt"][:19]
    assert (
        abs(time.mktime(time.strptime(finished, "%Y-%m-%dT%H:%M:%S")) - time.timezone - ended) < 2
    )
    assert swept(daemon) == []


def test_a_created_container_with_rm_goes_with_the_daemon(daemon: Boxshipd) -> None:
    """As with dockerd: its client is gone, and nobody would start it."""
    engine = daemon.engine
    engine.ok("create", "--rm", "--name", "temporary", BUSYBOX, "true")
    daemon.restart()
    assert engine.api("GET", "/containers/temporary/json").status == 404
    assert swept(daemon) == []
