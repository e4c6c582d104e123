"""Volumes through the raw API, case by case: the answers are Docker Engine 28's."""

from typing import Any

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine

INVALID = (
    ' includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are '
    "allowed. If you intended to pass a host directory, use absolute path"
)
NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"o": "bind"}, 'missing required option: "device"'),
        ({"type": "tmpfs"}, 'missing required option: "device"'),
        ({"device": "x"}, 'missing required option: "type"'),
        ({"o": "x", "device": "y"}, 'missing required option: "type"'),
        ({"size": "x"}, "invalid size: 'x'"),
        ({"size": "-1"}, "invalid size: '-1'"),
        ({"size": "1g"}, "quota size requested but no quota support"),
        ({"foo": "1"}, 'invalid option: "foo"'),
        (
            {"type": "cifs", "device": "//h:1/x"},
            "port not allowed in CIFS device URL, include 'port' in 'o='",
        ),
    ],
)
def test_options_that_are_refused(
    engine: Engine, box: Box, options: dict[str, str], text: str
) -> None:
    name = box.volume()
    reply = engine.post("/volumes/create", {"Name": name, "DriverOpts": options})
    assert reply.error == (400, f"create {name}: {text}")


@pytest.mark.parametrize("options", [{}, {"size": "0"}, {"type": "", "device": ""}])
def test_options_that_are_kept(engine: Engine, box: Box, options: dict[str, str]) -> None:
    name = box.volume()
    reply = engine.post("/volumes/create", {"Name": name, "DriverOpts": options})
    assert (reply.status, reply.json()["Options"]) == (201, options)
    assert box.sh("touch /x/f", "-v", f"{name}:/x") == ""


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (
            {"Name": "a"},
            400,
            "create a: volume name is too short, names should be at least two alphanumeric characters",
        ),
        ({"Name": "a b"}, 400, 'create a b: "a b"' + INVALID),
        ({"Name": "/x"}, 400, 'create /x: "/x"' + INVALID),
        ({"Name": "é"}, 400, 'create é: "é"' + INVALID),
        ({"Name": "x1", "ClusterVolumeSpec": {}}, 503, NO_MANAGER),
    ],
)
def test_bodies_that_are_refused(engine: Engine, body: Any, status: int, text: str) -> None:
    assert engine.post("/volumes/create", body).error == (status, text)


def test_creating_it_again_changes_nothing(engine: Engine, box: Box) -> None:
    name = box.volume()
    engine.post("/volumes/create", {"Name": name, "Labels": {"a": "1"}})
    for again in ({"Labels": {"a": "2"}}, {"DriverOpts": {"type": "tmpfs", "device": "tmpfs"}}):
        reply = engine.post("/volumes/create", {"Name": name, **again})
        assert (reply.status, reply.json()["Labels"]) == (201, {"a": "1"})


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/volumes/nope-nope", (404, "get nope-nope: no such volume")),
        ("DELETE", "/volumes/nope-nope", (404, "get nope-nope: no such volume")),
        ("GET", "/volumes/", (404, "get: no such volume")),
        ("GET", "/volumes/a/b", (404, "get a/b: no such volume")),
        (
            "PUT",
            "/volumes/nope-nope",
            (503, "volume update only valid for cluster volumes, but swarm is unavailable"),
        ),
        ("GET", '/volumes?filters={"dangling":["x"]}', (400, "invalid filter 'dangling=[x]'")),
        ("GET", '/volumes?filters={"foo":["x"]}', (400, "invalid filter 'foo'")),
        ("GET", "/volumes?filters=x", (400, "error reading volume filters: invalid filter")),
        (
            "POST",
            '/volumes/prune?filters={"all":["x"]}',
            (400, "invalid filter 'all': strconv.ParseBool: parsing \"x\": invalid syntax"),
        ),
        ("POST", '/volumes/prune?filters={"until":["1h"]}', (400, "invalid filter 'until'")),
    ],
)
def test_requests_that_are_refused(
    engine: Engine, method: str, path: str, error: tuple[int, str]
) -> None:
    body: dict[str, str] | None = {} if method == "PUT" else None
    assert engine.api(method, path, body).error == error


def test_prune_without_a_find_lists_none(engine: Engine) -> None:
    reply = engine.post("/volumes/prune", filters={"label": ["nobody-has-this"]})
    assert reply.json() == {"VolumesDeleted": [], "SpaceReclaimed": 0}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"type": "none", "device": "/nonexistent", "o": "bind"},
            (
                "failed to mount local volume: mount /nonexistent:{at}, flags: 0x1000: "
                "no such file or directory"
            ),
        ),
        (
            {"type": "none", "device": "/etc/passwd", "o": "bind"},
            "failed to mount local volume: mount /etc/passwd:{at}, flags: 0x1000: not a directory",
        ),
        (
            {"type": "foo", "device": "x", "o": "a=b"},
            "failed to mount local volume: mount x:{at}, data: a=b: no such device",
        ),
        (
            {"type": "tmpfs", "device": "tmpfs", "o": "foo,nosuid"},
            (
                "failed to mount local volume: mount tmpfs:{at}, flags: 0x2, data: foo: "
                "invalid argument"
            ),
        ),
        (
            {"type": "foo", "device": "x", "o": "user=a,password=secret"},
            (
                "failed to mount local volume: mount x:{at}, data: user=a,password=********: "
                "no such device"
            ),
        ),
        ({"type": "tmpfs", "device": ""}, "missing device in volume options"),
    ],
)
def test_what_cannot_be_mounted(
    engine: Engine, box: Box, options: dict[str, str], text: str
) -> None:
    volume, name = box.volume(), box.name()
    made = engine.post("/volumes/create", {"Name": volume, "DriverOpts": options}).json()
    body = {"Image": BUSYBOX, "HostConfig": {"Binds": [f"{volume}:/x"]}}
    engine.post("/containers/create", body, name=name)
    at = made["Mountpoint"]
    told = f"error while mounting volume '{at}': {text.format(at=at)}"
    assert engine.post(f"/containers/{name}/start").error == (500, told)
    identifier = engine.inspect(name)["Id"]
    held = f"remove {volume}: volume is in use - [{identifier}]"
    assert engine.api("DELETE", f"/volumes/{volume}").error == (409, held)
    assert engine.inspect(name)["State"]["Error"] == told
