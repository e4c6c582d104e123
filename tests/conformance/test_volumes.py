"""docker volume."""

import json

import pytest

from support.box import Box
from support.engine import Engine


def test_create_prints_its_name_and_is_idempotent(engine: Engine, box: Box) -> None:
    name = box.volume()
    assert engine.ok("volume", "create", "--label", "a=b", name) == name
    assert engine.ok("volume", "create", name) == name
    (inspected,) = json.loads(engine.ok("volume", "inspect", name))
    assert inspected.pop("CreatedAt") > "2026"
    assert inspected.pop("Mountpoint").endswith(f"/volumes/{name}/_data")
    assert inspected == {
        "Driver": "local",
        "Labels": {"a": "b"},
        "Name": name,
        "Options": None,
        "Scope": "local",
    }


def test_a_name_is_made_up(engine: Engine) -> None:
    name = engine.ok("volume", "create")
    assert len(name) == 64
    assert engine.ok("volume", "rm", name) == name


def test_a_local_volume_takes_mount_options(engine: Engine, box: Box) -> None:
    name = box.volume()
    engine.ok("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m", name)
    assert "tmpfs on /v type tmpfs (rw,relatime,size=1024k" in box.sh(
        "mount | grep ' /v '", "-v", f"{name}:/v"
    )


@pytest.mark.parametrize("name", ["a b", "x", "../x", "a/b", "-"])
def test_a_bad_name_is_refused(engine: Engine, name: str) -> None:
    reply = engine.post("/volumes/create", {"Name": name})
    assert reply.status == 400
    assert "includes invalid characters" in reply.message or "too short" in reply.message


def test_an_unknown_driver_is_refused(engine: Engine, box: Box) -> None:
    said = engine.fails("volume", "create", "-d", "nonesuch", box.volume())
    assert 'error looking up volume plugin nonesuch: plugin "nonesuch" not found' in said


def test_bad_options_are_refused(engine: Engine, box: Box) -> None:
    assert 'invalid option: "nonesuch"' in engine.fails(
        "volume", "create", "-o", "nonesuch=1", box.volume()
    )


def test_unknown_volumes(engine: Engine) -> None:
    assert engine.api("GET", "/volumes/nonesuch").error == (404, "get nonesuch: no such volume")
    assert engine.fails("volume", "rm", "nonesuch") == (
        "Error response from daemon: get nonesuch: no such volume"
    )
    assert engine.docker("volume", "rm", "-f", "nonesuch").code == 0


def test_one_in_use_is_a_conflict(engine: Engine, box: Box) -> None:
    volume = box.volume()
    container = engine.inspect(box.create("-v", f"{volume}:/v"))["Id"]
    assert engine.api("DELETE", f"/volumes/{volume}").error == (
        409,
        f"remove {volume}: volume is in use - [{container}]",
    )


def test_lists_and_filters(engine: Engine, box: Box) -> None:
    used, free = box.volume(), box.volume()
    engine.ok("volume", "create", "--label", f"mark={box.prefix}", free)
    box.create("-v", f"{used}:/v")

    def listed(*filters: str) -> set[str]:
        flags = [part for f in filters for part in ("-f", f)]
        return set(engine.ok("volume", "ls", "-q", *flags).split())

    assert {used, free} <= listed()
    assert listed(f"label=mark={box.prefix}") == {free}
    assert listed(f"name={box.prefix}") == {used, free}
    assert listed(f"name={box.prefix}", "dangling=true") == {free}
    assert listed(f"name={box.prefix}", "dangling=false") == {used}
    assert {used, free} <= listed("driver=local")
    assert "invalid filter 'nonesuch'" in engine.fails("volume", "ls", "-f", "nonesuch=1")
    table = engine.ok("volume", "ls", "-f", f"name={used}").splitlines()
    assert [line.split() for line in table] == [["DRIVER", "VOLUME", "NAME"], ["local", used]]


def test_prune_takes_named_ones_only_with_all(engine: Engine, box: Box) -> None:
    named = box.volume()
    label = f"mark={box.prefix}"
    engine.ok("volume", "create", "--label", label, named)
    anonymous = engine.ok("volume", "create", "--label", label)
    out = engine.ok("volume", "prune", "-f", "--filter", f"label={label}").splitlines()
    assert out[:2] == ["Deleted Volumes:", anonymous]
    assert out[-1].startswith("Total reclaimed space: ")
    out = engine.ok("volume", "prune", "-af", "--filter", f"label={label}").splitlines()
    assert out[:2] == ["Deleted Volumes:", named]


def test_removed_data_is_gone(engine: Engine, box: Box) -> None:
    volume = box.volume()
    box.sh("echo secret > /v/f", "-v", f"{volume}:/v")
    engine.ok("volume", "rm", volume)
    assert box.sh("ls -A /v", "-v", f"{volume}:/v") == ""
