"""Health checks of running containers."""

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
