"""Completion: the protocol beside docker's, and the scripts in real shells at a real terminal."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.box import BUSYBOX, FOREVER, Box
from support.boxship_cli import COMMAND, environment, run
from support.engine import Engine
from support.terminal import Terminal, terminal

SAME = """
rm _
rm -f _
start _
stop _
pause _
unpause _
exec _
logs _
rename _
run _
run x _
create x _
image rm _
tag x y _
volume rm _
volume inspect _
network rm _
network connect _
network connect bridge _
network disconnect nosuch _
network disconnect bridge _
context use _
context export default _
build _
cp _
run --network _
run --network= _
run --log-driver _
run --volume-driver _
run --link _
run --pid _
run --pid con_
run --pid container:_
run --ipc _
run --volumes-from _
run --restart _
run --security-opt _
run --security-opt label=_
run --security-opt seccomp_
run --ulimit _
run --storage-opt _
run --cap-add _
run --stop-signal _
run --platform _
run --detach-keys _
run --log-driver json-file --log-opt _
run --log-driver syslog --log-opt _
run --memory _
run --env-file _
run -itd=_
run --nosuch _
run -it x -_
kill -s _
update --restart _
events --filter _
events --filter con_
events --filter container=_
events --filter event=_
events --filter volume=_
events --filter x=_
inspect --type _
ps -q -_
ps --format _
container _
container r_
container nosuch _
volume nosuch _
nosuch _
r_
-_
-c _
-l _
help _
system _
completion _
"""
BETTER = ("--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops")  # for Windows only


def _asked(program: str, engine: Engine, words: tuple[str, ...]) -> tuple[list[str], str]:
    result = run(program, ("__complete", *words), engine.host)
    assert result.code == 0, result
    *candidates, directive = result.lines
    names = {candidate.partition("\t")[0] for candidate in candidates}
    return sorted(names - set(BETTER)), directive


@pytest.fixture(scope="module")
def scene(engine: Engine) -> Iterator[Box]:
    """A running, a paused, a created and an ended container, and a volume."""
    box = Box(engine)
    box.start()
    engine.ok("pause", box.start())
    box.create("--", "true")
    box.ended("--", "true")
    engine.ok("volume", "create", box.volume())
    yield box
    box.close()


@pytest.mark.parametrize("line", [line for line in SAME.splitlines() if line])
def test_candidates_are_dockers(engine: Engine, scene: Box, line: str) -> None:
    del scene
    if not shutil.which("docker"):
        pytest.skip("needs the docker CLI")
    words = tuple(line.removesuffix("_").split(" "))
    for _ in range(2):  # others' containers come and go
        if _asked("boxship", engine, words) == _asked("docker", engine, words):
            return
    assert _asked("boxship", engine, words) == _asked("docker", engine, words)


def test_objects_of_every_kind_can_be_inspected(engine: Engine, scene: Box) -> None:
    names, directive = _asked("boxship", engine, ("inspect", ""))
    assert {f"{scene.prefix}-0", "bridge", f"{BUSYBOX}:latest"} <= set(names)
    assert directive == ":4"
    assert _asked("boxship", engine, ("inspect", "--type", "image", "")) != (names, directive)


def test_without_a_daemon_nothing_is_offered_and_none_is_started() -> None:
    result = run("boxship", ("__complete", "rm", ""), "unix:///nonexistent/sock")
    assert (result.code, result.stdout) == (0, ":1\n")


def test_a_daemon_that_hangs_does_not_hang_the_shell(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "sock"))
        silent.listen()
        start = time.monotonic()
        result = run("boxship", ("__complete", "rm", ""), f"unix://{tmp_path}/sock")
    assert result.stdout == ":1\n"
    assert time.monotonic() - start < 10


SETUPS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(boxship completion bash)"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -U compinit; compinit -u -D; source <(boxship completion zsh)",
    ),
    "fish": (["fish", "--no-config", "-i"], "boxship completion fish | source"),
}


@contextmanager
def shell(name: str, engine: Engine, folder: Path) -> Iterator[Terminal]:
    """The shell with our completion loaded, and `boxship` on its PATH."""
    if not shutil.which(name):
        pytest.skip(f"needs {name}")
    program = folder / "boxship"
    program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    extra = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "xterm"}
    command, setup = SETUPS[name]
    surroundings = environment(engine.host, extra)
    with terminal(command, env=surroundings, rows=50, columns=160) as screen:
        screen.send(f"{setup}\recho rea''dy\r")
        screen.expect("ready")
        yield screen


@pytest.mark.parametrize("name", list(SETUPS))
def test_names_complete_in_the_shell(engine: Engine, box: Box, tmp_path: Path, name: str) -> None:
    container = box.create(*("--", *FOREVER))
    with shell(name, engine, tmp_path) as screen:
        screen.send(f"boxship rm {container[:-1]}\t-f && echo go''ne\r")
        screen.expect("gone")
    assert engine.api("GET", f"/containers/{container}/json").status == 404


@pytest.mark.parametrize("name", list(SETUPS))
def test_values_of_flags_complete_in_the_shell(engine: Engine, tmp_path: Path, name: str) -> None:
    with shell(name, engine, tmp_path) as screen:
        screen.send(
            f"boxship run --rm --network=hos\t--log-driver loc\t{BUSYBOX[:-3]}\t echo '<'ok'>'\r"
        )
        screen.expect("<ok>")
        screen.send("boxship inspect --type network -f '<{{.Driver}}>' brid\t\r")
        screen.expect("<bridge>")


@pytest.mark.parametrize("name", list(SETUPS))
def test_several_candidates_are_listed_with_their_meaning(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    with shell(name, engine, tmp_path) as screen:
        screen.send("boxship container re\t\t")
        screen.expect("Rename a container")
        screen.expect("Restart one or more")


@pytest.mark.parametrize("name", list(SETUPS))
def test_file_names_complete_where_files_are_wanted(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    (tmp_path / "some-environment").write_text("A=fromfile\n")
    with shell(name, engine, tmp_path) as screen:
        command = f"boxship run --rm --env-file {tmp_path}/some-en\t{BUSYBOX} sh -c 'echo $A'\r"
        screen.send(command)
        screen.expect("fromfile")
