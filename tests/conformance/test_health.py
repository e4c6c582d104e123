"""Health checks of running containers."""

import os
import time

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine, eventually

QUICK = ("--health-interval", "200ms", "--health-timeout", "2s", "--health-retries", "2")


def status(engine: Engine, name: str) -> str:
    return str(engine.inspect(name)["State"]["Health"]["Status"])


def test_it_starts_then_is_healthy_then_not(engine: Engine, box: Box) -> None:
    name = box.start("--health-cmd", "cat /ok", *QUICK)
    assert status(engine, name) in ("starting", "unhealthy")
    engine.ok("exec", name, "sh", "-c", "echo fine > /ok")
    eventually(lambda: status(engine, name) == "healthy")
    health = engine.inspect(name)["State"]["Health"]
    assert health["FailingStreak"] == 0
    assert (health["Log"][-1]["ExitCode"], health["Log"][-1]["Output"]) == (0, "fine\n")
    assert "(healthy)" in engine.ok("ps", "-f", f"name={name}", "--format", "{{.Status}}")
    assert name in engine.ok("ps", "-f", "health=healthy", "--format", "{{.Names}}").split()
    engine.ok("exec", name, "rm", "/ok")
    eventually(lambda: status(engine, name) == "unhealthy")
    assert engine.inspect(name)["State"]["Health"]["FailingStreak"] >= 2


def test_a_slow_check_times_out(engine: Engine, box: Box) -> None:
    flags = ("--health-interval", "100ms", "--health-timeout", "300ms", "--health-retries", "1")
    name = box.start("--health-cmd", "sleep 100", *flags)
    eventually(lambda: status(engine, name) == "unhealthy")
    last = engine.inspect(name)["State"]["Health"]["Log"][0]
    assert last["ExitCode"] == -1
    assert last["Output"].startswith("Health check exceeded timeout (300ms)")


def test_it_may_be_switched_off(engine: Engine, box: Box) -> None:
    name = box.start("--no-healthcheck")
    assert "Health" not in engine.inspect(name)["State"]
    assert engine.inspect(name)["Config"]["Healthcheck"] == {"Test": ["NONE"]}


def test_its_events_are_told(engine: Engine, box: Box) -> None:
    name = box.name()
    with engine.started("events", "-f", f"container={name}", "--format", "{{.Action}}") as events:
        engine.ok(
            "run", "-d", "--name", name, "--health-cmd", "true", *QUICK, BUSYBOX, "sleep", "100"
        )
        assert events.stdout
        assert any(line == b"health_status: healthy\n" for line in events.stdout)


def test_the_last_five_results_are_kept_and_outlive_a_restart(engine: Engine, box: Box) -> None:
    name = box.start("--health-cmd", "echo out; echo err >&2; exit 3", *QUICK)
    eventually(lambda: engine.inspect(name)["State"]["Health"]["FailingStreak"] >= 6)
    log = engine.inspect(name)["State"]["Health"]["Log"]
    assert [list(result) for result in log] == [["Start", "End", "ExitCode", "Output"]] * 5
    assert {result["ExitCode"] for result in log} == {3}
    assert {"".join(sorted(result["Output"].split())) for result in log} == {"errout"}
    engine.ok("restart", "-t", "0", name)
    health = engine.inspect(name)["State"]["Health"]
    assert (health["Status"], health["FailingStreak"]) == ("starting", 0)
    assert len(health["Log"]) == 5


def test_long_output_is_cut_and_what_cannot_start_says_why(engine: Engine, box: Box) -> None:
    long = box.start("--health-cmd", "head -c 5000 /dev/zero | tr '\\0' x; exit 1", *QUICK)
    missing = box.name()
    check = {"Test": ["CMD", "nonesuch"], "Interval": 200_000_000, "Retries": 1}
    body = {"Image": BUSYBOX, "Cmd": ["sleep", "100"], "Healthcheck": check}
    assert engine.post("/containers/create", body, name=missing).status == 201
    engine.ok("start", missing)

    def first(name: str) -> tuple[int, str] | None:
        log = engine.inspect(name)["State"]["Health"]["Log"] or [None]
        return log[0] and (log[0]["ExitCode"], log[0]["Output"])

    assert eventually(lambda: first(long)) == (1, "x" * 4096 + "...")
    code, text = eventually(lambda: first(missing))
    assert code == -1
    assert 'exec: "nonesuch": executable file not found in $PATH' in text


