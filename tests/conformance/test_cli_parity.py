"""The same command line given to docker and to boxship: same output, same errors, same exit code."""

import io
import shlex
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.box import BUSYBOX, FOREVER, Box
from support.boxship_cli import COMMAND, comparable, environment, run
from support.engine import Engine
from support.terminal import terminal

TRIES = 5  # of two listings one may say "5 seconds ago" and the other "6", or an event be late

LISTINGS = """
ps
ps -a --filter name={p}
ps -aq --filter name={p}
ps -as --filter name={p}
ps -a --no-trunc --filter name={p}
ps -n 1 --filter name={p}
ps -a --filter name={p} --format json
ps -a --filter name={p} --format {{{{.ID}}}}\\t{{{{.Names}}}}\\t{{{{.Label\\ "l"}}}}
ps -a --filter name={p} --format table\\ {{{{.Names}}}}\\t{{{{.Mounts}}}}\\t{{{{.LocalVolumes}}}}\\t{{{{.Networks}}}}
ps -a --filter name={p} --format {{{{json\\ .Names}}}}\\ {{{{upper\\ .State}}}}\\ {{{{truncate\\ .ID\\ 4}}}}
container ls -a --filter name={p}
images {i}
images -q {i}
images --digests {i}
images --no-trunc {i}
images --format json {i}
image ls --format {{{{.Repository}}}}:{{{{.Tag}}}} {i}
history {i}
history --no-trunc -H=false {i}
history -q {i}
history --format json {i}
inspect {c}
inspect {c} {i} {v}
inspect -s {c}
inspect -f {{{{.Id}}}} {c}
inspect -f {{{{json\\ .Config}}}} {c}
inspect -f {{{{.Config.Cmd}}}}{{{{.Mounts}}}}{{{{.HostConfig.PortBindings}}}} {c}
inspect -f {{{{range\\ .Mounts}}}}{{{{.Destination}}}}{{{{end}}}} {c}
inspect -f {{{{.NoSuch}}}} {c}
inspect -f {{{{.State.NoSuch}}}} {c}
inspect -f {{{{.ID}}}}{{{{.Config.Labels.l}}}}{{{{.Config.Labels.nosuch}}}} {c}
inspect -f {{{{json\\ .Config.Labels.nosuch}}}}{{{{.State.Health}}}}{{{{.HostConfig.Tmpfs}}}} {c}
inspect -f {{{{.State.Health.Status}}}} {c}
inspect -f {{{{index\\ .Mounts\\ 7}}}} {c}
inspect -f {{{{upper}}}} {c}
inspect -f {{{{.Name {c}
info -f {{{{.NoSuch}}}}
volume inspect -f {{{{.NoSuch}}}} {v}
inspect --type image {i}
image inspect {i}
container inspect {c}
volume inspect {v}
network inspect bridge
volume ls -f name={p}
volume ls -q -f name={p}
volume ls -f name={p} --format json
network ls
network ls --no-trunc -f name=bridge
network ls -q -f name=bridge
network ls --format json -f name=host
port {c}
port {c} 80
port {c} 81
top {c}
top {c} -o pid,comm
logs {c}
logs -n 1 {c}
logs -t {c}
logs --since 10m {c}
diff {c}
events --since 10m --until 0s --filter container={c}
events --since 10m --until 0s --filter container={c} --format json
events --since 10m --until 0s --filter container={c} --format {{{{.Type}}}}\\ {{{{.Action}}}}\\ {{{{.Actor.ID}}}}
version --format {{{{.Server.Version}}}}
info --format {{{{.Driver}}}}\\ {{{{.OSType}}}}
context show
context ls
context inspect
container prune
volume prune
network prune
image prune
image prune -a
system prune
"""

