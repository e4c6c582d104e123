"""create, start, stop, kill, restart, pause, rename, wait, rm."""

import re
import threading
import time

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine, eventually
from support.terminal import terminal

TRAP = (
    "--",
    "sh",
    "-c",
    "trap 'echo got TERM; exit 4' TERM; echo up; while :; do sleep 0.05; done",
)
DEAF = ("--", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")


def state(engine: Engine, name: str) -> tuple[str, int]:
    found = engine.inspect(name)["State"]
    return found["Status"], found["ExitCode"]


def test_create_makes_it_and_no_more(engine: Engine, box: Box) -> None:
    name = box.name()
    assert re.fullmatch("[0-9a-f]{64}", engine.ok("create", "--name", name, BUSYBOX, "true"))
    assert state(engine, name) == ("created", 0)
    assert engine.inspect(name)["State"]["Pid"] == 0


def test_start_prints_the_name_and_a_runs_attached(engine: Engine, box: Box) -> None:
    name = box.create("--", "sh", "-c", "echo out; echo err >&2; exit 6")
    assert engine.ok("start", name) == name
    engine.docker("wait", name)
    result = engine.docker("start", "-a", name)
    assert (result.stdout, result.stderr, result.code) == ("out\n", "err\n", 6)


def test_start_i_feeds_stdin(engine: Engine, box: Box) -> None:
    name = box.create("-i", "--", "cat")
    assert engine.ok("start", "-ai", name, stdin=b"fed") == "fed"


def test_start_of_several_reports_each_failure(engine: Engine, box: Box) -> None:
    name = box.create("--", "true")
    result = engine.docker("start", "nonesuch", name)
    assert (result.code, result.stdout) == (1, f"{name}\n")
    assert result.stderr == (
        "Error response from daemon: No such container: nonesuch\nError: failed to start containers: nonesuch\n"
    )


def test_starting_a_running_one_is_fine_for_the_client(engine: Engine, box: Box) -> None:
    name = box.start()
    assert engine.ok("start", name) == name
    assert engine.post(f"/containers/{name}/start").status == 304


def test_it_can_be_started_again_with_what_it_wrote(engine: Engine, box: Box) -> None:
    name = box.create("--", "sh", "-c", "date >> /runs; wc -l < /runs")
    assert [engine.ok("start", "-a", name).strip() for _ in range(3)] == ["1", "2", "3"]


def test_stop_sends_the_signal_and_waits(engine: Engine, box: Box) -> None:
    name = box.start(*TRAP)
    box.wait_for_log(name, "up")
    assert engine.ok("stop", name) == name
    assert state(engine, name) == ("exited", 4)
    assert engine.ok("logs", name) == "up\ngot TERM"


def test_stop_kills_after_its_timeout(engine: Engine, box: Box) -> None:
    name = box.start(*DEAF)
    box.wait_for_log(name, "up")
    begun = time.monotonic()
    engine.ok("stop", "-t", "1", name)
    assert 0.9 < time.monotonic() - begun < 8
    assert state(engine, name) == ("exited", 137)


def test_the_stop_timeout_and_signal_may_be_set_at_create(engine: Engine, box: Box) -> None:
    script = "trap 'exit 9' USR1; echo up; while :; do sleep 0.05; done"
    name = box.start("--stop-signal", "USR1", "--stop-timeout", "20", "--", "sh", "-c", script)
    box.wait_for_log(name, "up")
    engine.ok("stop", name)
    assert state(engine, name) == ("exited", 9)
    assert engine.inspect(name)["Config"]["StopTimeout"] == 20


def test_stop_may_name_another_signal(engine: Engine, box: Box) -> None:
    name = box.start("--", "sh", "-c", "trap 'exit 8' HUP; echo up; while :; do sleep 0.05; done")
    box.wait_for_log(name, "up")
    engine.ok("stop", "-s", "HUP", name)
    assert state(engine, name) == ("exited", 8)


def test_stop_of_a_stopped_one_is_not_modified(engine: Engine, box: Box) -> None:
    name = box.ended("--", "true")
    assert engine.ok("stop", name) == name
    assert engine.post(f"/containers/{name}/stop").status == 304


def test_kill_ends_it_at_once(engine: Engine, box: Box) -> None:
    name = box.start()
    assert engine.ok("kill", name) == name
    assert engine.ok("wait", name) == "137"
    assert state(engine, name) == ("exited", 137)


@pytest.mark.parametrize("signal", ["USR1", "SIGUSR1", "10"])
def test_kill_sends_any_signal(engine: Engine, box: Box, signal: str) -> None:
    name = box.start(
        "--", "sh", "-c", "trap 'echo usr1' USR1; echo up; while :; do sleep 0.05; done"
    )
    box.wait_for_log(name, "up")
    engine.ok("kill", "-s", signal, name)
    box.wait_for_log(name, "usr1")
    assert state(engine, name)[0] == "running"


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        ("NONESUCH", "invalid signal: NONESUCH"),
        ("0", "invalid signal: 0"),
        ("-1", "the linux daemon does not support signal -1"),
        ("99", "the linux daemon does not support signal 99"),
    ],
)
def test_kill_with_a_bad_signal_is_refused(
    engine: Engine, box: Box, signal: str, reason: str
) -> None:
    name = box.start()
    assert engine.api("POST", f"/containers/{name}/kill", signal=signal).error == (
        400,
        f"cannot kill container: {name}: {reason}",
    )


