"""docker ps and inspect: filters, formats, fields."""

import json
import re

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine


def names(engine: Engine, box: Box, *flags: str) -> set[str]:
    """Which containers of this test are listed, by their number."""
    listed = engine.ok("ps", "--format", "{{.Names}}", *flags).split()
    return {name.rpartition("-")[2] for name in listed if name.startswith(box.prefix)}


def test_only_running_ones_unless_a(engine: Engine, box: Box) -> None:
    box.start()  # 0
    box.create()  # 1
    assert names(engine, box) == {"0"}
    assert names(engine, box, "-a") == {"0", "1"}


def test_filters(engine: Engine, box: Box) -> None:
    mark = box.prefix
    volume = box.volume()  # 0
    first = box.start(
        "-l", f"{mark}=a", "-l", "only=first", "-v", f"{volume}:/v", "--expose", "7070"
    )  # 1
    box.ended("-l", f"{mark}=b", "--", "sh", "-c", "exit 3")  # 2
    last = box.create("-l", f"{mark}=a", "--network", "none")  # 3
    identity = engine.inspect(first)["Id"]
    cases = {
        f"label={mark}": "123",
        f"label={mark}=a": "13",
        "status=running": "1",
        "status=exited": "2",
        "status=created": "3",
        "exited=3": "2",
        "exited=0": "",
        f"id={identity[:12]}": "1",
        f"id={identity}": "1",
        f"name={first}": "1",
        f"name=^/{first}$": "1",
        f"name={mark}-[12]": "12",
        f"volume={volume}": "1",
        "volume=/v": "1",
        "network=none": "3",
        "network=bridge": "12",
        "expose=7070": "1",
        "expose=7070/tcp": "1",
        f"ancestor={BUSYBOX}": "123",
        "is-task=false": "123",
        "health=none": "123",
        f"before={last}": "12",
        f"since={first}": "23",
    }
    found = {f: "".join(sorted(names(engine, box, "-a", "-f", f))) for f in cases}
    assert found == cases
    both = ("-a", "-f", f"label={mark}=a", "-f", "label=only=first")
    assert names(engine, box, *both) == {"1"}
    assert names(engine, box, "-a", "-f", "status=exited", "-f", "status=created") == {"2", "3"}


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ("nonesuch=1", "invalid filter 'nonesuch'"),
        ("status=odd", "invalid filter 'status=odd'|unrecognised filter value for status: odd"),
        ("exited=x", 'strconv.Atoi: parsing "x": invalid syntax|invalid'),
        ("before=nonesuch", "No such container: nonesuch"),
        ("health=odd", "unrecognised filter value for health: odd|invalid"),
        ("expose=x", "invalid|proto"),
    ],
)
def test_bad_filters_are_refused(engine: Engine, bad: str, text: str) -> None:
    said = engine.fails("ps", "-a", "-f", bad)
    assert any(part in said for part in text.split("|")), said


def test_the_last_ones(engine: Engine, box: Box) -> None:
    box.create()
    box.create()
    assert len(engine.ok("ps", "-n", "2", "-q").split()) == 2
    assert len(engine.ok("ps", "-l", "-q").split()) == 1


def test_the_table(engine: Engine, box: Box) -> None:
    name = box.create("--", "sh", "-c", "a command that is much too long")
    head, row = engine.ok("ps", "-a", "-f", f"name={name}").splitlines()
    assert head.split() == [
        "CONTAINER",
        "ID",
        "IMAGE",
        "COMMAND",
        "CREATED",
        "STATUS",
        "PORTS",
        "NAMES",
    ]
    identity = engine.inspect(name)["Id"]
    assert re.fullmatch(
        rf'{identity[:12]}\s+{BUSYBOX}\s+"sh -c \'a command th…"\s+\S.* ago\s+Created\s+{name}', row
    )
    whole = engine.ok("ps", "-a", "--no-trunc", "-f", f"name={name}").splitlines()[1]
    assert whole.startswith(identity)
    assert "\"sh -c 'a command that is much too long'\"" in whole


def test_as_json(engine: Engine, box: Box) -> None:
    name = box.create("-l", "a=b", "-v", f"{box.volume()}:/v")
    row = json.loads(engine.ok("ps", "-a", "-f", f"name={name}", "--format", "json"))
    assert row["Names"] == name
    assert (row["Labels"], row["LocalVolumes"], row["Networks"], row["State"]) == (
        "a=b",
        "1",
        "bridge",
        "created",
    )


def test_sizes(engine: Engine, box: Box) -> None:
    name = box.ended("--", "sh", "-c", "head -c 100000 /dev/zero > /f")
    row = engine.ok("ps", "-as", "-f", f"name={name}", "--format", "{{.Size}}")
    assert re.fullmatch(r"10\d(\.\d)?kB \(virtual \d\.\d+MB\)", row)
    inspected = engine.get(f"/containers/{name}/json", size="1")
    assert 100000 <= inspected["SizeRw"] < 110000
    assert inspected["SizeRootFs"] > inspected["SizeRw"]