ERRORS = """
ps --nosuch
ps extra
ps -zq
ps --all=maybe
ps -f x
ps -n x
ps --format {{{{.Foo}}}}
ps --format {{{{foo}}}}
ps --format {{{{.ID
nosuch
container nosuch
volume nosuch
--nosuch
-H
-l nosuch ps
help nosuch
rename a
tag a
inspect
port
port a b c
images a b
logs
logs a b
exec a
exec nosuch ls
run
run --nosuch
run -e
run --memory=1x {i}
run -m -5 {i}
run --cpus x {i}
run --cpus 0.0000000001 {i}
run --blkio-weight 99999999 {i}
run --health-interval 5 {i}
run --memory-swappiness x {i}
run --ulimit x {i}
run --ulimit x=y {i}
run --pull x {i}
run -p 99999 {i}
run -p a:b:c:d {i}
run --expose a:b {i}
run --expose 1-x {i}
run --device x {i}
run --restart foo {i}
run --restart always:3 {i}
run --rm --restart always {i}
run --network-alias x {i}
run --env-file /nope {i}
run -l '' {i}
run -a x {i}
run --dns x {i}
run --dns-search ! {i}
run --add-host x {i}
run --link '' {i}
run --sysctl x {i}
run --mac-address x {i}
run --mount x {i}
run --mount type=bind {i}
run --mount type=tmpfs,dst=/x,volume-nocopy {i}
run --pid x {i}
run --security-opt x {i}
run --security-opt seccomp=/nope {i}
run --storage-opt x {i}
run --log-driver none --log-opt a=b {i}
run --no-healthcheck --health-cmd x {i}
run --gpus x {i}
run -d -a stdin {i}
run -it {i}
run A
run 'a b'
run ''
run --platform x/y/z/w {i}
run --device-cgroup-rule x {i}
run --device-read-bps x {i}
run --device-read-bps /dev/x:y {i}
run --blkio-weight-device x {i}
run --shm-size x {i}
run --cidfile /etc/passwd {i}
run --stop-timeout x {i}
run --pull never nosuch-{p}
start nosuch
start -a a b
stop nosuch other
stop -t x a
kill nosuch
restart nosuch
rm nosuch
rm -f nosuch
pause nosuch
wait nosuch
attach nosuch
update {c}
update --restart on-failure:x {c}
top nosuch
diff nosuch
commit nosuch
export nosuch
cp nosuch:/a /tmp
cp {c}:/nosuch /tmp
cp /nosuch {c}:/
cp a b
cp a:b c:d
logs nosuch
inspect nosuch
inspect nosuch {c} -f {{{{.Name}}}}
inspect --type foo x
inspect --type image nosuch
image inspect nosuch
volume inspect nosuch
network inspect nosuch
volume rm nosuch
network rm nosuch
network connect nosuch {c}
network disconnect bridge nosuch
tag nosuch x
tag {i} X:y
rmi nosuch
rmi -f nosuch
save nosuch
load -i /nope
import /nope
build
build /nosuch
build -t X .
pull A
stats --no-stream nosuch
volume create a b
context use nosuch
context rm nosuch
login a b
"""


def _lines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]


@pytest.fixture(scope="module")
def scene(engine: Engine) -> Iterator[dict[str, str]]:
    """A running container with a port, a volume, a label, output and changes."""
    if not shutil.which("docker"):
        pytest.skip("needs the docker CLI")
    box = Box(engine)
    volume, image = box.volume(), box.image()
    command = ("sh", "-c", f"echo out; echo err >&2; touch /changed; {FOREVER[2]}")
    flags = ("-l", "l=1", "-p", "127.0.0.1::80", "-v", f"{volume}:/data")
    container = box.start(*flags, "--", *command)
    engine.ok("tag", BUSYBOX, image)
    engine.ok("exec", container, "sh", "-c", "until [ -e /changed ]; do :; done")
    yield {"c": container, "v": volume, "i": image, "p": box.prefix}
    box.close()


def difference(docker: tuple[int, str, str], boxship: tuple[int, str, str]) -> Iterator[str]:
    """The lines that only one of them has."""
    for ours, theirs in zip(boxship[1:], docker[1:], strict=True):
        yield from (f"- {line}" for line in theirs.splitlines() if line not in ours.splitlines())
        yield from (f"+ {line}" for line in ours.splitlines() if line not in theirs.splitlines())