def test_kill_of_a_stopped_one_is_a_conflict(engine: Engine, box: Box) -> None:
    name = box.ended("--", "true")
    identity = engine.inspect(name)["Id"]
    assert engine.fails("kill", name) == (
        f"Error response from daemon: cannot kill container: {name}: "
        f"container {identity} is not running"
    )
    assert engine.post(f"/containers/{name}/kill").status == 409


def test_restart_runs_it_again(engine: Engine, box: Box) -> None:
    name = box.start(*TRAP)
    box.wait_for_log(name, "up")
    first = engine.inspect(name)["State"]["Pid"]
    assert engine.ok("restart", name) == name
    again = engine.inspect(name)["State"]
    assert (again["Running"], again["Pid"] != first) == (True, True)
    box.wait_for_log(name, "up\ngot TERM\nup")


def test_restart_starts_a_stopped_one(engine: Engine, box: Box) -> None:
    name = box.create(*TRAP)
    engine.ok("restart", "-t", "1", name)
    assert state(engine, name)[0] == "running"


def test_pause_freezes_and_unpause_thaws(engine: Engine, box: Box) -> None:
    name = box.start("--", "sh", "-c", "while :; do date +%s%N; sleep 0.02; done")
    assert engine.ok("pause", name) == name
    assert state(engine, name)[0] == "paused"
    assert engine.ok("ps", "-f", f"name={name}", "--format", "{{.Status}}").endswith("(Paused)")
    frozen = engine.ok("logs", "--tail", "1", name)
    time.sleep(0.2)
    assert engine.ok("logs", "--tail", "1", name) == frozen
    identity = engine.inspect(name)["Id"]
    assert engine.fails("pause", name) == (
        f"Error response from daemon: Container {identity} is already paused"
    )
    assert engine.fails("exec", name, "true") == (
        f"Error response from daemon: Container {name} is paused, unpause the container before exec"
    )
    assert engine.ok("unpause", name) == name
    assert engine.fails("unpause", name) == (
        f"Error response from daemon: Container {identity} is not paused"
    )
    eventually(lambda: engine.ok("logs", "--tail", "1", name) != frozen)


def test_a_paused_one_can_be_killed_and_removed(engine: Engine, box: Box) -> None:
    name = box.start()
    engine.ok("pause", name)
    engine.ok("rm", "-f", name)


def test_a_paused_one_can_be_stopped(engine: Engine, box: Box) -> None:
    name = box.start(*TRAP)
    box.wait_for_log(name, "up")
    engine.ok("pause", name)
    engine.ok("stop", "-t", "5", name)
    assert state(engine, name)[0] == "exited"


def test_pause_of_a_stopped_one_is_a_conflict(engine: Engine, box: Box) -> None:
    name = box.create()
    identity = engine.inspect(name)["Id"]
    assert engine.post(f"/containers/{name}/pause").error == (
        409,
        f"container {identity} is not running",
    )


