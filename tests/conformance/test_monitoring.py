"""docker top, stats, info, version, system df."""

import json
import re

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.metrics import metrics


def test_top(engine: Engine, box: Box) -> None:
    name = box.start("--", "sleep", "1234")
    head, row = engine.ok("top", name).splitlines()
    assert head.split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert row.endswith("sleep 1234")
    assert str(engine.inspect(name)["State"]["Pid"]) in row.split()


def test_top_with_columns(engine: Engine, box: Box) -> None:
    name = box.start("-u", "app", "--", "sleep", "1234")
    head, row = engine.ok("top", name, "-o", "pid,args").splitlines()
    assert head.split() == ["PID", "COMMAND"]
    assert row.split() == [str(engine.inspect(name)["State"]["Pid"]), "sleep", "1234"]


def test_top_of_a_stopped_one(engine: Engine, box: Box) -> None:
    name = box.create()
    identity = engine.inspect(name)["Id"]
    assert engine.fails("top", name) == (
        f"Error response from daemon: container {identity} is not running"
    )


def test_stats_of_one_moment(engine: Engine, box: Box) -> None:
    name = box.start("-m", "64m")
    stats = metrics(engine, name)
    assert stats["name"] == f"/{name}"
    assert stats["id"] == engine.inspect(name)["Id"]
    assert stats["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert stats["cpu_stats"]["online_cpus"] > 0
    assert 0 < stats["memory_stats"]["usage"] < 64 << 20
    assert stats["pids_stats"]["current"] >= 1
    assert stats["networks"]["eth0"]["rx_bytes"] >= 0
    assert stats["read"] > "2026"


def test_stats_as_a_table(engine: Engine, box: Box) -> None:
    name = box.start("-m", "64m")
    metrics(engine, name)
    row = json.loads(engine.ok("stats", "--no-stream", "--format", "json", name))
    assert row["Name"] == name
    assert row["MemUsage"].endswith("/ 64MiB")
    assert re.fullmatch(r"\d+\.\d\d%", row["CPUPerc"])
    assert int(row["PIDs"]) >= 1


def test_stats_of_a_stopped_one_are_zero(engine: Engine, box: Box) -> None:
    name = box.create()
    stats = engine.get(f"/containers/{name}/stats", stream="false")
    assert stats["read"] == "0001-01-01T00:00:00Z"
    assert stats["cpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert stats["name"] == f"/{name}"


def test_stats_of_an_unknown_one(engine: Engine) -> None:
    assert "No such container: nonesuch" in engine.fails("stats", "--no-stream", "nonesuch")


def test_version(engine: Engine) -> None:
    version = engine.get("/version")
    assert version["ApiVersion"] == "1.51"
    assert version["MinAPIVersion"] == "1.24"
    assert (version["Os"], version["Arch"]) == ("linux", "amd64")
    assert version["KernelVersion"]
    assert version["Components"][0]["Name"] == "Engine"
    assert engine.ok("version", "--format", "{{.Server.APIVersion}} {{.Client.Os}}") == "1.51 linux"
    text = engine.ok("version")
    assert "Server" in text
    assert re.search(r"API version: +1\.51 \(minimum version 1\.24\)", text)


def test_info(engine: Engine, box: Box) -> None:
    box.start()
    info = engine.get("/info")
    assert info["ContainersRunning"] >= 1
    assert info["Containers"] >= info["ContainersRunning"] + info["ContainersPaused"]
    assert info["Images"] >= 1
    assert (info["OSType"], info["Architecture"]) == ("linux", "x86_64")
    assert info["LoggingDriver"] == "json-file"
    assert info["CgroupVersion"] in ("1", "2")
    assert info["DefaultRuntime"] in info["Runtimes"]
    assert info["Plugins"]["Volume"] == ["local"]
    assert {"bridge", "host", "null"} <= set(info["Plugins"]["Network"])
    assert "json-file" in info["Plugins"]["Log"]
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["NCPU"] > 0
    assert info["MemTotal"] > 0
    text = engine.ok("info")
    for line in (
        "Server:",
        " Storage Driver: ",
        " Logging Driver: json-file",
        " OSType: linux",
        " Swarm: inactive",
    ):
        assert line in text


def test_ping_answers_with_versions(engine: Engine) -> None:
    for method, body in (("GET", b"OK"), ("HEAD", b"")):
        reply = engine.api(method, "/_ping", version="")
        assert (reply.status, reply.body) == (200, body)
        assert reply.headers["Api-Version"] == "1.51"
        assert reply.headers["Ostype"] == "linux"
        assert reply.headers["Docker-Experimental"] == "false"
        assert reply.headers["Builder-Version"] in ("1", "2")
        assert "no-cache" in reply.headers["Cache-Control"]


def test_system_df(engine: Engine, box: Box) -> None:
    volume = box.volume()
    name = box.ended(
        "-v", f"{volume}:/v", "--", "sh", "-c", "head -c 5000 /dev/zero | tee /v/f > /f"
    )
    usage = engine.get("/system/df")
    (mine,) = [v for v in usage["Volumes"] if v["Name"] == volume]
    assert mine["UsageData"]["RefCount"] == 1
    assert mine["UsageData"]["Size"] >= 5000
    (row,) = [c for c in usage["Containers"] if c["Names"] == [f"/{name}"]]
    assert row["SizeRw"] >= 5000
    (image,) = [i for i in usage["Images"] if f"{BUSYBOX}:latest" in (i["RepoTags"] or [])]
    assert image["Containers"] >= 1
    assert usage["LayersSize"] > 0
    table = engine.ok("system", "df").splitlines()
    assert table[0].split() == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    assert [line.split("  ")[0] for line in table[1:]] == [
        "Images",
        "Containers",
        "Local Volumes",
        "Build Cache",
    ]


@pytest.mark.parametrize("kind", ["container", "image", "volume", "build-cache"])
def test_system_df_of_one_kind(engine: Engine, kind: str) -> None:
    usage = engine.get("/system/df", type=kind)
    key = {
        "container": "Containers",
        "image": "Images",
        "volume": "Volumes",
        "build-cache": "BuildCache",
    }[kind]
    others = {"Containers", "Images", "Volumes", "BuildCache"} - {key}
    assert isinstance(usage[key], list)
    assert all(not usage.get(other) for other in others)