def same(engine: Engine, *args: str) -> None:
    """Assert that both programs do alike."""
    for attempt in range(TRIES):
        docker = comparable(run("docker", args, engine.host))
        boxship = comparable(run("boxship", args, engine.host))
        if args[0] == "diff":  # the engine lists changes in no order
            docker, boxship = (
                (code, "".join(sorted(out.splitlines(keepends=True))), err)
                for code, out, err in (docker, boxship)
            )
        if docker == boxship:
            return
        if attempt == TRIES - 1:
            assert boxship == docker, "\n".join(difference(docker, boxship))
        time.sleep(0.2)


@pytest.mark.parametrize("line", _lines(LISTINGS))
def test_listing_is_dockers(engine: Engine, scene: dict[str, str], line: str) -> None:
    same(engine, *shlex.split(line.format(**scene)))


@pytest.mark.parametrize("line", _lines(ERRORS))
def test_error_is_dockers(engine: Engine, scene: dict[str, str], line: str) -> None:
    same(engine, *shlex.split(line.format(**scene)))


HELP = [
    "ps",
    "run",
    "create",
    "exec",
    "start",
    "stop",
    "kill",
    "restart",
    "rm",
    "logs",
    "attach",
    "wait",
    "inspect",
    "events",
    "top",
    "cp",
    "pause",
    "unpause",
    "rename",
    "update",
    "port",
    "diff",
    "commit",
    "export",
    "import",
    "stats",
    "images",
    "build",
    "load",
    "save",
    "tag",
    "rmi",
    "history",
    "pull",
    "push",
    "search",
    "login",
    "logout",
    "info",
    "version",
]
GROUPS = [
    "container ls",
    "container inspect",
    "container prune",
    "image ls",
    "image rm",
    "image prune",
    "volume create",
    "volume ls",
    "volume rm",
    "volume prune",
    "network create",
    "network ls",
    "network connect",
    "network disconnect",
    "network prune",
    "context create",
    "context ls",
    "context rm",
    "context use",
    "system df",
    "system prune",
    "volume",
    "network",
    "image",
    "container",
    "system",
]


@pytest.mark.parametrize("name", [*HELP, *GROUPS])
def test_help_is_dockers(engine: Engine, name: str) -> None:
    """But for flags of Docker's that only Swarm, Windows or experimental daemons know."""
    docker = run("docker", (*name.split(), "--help"), engine.host)
    boxship = run("boxship", (*name.split(), "--help"), engine.host)
    missing = [
        line
        for line in comparable(docker)[1].splitlines()
        if line.split() and line not in comparable(boxship)[1].splitlines()
    ]
    if name in {"images", "image ls"}:
        missing = [line for line in missing if "--tree" not in line]
    if name == "volume create":
        missing = [line for line in missing if "luster" not in line and "topology" not in line]
        missing = [
            line for line in missing if "--" in line and not line.split()[0].startswith("-d")
        ]
        missing = [line for line in missing if "--label" not in line and "--opt" not in line]
    assert missing == []


def test_exit_codes_of_run(engine: Engine) -> None:
    for command in (
        ("true",),
        ("sh", "-c", "exit 7"),
        ("nosuch",),
        ("/etc",),
        ("sh", "-c", "kill -9 $$"),
        ("sh", "-c", "echo out; echo err >&2"),
    ):
        same(engine, "run", "--rm", BUSYBOX, *command)


def test_exit_codes_of_exec(engine: Engine, scene: dict[str, str]) -> None:
    for command in (("true",), ("sh", "-c", "exit 3"), ("sh", "-c", "echo out; echo err >&2")):
        same(engine, "exec", scene["c"], *command)


def test_stdin_reaches_the_container_and_its_end_does_too(engine: Engine) -> None:
    data = bytes(range(256)) * 20_000
    command = ("run", "--rm", "-i", BUSYBOX, "md5sum")
    docker = run("docker", command, engine.host, stdin=data)
    boxship = run("boxship", command, engine.host, stdin=data)
    assert comparable(boxship) == comparable(docker)
    assert boxship.code == 0