def test_rm_of_a_running_one_is_refused_without_f(engine: Engine, box: Box) -> None:
    name = box.start()
    identity = engine.inspect(name)["Id"]
    assert engine.fails("rm", name) == (
        f'Error response from daemon: cannot remove container "{name}": container is running: '
        "stop the container before removing or force remove"
    ), identity
    assert engine.ok("rm", "-f", name) == name
    assert engine.api("GET", f"/containers/{name}/json").error == (
        404,
        f"No such container: {name}",
    )


def test_rm_of_an_unknown_one(engine: Engine) -> None:
    assert (
        engine.fails("rm", "nonesuch") == "Error response from daemon: No such container: nonesuch"
    )
    assert engine.docker("rm", "-f", "nonesuch").code == 0


def test_rename(engine: Engine, box: Box) -> None:
    name, new, other = box.create(), box.name(), box.create()
    engine.ok("rename", name, new)
    assert engine.inspect(new)["Name"] == f"/{new}"
    assert engine.api("GET", f"/containers/{name}/json").status == 404
    identity = engine.inspect(other)["Id"]
    assert engine.fails("rename", new, other) == (
        f'Error response from daemon: Error when allocating new name: Conflict. The container name "/{other}" '
        f'is already in use by container "{identity}". You have to remove (or rename) that container to be '
        f"able to reuse that name.\nError: failed to rename container named {new}"
    )
    assert "Renaming a container with the same name as its current name" in engine.fails(
        "rename", new, new
    )
    assert "Invalid container name (/-)" in engine.fails("rename", new, "/-")


def test_a_unique_prefix_of_the_id_is_enough(engine: Engine, box: Box) -> None:
    identity = engine.inspect(box.create())["Id"]
    assert engine.inspect(identity[:12])["Id"] == identity
    assert engine.inspect(identity[:20])["Id"] == identity


def test_wait_prints_codes_in_order(engine: Engine, box: Box) -> None:
    first = box.start("--", "sh", "-c", "sleep 0.5; exit 3")
    second = box.start("--", "sh", "-c", "exit 4")
    assert engine.ok("wait", first, second) == "3\n4"


@pytest.mark.parametrize("condition", ["not-running", "next-exit", ""])
def test_wait_conditions(engine: Engine, box: Box, condition: str) -> None:
    name = box.start("--", "sh", "-c", "sleep 0.3; exit 3")
    reply = engine.api("POST", f"/containers/{name}/wait", condition=condition)
    assert (reply.status, reply.json()) == (200, {"StatusCode": 3})


def test_wait_for_the_next_exit_begins_before_the_start(engine: Engine, box: Box) -> None:
    name = box.create("--", "sh", "-c", "exit 3")
    answers = []

    def wait() -> None:
        answers.append(engine.api("POST", f"/containers/{name}/wait", condition="next-exit").json())

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    assert answers == []
    engine.ok("start", name)
    waiting.join(10)
    assert answers == [{"StatusCode": 3}]


def test_wait_for_removal(engine: Engine, box: Box) -> None:
    name = box.name()
    engine.ok("create", "--rm", "--name", name, BUSYBOX, "sh", "-c", "exit 5")
    answers = []

    def wait() -> None:
        answers.append(engine.api("POST", f"/containers/{name}/wait", condition="removed").json())

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    engine.ok("start", name)
    waiting.join(10)
    assert answers == [{"StatusCode": 5}]
    assert engine.api("GET", f"/containers/{name}/json").status == 404


def test_wait_on_what_already_ended_answers_at_once(engine: Engine, box: Box) -> None:
    name = box.ended("--", "sh", "-c", "exit 9")
    assert engine.ok("wait", name) == "9"


def test_a_bad_wait_condition_is_refused(engine: Engine, box: Box) -> None:
    name = box.create()
    assert engine.api("POST", f"/containers/{name}/wait", condition="x").error == (
        400,
        'invalid condition: "x"',
    )


