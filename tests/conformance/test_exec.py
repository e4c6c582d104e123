"""docker exec."""

import hashlib
import os
from collections.abc import Iterator

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine, eventually
from support.terminal import terminal


@pytest.fixture(scope="module")
def running(engine: Engine) -> Iterator[str]:
    """One container for the tests that change nothing in it."""
    name = f"cf-exec-{os.getpid()}"
    engine.ok(
        "run", "-d", "--rm", "--name", name, "-e", "A=1", "-w", "/tmp", BUSYBOX, "sleep", "1000"
    )
    yield name
    engine.ok("rm", "-f", name)


def test_output_errors_and_code(engine: Engine, running: str) -> None:
    result = engine.docker("exec", running, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.stdout, result.stderr, result.code) == ("out\n", "err\n", 7)


@pytest.mark.parametrize(
    ("flags", "script", "output"),
    [
        ([], "pwd; id -u; echo $A", "/tmp\n0\n1"),
        (["-w", "/etc"], "pwd", "/etc"),
        (["-e", "A=2", "-e", "B=3"], "echo $A$B", "23"),
        (["-u", "app"], "id -u; id -g; id -G; echo $HOME", "1000\n1001\n1001 10 2000\n/home/app"),
        (["-u", "5:6"], "id -u; id -g", "5\n6"),
        (["-i"], "cat", "fed"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_the_process_gets(
    engine: Engine, running: str, flags: list[str], script: str, output: str
) -> None:
    assert engine.ok("exec", *flags, running, "sh", "-c", script, stdin=b"fed") == output


def test_capabilities_are_the_container_s_unless_privileged(engine: Engine, running: str) -> None:
    def effective(*flags: str) -> int:
        line = engine.ok("exec", *flags, running, "grep", "CapEff", "/proc/self/status")
        return int(line.split()[1], 16)

    assert effective() == 0xA80425FB
    assert effective("--privileged") > 0xA80425FB
    assert effective("-u", "app") == 0


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        ("nonesuch", 127, 'exec: "nonesuch": executable file not found in $PATH'),
        ("/no/such", 127, "no such file or directory"),
        ("/etc/passwd", 126, "permission denied"),
    ],
)
def test_what_cannot_run(engine: Engine, running: str, command: str, code: int, text: str) -> None:
    result = engine.docker("exec", running, command)
    assert result.code == code
    assert text in result.stderr + result.stdout


def test_an_unknown_user(engine: Engine, running: str) -> None:
    result = engine.docker("exec", "-u", "nonesuch", running, "true")
    assert result.code in (1, 126)
    assert (
        "unable to find user nonesuch: no matching entries in passwd file"
        in result.stderr + result.stdout
    )


def test_a_missing_working_directory_is_an_error(engine: Engine, running: str) -> None:
    result = engine.docker("exec", "-w", "/nonesuch", running, "true")
    assert result.code in (126, 127)
    assert "no such file or directory" in result.stderr + result.stdout


def test_on_a_stopped_container(engine: Engine, box: Box) -> None:
    name = box.create()
    identity = engine.inspect(name)["Id"]
    assert engine.fails("exec", name, "true") == (
        f"Error response from daemon: container {identity} is not running"
    )


def test_on_an_unknown_container(engine: Engine) -> None:
    assert engine.fails("exec", "nonesuch", "true") == (
        "Error response from daemon: No such container: nonesuch"
    )


def test_large_data_passes_both_ways(engine: Engine, running: str) -> None:
    data = os.urandom(4 << 20)
    assert engine.output("exec", "-i", running, "cat", stdin=data) == data
    assert engine.ok("exec", "-i", running, "sha256sum", stdin=data).split()[0] == (
        hashlib.sha256(data).hexdigest()
    )


def test_detached_runs_on_its_own(engine: Engine, running: str) -> None:
    assert engine.ok("exec", "-d", running, "sh", "-c", "echo did > /tmp/did") == ""
    eventually(lambda: engine.docker("exec", running, "cat", "/tmp/did").stdout == "did\n")


def test_a_terminal_for_one_command(engine: Engine, running: str) -> None:
    command = ("docker", "exec", "-it", running, "sh")
    with terminal(command, engine.environment, rows=33, columns=99) as person:
        person.send("stty size; tty; echo $TERM mark$((1+1))\n")
        shown = person.expect("mark2")
        assert "33 99" in shown
        assert "/dev/pts/0" in shown
        assert "xterm" in shown
        person.send("exit 4\n")
        assert person.wait() == 4


def test_inspect_tells_how_it_goes(engine: Engine, running: str) -> None:
    created = engine.post(
        f"/containers/{running}/exec",
        {"Cmd": ["sh", "-c", "exit 5"], "AttachStdout": True, "User": "app", "Env": ["X=1"]},
    )
    assert created.status == 201
    identity = created.json()["Id"]
    before = engine.get(f"/exec/{identity}/json")
    assert (before["Running"], before["ExitCode"], before["Pid"]) == (False, None, 0)
    assert engine.post(f"/exec/{identity}/start", {"Detach": False, "Tty": False}).status == 200
    after = engine.get(f"/exec/{identity}/json")
    assert (after["Running"], after["ExitCode"]) == (False, 5)
    assert after["ProcessConfig"] == {
        "arguments": ["-c", "exit 5"],
        "entrypoint": "sh",
        "privileged": False,
        "tty": False,
        "user": "app",
    }
    assert after["ContainerID"] == engine.inspect(running)["Id"]
    assert engine.post(f"/exec/{identity}/start", {"Detach": True}).error == (
        409,
        f"exec command {identity} has already run",
    )


def test_unknown_execs(engine: Engine) -> None:
    assert engine.api("GET", "/exec/nonesuch/json").error == (
        404,
        "No such exec instance: nonesuch",
    )
    assert engine.post("/exec/nonesuch/start", {}).error == (404, "No such exec instance: nonesuch")
    assert engine.post("/exec/nonesuch/resize?h=1&w=1").status == 404


def test_no_command_is_refused(engine: Engine, running: str) -> None:
    assert engine.post(f"/containers/{running}/exec", {}).error == (
        400,
        "No exec command specified",
    )


def test_a_running_exec_is_listed_and_killed_with_its_container(engine: Engine, box: Box) -> None:
    name = box.start()
    with engine.started("exec", name, "sh", "-c", "echo up; sleep 1000") as client:
        assert client.stdout
        assert client.stdout.readline() == b"up\n"
        (identity,) = engine.inspect(name)["ExecIDs"]
        assert engine.get(f"/exec/{identity}/json")["Running"]
        engine.ok("kill", name)
        assert client.wait(10) == 137


def test_a_dead_client_does_not_kill_the_command(engine: Engine, box: Box) -> None:
    name = box.start()
    script = "echo up; sleep 0.5; echo done > /done"
    with engine.started("exec", "-i", name, "sh", "-c", script) as client:
        assert client.stdout
        assert client.stdout.readline() == b"up\n"
        client.kill()
    eventually(lambda: engine.docker("exec", name, "test", "-e", "/done").code == 0)


def test_sixteen_at_once(engine: Engine, running: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        outputs = list(pool.map(lambda n: engine.ok("exec", running, "echo", str(n)), range(16)))
    assert outputs == [str(n) for n in range(16)]