def test_much_output_and_much_input_at_once_do_not_block(engine: Engine) -> None:
    data = b"0123456789abcdef" * 500_000
    result = run("boxship", ("run", "--rm", "-i", BUSYBOX, "cat"), engine.host, stdin=data)
    assert (result.code, len(result.stdout)) == (0, len(data))


def test_detached_run_prints_the_id_and_writes_the_cidfile(
    engine: Engine, box: Box, tmp_path: Path
) -> None:
    cidfile = tmp_path / "cid"
    args = ("run", "-d", "--name", box.name(), "--cidfile", str(cidfile), BUSYBOX, *FOREVER)
    result = run("boxship", args, engine.host)
    assert result.code == 0
    assert result.stdout.strip() == cidfile.read_text()
    assert len(cidfile.read_text()) == 64


def test_a_failed_create_leaves_no_cidfile(engine: Engine, tmp_path: Path) -> None:
    cidfile = tmp_path / "cid"
    args = ("run", "--pull", "never", "--cidfile", str(cidfile), "nosuch-image")
    assert run("boxship", args, engine.host).code == 125
    assert not cidfile.exists()


def test_life_of_a_container_by_boxship_alone(engine: Engine, box: Box) -> None:
    name = box.name()

    def ok(*args: str) -> str:
        result = run("boxship", args, engine.host)
        assert result.code == 0, result.stderr
        return result.stdout.strip()

    ok("create", "--name", name, BUSYBOX, *FOREVER)
    assert ok("start", name) == name
    assert ok("pause", name) == name
    assert ok("unpause", name) == name
    assert ok("stop", "-t", "5", name) == name
    assert ok("wait", name) == "0"
    assert ok("restart", name) == name
    assert ok("kill", name) == name
    assert ok("wait", name) == "137"
    ok("rename", name, other := box.name())
    assert ok("rm", "-v", other) == other