def test_status_texts(engine: Engine, box: Box) -> None:
    exited, running = box.ended("--", "sh", "-c", "exit 2"), box.start()
    rows = engine.ok("ps", "-a", "-f", f"name={box.prefix}", "--format", "{{.Names}} {{.Status}}")
    texts = dict(row.split(" ", 1) for row in rows.splitlines())
    assert re.fullmatch(r"Exited \(2\) (Less than a second|\d+ seconds?) ago", texts[exited])
    assert re.fullmatch(r"Up (Less than a second|\d+ seconds?)", texts[running])


def test_times_are_kept(engine: Engine, box: Box) -> None:
    name = box.create("--", "true")
    fresh = engine.inspect(name)["State"]
    assert fresh["StartedAt"] == fresh["FinishedAt"] == "0001-01-01T00:00:00Z"
    engine.ok("start", "-a", name)
    ended = engine.inspect(name)
    times = [ended["Created"], ended["State"]["StartedAt"], ended["State"]["FinishedAt"]]
    assert times == sorted(times)
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z", t) for t in times)


def test_prune_removes_only_stopped_ones(engine: Engine, box: Box) -> None:
    label = f"prune={box.prefix}"
    stopped, running = box.create("-l", label), box.start("-l", label)
    identity = engine.inspect(stopped)["Id"]
    out = engine.ok("container", "prune", "-f", "--filter", f"label={label}")
    assert out.splitlines()[:2] == ["Deleted Containers:", identity]
    assert out.splitlines()[-1].startswith("Total reclaimed space: ")
    assert state(engine, running)[0] == "running"


def test_a_terminal_run_shows_its_size_and_follows_resizes(engine: Engine, box: Box) -> None:
    command = ("docker", "run", "--rm", "-it", "--name", box.name(), BUSYBOX, "sh")
    with terminal(command, engine.environment, rows=30, columns=100) as person:
        person.send("stty size; echo mark$((1+1))\n")
        assert "30 100" in person.expect("mark2")
        person.resize(40, 120)
        person.send(
            "for i in $(seq 50); do stty size | grep 120 && break; sleep 0.2; done; echo mark$((2+2))\n"
        )
        assert "40 120" in person.expect("mark4")
        person.send("exit 5\n")
        assert person.wait() == 5


def test_detach_keys_leave_it_running(engine: Engine, box: Box) -> None:
    name = box.name()
    command = ("docker", "run", "-it", "--name", name, BUSYBOX, "sh")
    with terminal(command, engine.environment) as person:
        person.send("echo mark$((1+1))\n")
        person.expect("mark2")
        person.send("\x10\x11")
        assert person.wait() == 0
    assert state(engine, name)[0] == "running"
    with terminal(
        ("docker", "attach", "--detach-keys", "ctrl-x,x", name), engine.environment
    ) as person:
        person.send("echo mark$((2+2))\n")
        person.expect("mark4")
        person.send("\x18x")
        assert person.wait() == 1
        assert "read escape sequence" in person.screen
    assert state(engine, name)[0] == "running"


def test_ctrl_c_on_a_terminal_interrupts_inside(engine: Engine, box: Box) -> None:
    command = (
        "docker",
        "run",
        "--rm",
        "-it",
        "--name",
        box.name(),
        BUSYBOX,
        "sh",
        "-c",
        "trap 'exit 12' INT; echo up; while :; do sleep 0.05; done",
    )
    with terminal(command, engine.environment) as person:
        person.expect("up")
        person.send("\x03")
        assert person.wait() == 12


def test_memory_that_runs_out_is_told_at_once(engine: Engine, box: Box) -> None:
    """Also of a container that lives on: only a child of its was killed."""
    name = box.name()
    hog = "sh -c 'x=a; while :; do x=$x$x$x; done'; touch /over; sleep 100"
    limits = ("--memory", "16m", "--memory-swap", "16m")
    with engine.started("events", "-f", f"container={name}", "--format", "{{.Action}}") as events:
        time.sleep(0.2)
        engine.ok("run", "-d", "--name", name, *limits, BUSYBOX, "sh", "-c", hog)
        assert events.stdout
        assert any(line == b"oom\n" for line in events.stdout)
    eventually(lambda: engine.inspect(name)["State"]["OOMKilled"])
    assert engine.inspect(name)["State"]["Running"]
    engine.ok("restart", "-t", "0", name)
    assert not engine.inspect(name)["State"]["OOMKilled"]