def test_a_paused_container_is_not_checked(engine: Engine, box: Box) -> None:
    name = box.start("--health-cmd", "true", *QUICK)
    eventually(lambda: status(engine, name) == "healthy")
    engine.ok("pause", name)
    before = engine.inspect(name)["State"]["Health"]["Log"]
    assert status(engine, name) == "unhealthy"  # Docker's word for "nobody looks"
    time.sleep(0.6)
    assert engine.inspect(name)["State"]["Health"]["Log"] == before
    engine.ok("unpause", name)
    eventually(lambda: status(engine, name) == "healthy")


def test_failures_in_the_start_period_do_not_count(engine: Engine, box: Box) -> None:
    flags = ("--health-start-period", "30s", "--health-start-interval", "100ms")
    late = ("--health-interval", "30s", "--health-retries", "1")
    name = box.start("--health-cmd", "test -e /ok", *flags, *late)
    eventually(lambda: len(engine.inspect(name)["State"]["Health"]["Log"] or ()) >= 3)
    health = engine.inspect(name)["State"]["Health"]
    assert (health["Status"], health["FailingStreak"]) == ("starting", 0)
    engine.ok("exec", name, "touch", "/ok")
    eventually(lambda: status(engine, name) == "healthy")


@pytest.mark.skipif("BOXSHIP_TEST_HOST" in os.environ, reason="ours")
class TestOnFailure:
    """--health-on-failure, which Docker lacks; clients of Docker's say it with a label."""

    SICK = ("--health-cmd", "test ! -e /bad", *QUICK)
    LABEL = "io.boxship.health-on-failure"

    def begun(self, engine: Engine, box: Box, *flags: str) -> str:
        name = box.start(*self.SICK, *flags)
        eventually(lambda: status(engine, name) == "healthy")
        engine.ok("exec", name, "touch", "/bad")
        return name

    def test_kill_leaves_the_rest_to_the_policy(self, engine: Engine, box: Box) -> None:
        dead = self.begun(engine, box, "--label", f"{self.LABEL}=kill")
        again = self.begun(engine, box, "--label", f"{self.LABEL}=kill", "--restart", "always")
        assert engine.ok("wait", dead) == "137"
        eventually(lambda: engine.inspect(again)["RestartCount"] >= 1)

    def test_stop_is_the_last_word(self, engine: Engine, box: Box) -> None:
        name = self.begun(engine, box, "--label", f"{self.LABEL}=stop", "--restart", "always")
        eventually(lambda: engine.inspect(name)["State"]["Status"] == "exited")
        assert engine.inspect(name)["State"]["ExitCode"] == 0  # it was asked, not killed

    def test_restart_begins_a_new_life(self, engine: Engine, box: Box) -> None:
        name = self.begun(engine, box, "--label", f"{self.LABEL}=restart")
        started = engine.inspect(name)["State"]["StartedAt"]
        eventually(lambda: engine.inspect(name)["State"]["StartedAt"] != started)
        assert engine.inspect(name)["RestartCount"] == 0

    def test_the_field_can_be_updated_and_bad_values_are_refused(
        self, engine: Engine, box: Box
    ) -> None:
        name = self.begun(engine, box)
        update = {"HealthOnFailureAction": "kill"}
        eventually(lambda: status(engine, name) == "unhealthy")
        assert engine.post(f"/containers/{name}/update", update).status == 200
        assert engine.inspect(name)["HostConfig"]["HealthOnFailureAction"] == "kill"
        bad = {"HealthOnFailureAction": "explode"}
        reason = 'invalid on-failure action "explode" for health checks: must be one of none, kill, restart, stop'
        assert engine.post(f"/containers/{name}/update", bad).error == (400, reason)
        body = {"Image": BUSYBOX, "Cmd": ["true"], "HostConfig": bad}
        assert engine.post("/containers/create", body).error == (400, reason)
        engine.ok("exec", name, "rm", "/bad")
        eventually(lambda: status(engine, name) == "healthy")
        engine.ok("exec", name, "touch", "/bad")
        assert engine.ok("wait", name) == "137"