def test_images_make_the_round_by_boxship_alone(engine: Engine, box: Box, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    name = box.image()
    assert run("boxship", ("tag", BUSYBOX, name), engine.host).code == 0
    assert run("boxship", ("save", "-o", str(archive), name), engine.host).code == 0
    removed = run("boxship", ("rmi", name), engine.host)
    assert removed.stdout == f"Untagged: {name}\n"
    loaded = run("boxship", ("load", "-i", str(archive)), engine.host)
    assert loaded.stdout == f"Loaded image: {name}\n"
    piped = run("boxship", ("load",), engine.host, stdin=archive.read_bytes())
    assert piped.stdout == f"Loaded image: {name}\n"


def test_build_output_is_dockers(engine: Engine, box: Box, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX}\nCOPY . /x\nRUN ls /x && echo done\n")
    (tmp_path / "kept").write_text("1")
    (tmp_path / "left").write_text("2")
    (tmp_path / ".dockerignore").write_text("left\n")
    args = ("build", "-t", box.image(), str(tmp_path))
    run("docker", args, engine.host)  # fills the cache, so that both report the same steps
    same(engine, *args)
    same(engine, "build", "-q", str(tmp_path))


def test_failed_build_ends_with_the_commands_code(engine: Engine) -> None:
    dockerfile = f"FROM {BUSYBOX}\nRUN exit 3\n".encode()
    docker = run("docker", ("build", "--force-rm", "-"), engine.host, stdin=dockerfile)
    boxship = run("boxship", ("build", "--force-rm", "-"), engine.host, stdin=dockerfile)
    assert (boxship.code, boxship.stderr) == (docker.code, comparable(docker)[2])


def test_copies_go_both_ways(engine: Engine, scene: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "file").write_text("text")
    (tmp_path / "in" / "link").symlink_to("deep/file")
    for source, target in ((f"{tmp_path}/in", "/to"), (f"{tmp_path}/in/.", "/data")):
        result = run("boxship", ("cp", source, f"{scene['c']}:{target}"), engine.host)
        assert (result.code, result.stderr) == (0, "")
    assert engine.ok("exec", scene["c"], "cat", "/to/link", "/data/deep/file") == "texttext"
    result = run("boxship", ("cp", f"{scene['c']}:/to", f"{tmp_path}/out"), engine.host)
    assert result.code == 0, result.stderr
    assert (tmp_path / "out" / "link").readlink() == Path("deep/file")
    assert (tmp_path / "out" / "deep" / "file").read_text() == "text"


def test_copies_as_tar_streams(engine: Engine, scene: dict[str, str]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("streamed")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    args = ("cp", "-", f"{scene['c']}:/data")
    assert run("boxship", args, engine.host, stdin=out.getvalue()).code == 0
    assert engine.ok("exec", scene["c"], "cat", "/data/streamed") == "hello"
    assert run("boxship", ("cp", f"{scene['c']}:/data/streamed", "-"), engine.host).code == 0


def test_a_hostile_archive_cannot_leave_the_folder(
    engine: Engine, scene: dict[str, str], tmp_path: Path
) -> None:
    """A link in the container, then a file behind it: the file must not land where the link points."""
    target = tmp_path / "outside"
    target.mkdir()
    script = f"rm -rf /evil; mkdir -p /evil; ln -s {target} /evil/link"
    engine.ok("exec", scene["c"], "sh", "-c", script)
    here = tmp_path / "here"
    here.mkdir()
    run("boxship", ("cp", f"{scene['c']}:/evil", str(here)), engine.host)
    assert (here / "evil" / "link").is_symlink()
    again = ("cp", f"{scene['c']}:/etc/passwd", str(here / "evil"))
    assert run("boxship", again, engine.host).code == 0
    assert list(target.iterdir()) == []


def test_a_terminal_is_raw_and_has_our_size(engine: Engine) -> None:
    command = [*COMMAND, "run", "-it", "--rm", BUSYBOX, "sh"]
    with terminal(command, env=environment(engine.host), rows=31, columns=87) as screen:
        screen.expect("# ")
        screen.send("stty size\r")
        screen.expect("31 87")
        screen.resize(40, 100)
        screen.expect("# ")
        screen.send("sleep 1; stty size\r")
        screen.expect("40 100")
        screen.send("exit 5\r")
        assert screen.wait() == 5


def test_detach_keys_leave_the_container_running(engine: Engine, box: Box) -> None:
    name = box.name()
    command = [*COMMAND, "run", "-it", "--name", name, BUSYBOX, "sh"]
    with terminal(command, env=environment(engine.host)) as screen:
        screen.expect("# ")
        screen.send("\x10\x11")
        assert screen.wait() == 0
    assert engine.inspect(name)["State"]["Running"]


@pytest.mark.parametrize("verb", ["attach", "exec", "start"])
def test_detaching_ends_as_dockers(engine: Engine, box: Box, verb: str) -> None:
    name = box.name()
    engine.ok("run", "-dit", "--name", name, BUSYBOX, "sh")
    args = {"attach": ["attach", name], "exec": ["exec", "-it", name, "sh"]}
    ends = []
    for program in (["docker"], list(COMMAND)):
        command = [*program, *args.get(verb, ["start", "-ai", name])]
        with terminal(command, env=environment(engine.host)) as screen:
            screen.send("\r")
            screen.expect("# ")
            screen.send("\x10\x11")
            ends.append((screen.wait(), "read escape sequence" in screen.screen))
    assert ends[1] == ends[0]


def test_a_signal_reaches_the_container(engine: Engine, box: Box) -> None:
    import subprocess

    name = box.name()
    args = [
        "run",
        "--name",
        name,
        BUSYBOX,
        "sh",
        "-c",
        "trap 'exit 9' INT; echo up; while :; do sleep 0.1; done",
    ]
    process = subprocess.Popen(
        [*COMMAND, *args], env=environment(engine.host), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        time.sleep(0.2)
        process.send_signal(2)
        assert process.wait(20) == 9
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]


def test_psformat_of_the_configuration_is_used(
    engine: Engine, scene: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"psFormat": "{{.Names}}/{{.State}}"}')
    args = ("ps", "--filter", f"name={scene['c']}")
    result = run("boxship", args, engine.host, extra={"DOCKER_CONFIG": str(tmp_path)})
    assert result.stdout == f"{scene['c']}/running\n"
