"""docker run: streams, exit codes, process settings."""

import hashlib
import os
import re
import subprocess

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine, eventually


def test_output_and_errors_arrive_apart(box: Box) -> None:
    result = box.run("--", "sh", "-c", "echo out; echo err >&2")
    assert (result.stdout, result.stderr, result.code) == ("out\n", "err\n", 0)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("exit 7", 7),
        ("exit 300", 44),
        ("sh -c 'kill -9 $$'; exit $?", 137),
        ("sh -c 'kill -TERM $$'; exit $?", 143),
    ],
)
def test_the_exit_code_is_the_process_s_own(box: Box, command: str, code: int) -> None:
    assert box.run("--", "sh", "-c", command).code == code


def test_a_missing_command_is_127(box: Box) -> None:
    result = box.run("--", "nonesuch", "arg")
    assert result.code == 127
    assert 'exec: "nonesuch": executable file not found in $PATH' in result.stderr
    assert result.stderr.startswith("docker: Error response from daemon: failed to create task for")


def test_a_missing_absolute_path_is_127(box: Box) -> None:
    result = box.run("--", "/no/such")
    assert result.code == 127
    assert 'exec: "/no/such": stat /no/such: no such file or directory' in result.stderr


@pytest.mark.parametrize("command", ["/etc", "/etc/passwd"])
def test_what_cannot_be_executed_is_126(box: Box, command: str) -> None:
    result = box.run("--", command)
    assert result.code == 126
    assert "denied" in result.stderr or "is a directory" in result.stderr


def test_a_failure_of_ours_is_125(box: Box) -> None:
    result = box.run("--network", "nonesuch", "--", "true")
    assert result.code == 125
    assert "network nonesuch not found" in result.stderr


def test_an_unknown_image_is_125_and_never_pulled_on_demand(engine: Engine) -> None:
    result = engine.docker("run", "--rm", "--pull", "never", "nonesuch:tag")
    assert result.code == 125
    said = result.stderr.splitlines()[0].removesuffix(".")  # docker before 28 ended the sentence
    assert said == "docker: Error response from daemon: No such image: nonesuch:tag"


def test_no_command_at_all_is_refused(engine: Engine, box: Box) -> None:
    image = box.image()
    engine.ok("import", "-", image, stdin=b"\0" * 10240)
    result = engine.docker("run", "--rm", image)
    assert result.code == 125
    assert "Error response from daemon: no command specified" in result.stderr


def test_a_taken_name_is_a_conflict(engine: Engine, box: Box) -> None:
    name = box.create()
    taken = engine.ok("inspect", "-f", "{{.Id}}", name)
    result = engine.docker("run", "--name", name, BUSYBOX, "true")
    assert result.code == 125
    assert result.stderr.splitlines()[0] == (
        f'docker: Error response from daemon: Conflict. The container name "/{name}" is already in use '
        f'by container "{taken}". You have to remove (or rename) that container to be able to reuse that name.'
    )


@pytest.mark.parametrize("name", ["-x", "a b", "ü", "a/b", "_"])
def test_a_bad_name_is_refused(engine: Engine, name: str) -> None:
    result = engine.docker("create", f"--name={name}", BUSYBOX)
    assert result.code == 1
    assert result.stderr.strip() == (
        f"Error response from daemon: Invalid container name ({name}), "
        "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
    )


def test_a_name_is_made_up(engine: Engine) -> None:
    container = engine.ok("create", BUSYBOX)
    name = engine.ok("inspect", "-f", "{{.Name}}", container)
    engine.ok("rm", container)
    assert re.fullmatch(r"/[a-z]+_[a-z]+\d?", name)


def test_stdin_is_piped_to_its_end(box: Box) -> None:
    data = os.urandom(8 << 20)
    result = box.run("-i", "--", "sha256sum", stdin=data)
    assert result.stdout.split()[0] == hashlib.sha256(data).hexdigest()


def test_large_data_goes_through_unchanged(engine: Engine) -> None:
    data = os.urandom(4 << 20)
    assert engine.output("run", "--rm", "-i", BUSYBOX, "cat", stdin=data) == data


def test_output_after_half_close_still_arrives(box: Box) -> None:
    result = box.run(
        "-i", "--", "sh", "-c", "cat; sleep 0.3; echo late; echo err >&2", stdin=b"early "
    )
    assert (result.stdout, result.stderr) == ("early late\n", "err\n")


def test_without_i_stdin_is_empty(box: Box) -> None:
    assert box.run("--", "cat", stdin=b"lost").stdout == ""


def test_d_prints_the_id(engine: Engine, box: Box) -> None:
    name = box.name()
    printed = engine.ok("run", "-d", "--name", name, BUSYBOX, "sleep", "100")
    assert re.fullmatch("[0-9a-f]{64}", printed)
    assert engine.inspect(name)["Id"] == printed
    assert engine.inspect(name)["State"]["Status"] == "running"


