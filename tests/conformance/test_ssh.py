"""`-H ssh://…`: the daemon behind another program's standard streams; ours stands in for ssh."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.boxship_cli import COMMAND, environment, run
from support.engine import Engine

SSH = """#!/bin/sh
printf '%s\\n' "$*" >> "$SSH_LOG"
while [ "$1" != -- ]; do shift; done
shift 2
DOCKER_HOST=$SSH_HOST exec sh -c "$*"
"""


@pytest.fixture
def remote(engine: Engine, tmp_path: Path) -> dict[str, str]:
    """Surroundings with an `ssh` whose every host is the engine's."""
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "boxship").write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    path = f"{tmp_path}:{environment('')['PATH']}"
    return {"PATH": path, "SSH_LOG": f"{tmp_path}/log", "SSH_HOST": engine.host}


def test_every_kind_of_stream_goes_through(
    engine: Engine, box: Box, remote: dict[str, str]
) -> None:
    name = box.name()
    args = ("run", "-i", "--name", name, BUSYBOX, "sh", "-c", "cat; echo err >&2; exit 3")
    data = b"0123456789abcdef" * 100_000
    result = run("boxship", args, "ssh://me@there:2222", stdin=data, extra=remote)
    assert (result.code, result.stderr) == (3, "err\n")
    assert result.stdout.encode() == data
    log = Path(remote["SSH_LOG"]).read_text()
    assert log.startswith("-o ConnectTimeout=30 -T -l me -p 2222 -- there ")
    logs = run("boxship", ("logs", name), "ssh://there", extra=remote)
    assert logs.stdout.encode() == data


def test_docker_may_come_through_our_end(engine: Engine, remote: dict[str, str]) -> None:
    if not shutil.which("docker"):
        pytest.skip("needs the docker CLI")
    folder = Path(remote["SSH_LOG"]).parent
    (folder / "there").mkdir()
    (folder / "there" / "docker").symlink_to(folder / "boxship")
    (folder / "ssh").write_text(
        SSH.replace("DOCKER_HOST=", f"PATH={folder}/there:$PATH DOCKER_HOST=")
    )
    result = run(
        "docker", ("version", "--format", "{{.Server.Version}}"), "ssh://there", extra=remote
    )
    assert result == run("docker", ("version", "--format", "{{.Server.Version}}"), engine.host)


def test_a_path_names_the_remote_socket(engine: Engine, remote: dict[str, str]) -> None:
    socket = engine.host.removeprefix("unix://")
    if socket == engine.host:
        pytest.skip("needs an engine on a unix socket")
    args = ("info", "--format", "{{.ServerVersion}}")
    result = run(
        "boxship", args, f"ssh://there{socket}", extra={**remote, "SSH_HOST": "unix:///no"}
    )
    assert result == run("boxship", args, engine.host)


def test_what_ssh_says_is_told(remote: dict[str, str]) -> None:
    Path(remote["SSH_LOG"]).with_name("ssh").write_text("#!/bin/sh\necho no way >&2; exit 255\n")
    result = run("boxship", ("ps",), "ssh://there", extra=remote)
    assert result.code == 1
    assert result.stderr.startswith(
        "error during connect: command [ssh -o ConnectTimeout=30 -T -- there"
    )
    assert "has exited with exit status 255" in result.stderr
    assert result.stderr.endswith("stderr=no way\n")


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("ssh://", "hostname is empty"),
        ("ssh://me:secret@there", "plain-text password is not supported"),
        ("ssh://there?a=b", 'query parameters are not allowed: "a=b"'),
        ("ssh://there#a", 'fragments are not allowed: "a"'),
    ],
)
def test_wrong_addresses_are_refused_as_by_docker(host: str, problem: str) -> None:
    result = run("boxship", ("ps",), host)
    start = "Failed to initialize: ssh host connection is not valid: invalid SSH URL: "
    assert (result.code, result.stderr) == (1, f"{start}{problem}\n")


def test_a_host_is_never_an_option_of_ssh() -> None:
    result = run("boxship", ("ps",), "ssh://-oProxyCommand=touch${IFS}x")
    assert "invalid host or user" in result.stderr


def test_dial_stdio_ends_when_the_daemon_has_answered(engine: Engine) -> None:
    request = b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with subprocess.Popen(
        [*COMMAND, "system", "dial-stdio"],
        env=environment(engine.host),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        process.stdin.flush()
        assert process.stdout.read().endswith(b"\r\n\r\nOK")
        assert process.wait(10) == 0