def test_a_row_of_the_api(engine: Engine, box: Box) -> None:
    name = box.start("-l", "a=b", "-p", "127.0.0.1::80")
    (row,) = engine.get("/containers/json", filters={"name": [name]})
    inspected = engine.inspect(name)
    assert row["Names"] == [f"/{name}"]
    assert (row["Id"], row["ImageID"]) == (inspected["Id"], inspected["Image"])
    assert (row["Image"], row["State"]) == (BUSYBOX, "running")
    assert row["HostConfig"]["NetworkMode"] == "bridge"
    port = int(inspected["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"])
    assert row["Ports"] == [
        {"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": port, "Type": "tcp"}
    ]
    assert isinstance(row["Created"], int)
    assert row["Labels"] == {"a": "b"}
    assert row["Mounts"] == []
    assert (
        row["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        == inspected["NetworkSettings"]["IPAddress"]
    )


def test_inspect_fields_and_defaults(engine: Engine, box: Box) -> None:
    name = box.create("-e", "A=1", "--", "sh", "-c", "exit")
    inspected = engine.inspect(name)
    config, host = inspected["Config"], inspected["HostConfig"]
    assert inspected["Path"] == "sh"
    assert inspected["Args"] == ["-c", "exit"]
    assert inspected["Driver"] == engine.get("/info")["Driver"]
    assert inspected["Platform"] == "linux"
    assert (inspected["ProcessLabel"], inspected["MountLabel"]) == ("", "")
    assert config["Cmd"] == ["sh", "-c", "exit"]
    assert config["Env"] == ["A=1", "PATH=/usr/bin:/bin"]
    assert config["Hostname"] == inspected["Id"][:12]
    assert (config["Image"], config["Labels"], config["Entrypoint"]) == (BUSYBOX, {}, None)
    assert config["AttachStdout"] is True
    defaults = {
        "NetworkMode": "bridge",
        "IpcMode": "private",
        "PidMode": "",
        "ShmSize": 64 << 20,
        "Privileged": False,
        "AutoRemove": False,
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "LogConfig": {"Type": "json-file", "Config": {}},
        "PortBindings": {},
        "Binds": None,
        "CapAdd": None,
        "CapDrop": None,
        "Memory": 0,
        "NanoCpus": 0,
        "PidsLimit": None,
        "OomKillDisable": None if host["CgroupnsMode"] == "private" else False,
        "Runtime": engine.get("/info")["DefaultRuntime"],
        "ReadonlyRootfs": False,
        "Isolation": "",
        "ConsoleSize": [0, 0],
    }
    assert {key: host[key] for key in defaults} == defaults
    assert "/proc/kcore" in host["MaskedPaths"]
    assert "/proc/sys" in host["ReadonlyPaths"]


def test_inspect_of_the_running_state(engine: Engine, box: Box) -> None:
    state = engine.inspect(box.start())["State"]
    assert state.pop("Pid") > 1
    assert state.pop("StartedAt") > "2026"
    assert state == {
        "Status": "running",
        "Running": True,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": False,
        "Dead": False,
        "ExitCode": 0,
        "Error": "",
        "FinishedAt": "0001-01-01T00:00:00Z",
    }


def test_inspect_formats(engine: Engine, box: Box) -> None:
    name = box.create("-l", "a=b", "-e", "X=y")
    assert engine.ok("inspect", "-f", "{{.Name}} {{.State.Status}}", name) == f"/{name} created"
    assert engine.ok("inspect", "-f", '{{index .Config.Labels "a"}}', name) == "b"
    assert engine.ok("inspect", "-f", "{{json .Config.Cmd}}", name) == '["sh"]'
    assert engine.ok("inspect", "-f", "{{range .Config.Env}}{{.}};{{end}}", name).startswith("X=y;")
    assert json.loads(engine.ok("inspect", name))[0]["Name"] == f"/{name}"
    assert "SizeRw" in json.loads(engine.ok("inspect", "-s", name))[0]


def test_inspect_of_nothing(engine: Engine) -> None:
    result = engine.docker("inspect", "nonesuch")
    assert (result.code, result.stdout.strip()) == (1, "[]")
    assert result.stderr.lower() == "error: no such object: nonesuch\n"
    assert engine.fails("container", "inspect", "nonesuch") == (
        "Error response from daemon: No such container: nonesuch"
    )


def test_a_link_gives_the_other_container_one_more_name(engine: Engine, box: Box) -> None:
    other = box.start()
    holder = box.start("--link", f"{other}:db")
    names = (
        "ps",
        "--no-trunc",
        "-f",
        f"id={engine.inspect(other)['Id']}",
        "--format",
        "{{.Names}}",
    )
    listed = engine.ok(*names)
    assert sorted(listed.split(",")) == sorted([other, f"{holder}/db"])
    assert engine.inspect(f"{holder}/db")["Id"] == engine.inspect(other)["Id"]
    engine.ok("rename", holder, f"{holder}-renamed")
    assert engine.inspect(f"{holder}-renamed/db")["Name"] == f"/{other}"
    engine.ok("rm", "-f", f"{holder}-renamed")
    assert engine.ok(*names) == other