def test_rm_removes_it_after_the_end(engine: Engine, box: Box) -> None:
    name = box.name()
    engine.ok("run", "-d", "--rm", "--name", name, BUSYBOX, "true")
    eventually(lambda: engine.api("GET", f"/containers/{name}/json").status == 404)


def test_rm_also_removes_what_failed_to_start(engine: Engine, box: Box) -> None:
    name = box.name()
    assert engine.docker("run", "--rm", "--name", name, BUSYBOX, "nonesuch").code == 127
    eventually(lambda: engine.api("GET", f"/containers/{name}/json").status == 404)


def test_what_failed_to_start_stays_created(engine: Engine, box: Box) -> None:
    name = box.name()
    assert engine.docker("run", "--name", name, BUSYBOX, "nonesuch").code == 127
    state = engine.inspect(name)["State"]
    assert (state["Status"], state["ExitCode"], state["Running"]) == ("created", 127, False)
    assert "executable file not found" in state["Error"]
    assert engine.ok("ps", "-a", "--format", "{{.Status}}", "-f", f"name={name}") == "Created"


def test_environment_comes_from_image_flags_and_file(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        file = host.here / "env"
        file.write_text("# comment\nA=from file\nB=kept=whole\nFROM_CLIENT\n\n")
        name = box.name()
        result = engine.docker(
            *("run", "--rm", "--name", name, "--hostname", "h", "--env-file", str(file)),
            *("-e", "A=flag", "-e", "EMPTY=", "-e", "UNSET_HERE", BUSYBOX, "env"),
            env={"FROM_CLIENT": "yes"},
        )
    assert sorted(result.lines) == [
        "A=flag",
        "B=kept=whole",
        "EMPTY=",
        "FROM_CLIENT=yes",
        "HOME=/root",
        "HOSTNAME=h",
        "PATH=/usr/bin:/bin",
    ]


def test_a_terminal_sets_term(box: Box) -> None:
    assert "TERM=xterm" in box.run("-t", "--", "env").stdout.split("\r\n")


@pytest.mark.parametrize(
    ("flags", "script", "output"),
    [
        (["-w", "/made/on/demand"], "pwd; stat -c %u:%a .", "/made/on/demand\n0:755"),
        (["-w", "/etc", "-u", "app"], "pwd", "/etc"),
        (["-u", "1000"], "id -u; id -g; id -G; echo $HOME", "1000\n1001\n1001 10 2000\n/home/app"),
        (["-u", "app"], "id -u; id -g; id -G", "1000\n1001\n1001 10 2000"),
        (["-u", "1000:5"], "id -u; id -g; id -G", "1000\n5\n5"),
        (["-u", "app:wheel"], "id -u; id -g; id -G", "1000\n10\n10"),
        (["-u", "4242"], "id -u; id -g; echo $HOME", "4242\n0\n/"),
        (["-u", "4242:4343"], "id -u; id -g; id -G", "4242\n4343\n4343"),
        (["--group-add", "extra", "--group-add", "77"], "id -G", "0 77 2000"),
        (["--hostname", "web"], "hostname; cat /etc/hostname", "web\nweb"),
        (
            ["--hostname", "web", "--domainname", "ex.org"],
            "hostname; cat /proc/sys/kernel/domainname",
            "web\nex.org",
        ),
        (["--entrypoint", ""], "echo $0", "sh"),
        (["--init"], "cat /proc/1/comm", "docker-init"),
        (["--shm-size", "8m"], "df -k /dev/shm | awk 'END {print $2}'", "8192"),
        (["--ulimit", "nofile=100:200"], "ulimit -Sn; ulimit -Hn", "100\n200"),
        (["--ulimit", "core=0"], "ulimit -c", "0"),
        (["--sysctl", "net.ipv4.ip_forward=0"], "cat /proc/sys/net/ipv4/ip_forward", "0"),
        (["--sysctl", "net.core.somaxconn=77"], "cat /proc/sys/net/core/somaxconn", "77"),
        (["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", "500"),
        (["--add-host", "db:1.2.3.4"], "grep -w db /etc/hosts", "1.2.3.4\tdb"),
        (
            ["--dns", "9.9.9.9", "--dns-search", "ex.org", "--dns-option", "ndots:3"],
            "grep -v ^# /etc/resolv.conf | grep .",
            "nameserver 9.9.9.9\nsearch ex.org\noptions ndots:3",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_process_gets(box: Box, flags: list[str], script: str, output: str) -> None:
    assert box.sh(script, *flags) == output


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("nobodyhere", "unable to find user nobodyhere: no matching entries in passwd file"),
        ("root:nogroup", "unable to find group nogroup: no matching entries in group file"),
        ("-1", "uids and gids must be in range 0-2147483647"),
    ],
)
def test_an_unknown_user_is_named(box: Box, user: str, text: str) -> None:
    result = box.run(f"--user={user}", "--", "true")
    assert (result.code, text in result.stderr) == (125, True), result


def test_a_working_directory_that_is_a_file_is_refused(box: Box) -> None:
    result = box.run("-w", "/etc/passwd", "--", "true")
    assert result.code in (125, 126, 127)
    assert "ot a directory" in result.stderr


def test_a_relative_working_directory_is_refused(box: Box) -> None:
    result = box.run("-w", "etc", "--", "true")
    assert result.code == 125
    assert (
        "the working directory 'etc' is invalid, it needs to be an absolute path" in result.stderr
    )


def test_the_entrypoint_comes_before_the_command(box: Box) -> None:
    assert box.run("--entrypoint", "echo", "--", "a", "b").stdout == "a b\n"


def test_an_entrypoint_drops_the_image_s_command(engine: Engine, box: Box) -> None:
    name = box.create("--entrypoint", "echo")
    config = engine.inspect(name)["Config"]
    assert (config["Entrypoint"], config["Cmd"]) == (["echo"], None)


def test_init_reaps_zombies_and_forwards_signals(engine: Engine, box: Box) -> None:
    name = box.start("--init", "--", "sh", "-c", "(sleep 0.05 & exec true); exec sleep 100")
    eventually(lambda: " Z" not in engine.ok("exec", name, "ps", "-o", "comm,stat"))
    engine.ok("stop", "-t", "10", name)
    assert engine.inspect(name)["State"]["ExitCode"] == 143


def test_the_cid_file_holds_the_id(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        file = host.here / "cid"
        name = box.name()
        engine.ok("run", "--name", name, "--cidfile", str(file), BUSYBOX, "true")
        assert file.read_text() == engine.inspect(name)["Id"]
        again = engine.docker("run", "--cidfile", str(file), BUSYBOX, "true")
        assert again.code == 125
        assert "container ID file found" in again.stderr


def test_signals_to_the_client_reach_the_container(engine: Engine, box: Box) -> None:
    script = "trap 'echo got; exit 3' INT; echo ready; while :; do sleep 0.05; done"
    with engine.started("run", "--rm", "--name", box.name(), BUSYBOX, "sh", "-c", script) as run:
        assert run.stdout
        assert run.stdout.readline() == b"ready\n"
        run.send_signal(2)
        assert run.stdout.readline() == b"got\n"
        assert run.wait(10) == 3


def test_a_mebibyte_line_arrives_whole(box: Box) -> None:
    result = box.run("--", "sh", "-c", "head -c 1048576 /dev/zero | tr '\\0' x; echo")
    assert result.stdout == "x" * 1048576 + "\n"


def test_the_client_may_vanish_and_the_container_runs_on(engine: Engine, box: Box) -> None:
    name = box.name()
    script = "echo ready; sleep 0.5; echo done; sleep 100"
    with engine.started("run", "-i", "--name", name, BUSYBOX, "sh", "-c", script) as run:
        assert run.stdout
        assert run.stdout.readline() == b"ready\n"
        run.kill()
    box.wait_for_log(name, "done")
    assert engine.inspect(name)["State"]["Running"]


def test_only_named_streams_are_attached(engine: Engine, box: Box) -> None:
    result = box.run("-a", "stderr", "--", "sh", "-c", "echo out; echo err >&2")
    assert (result.stdout, result.stderr) == ("", "err\n")


def test_t_without_a_terminal_is_refused_by_the_client(engine: Engine) -> None:
    result = engine.docker("run", "--rm", "-it", BUSYBOX, "true")
    assert result.code == 1
    assert "the input device is not a TTY" in result.stderr


def test_a_restart_policy_starts_it_again_and_counts(engine: Engine, box: Box) -> None:
    name = box.start("--restart", "on-failure:2", "--", "sh", "-c", "echo try; exit 3")
    eventually(
        lambda: (
            engine.inspect(name)["RestartCount"] == 2
            and not engine.inspect(name)["State"]["Running"]
            and not engine.inspect(name)["State"]["Restarting"]
        )
    )
    assert engine.ok("logs", name) == "try\ntry\ntry"
    assert engine.inspect(name)["State"]["ExitCode"] == 3


def test_a_stopped_container_is_not_restarted(engine: Engine, box: Box) -> None:
    name = box.start("--restart", "always")
    engine.ok("stop", name)
    assert engine.inspect(name)["State"]["Status"] == "exited"
    assert engine.inspect(name)["RestartCount"] == 0


def test_rm_and_restart_exclude_each_other(engine: Engine) -> None:
    result = engine.docker("run", "--rm", "--restart", "always", BUSYBOX)
    assert result.code == 125
    said = result.stderr.lower()
    assert "conflicting options: " in said
    assert "--restart and --rm" in said


def test_many_at_once_each_get_their_own_output(engine: Engine, box: Box) -> None:
    runs = [
        subprocess.Popen(
            ["docker", "run", "--rm", "--network", "none", BUSYBOX, "echo", str(n)],
            env=engine.environment,
            stdout=subprocess.PIPE,
        )
        for n in range(8)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert outputs == [f"{n}\n".encode() for n in range(8)]
