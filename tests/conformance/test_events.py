"""docker events."""

import json
import time
from typing import Any

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine, eventually


def now(engine: Engine) -> str:
    del engine
    return f"{time.time():.9f}"


def happened(engine: Engine, since: str, *filters: str) -> list[dict[str, Any]]:
    flags = [part for item in filters for part in ("-f", item)]
    out = engine.ok("events", "--since", since, "--until", now(engine), "--format", "json", *flags)
    return [json.loads(line) for line in out.splitlines()]


def told(events: list[dict[str, Any]]) -> list[str]:
    return [f"{event['Type']} {event['Action']}" for event in events]


def test_a_run_and_its_removal_are_told_in_order(engine: Engine, box: Box) -> None:
    since, name = now(engine), box.name()
    engine.ok("run", "--rm", "--name", name, BUSYBOX, "sh", "-c", "exit 0")
    time.sleep(0.2)
    events = happened(engine, since, f"container={name}")
    assert told(events) == [
        "container create",
        "container attach",
        "network connect",
        "container start",
        "network disconnect",
        "container die",
        "container destroy",
    ] or [t for t in told(events) if t.startswith("container")] == [
        "container create",
        "container attach",
        "container start",
        "container die",
        "container destroy",
    ]


def test_networks_are_told(engine: Engine, box: Box) -> None:
    since = now(engine)
    name = box.ended("--", "true")
    identity = engine.inspect(name)["Id"]
    events = [
        event
        for event in happened(engine, since, "type=network")
        if event["Actor"]["Attributes"].get("container") == identity
    ]
    assert told(events) == ["network connect", "network disconnect"]
    assert events[0]["Actor"]["Attributes"] == {
        "container": identity,
        "name": "bridge",
        "type": "bridge",
    }


def test_what_an_event_says(engine: Engine, box: Box) -> None:
    since = now(engine)
    name = box.ended("-l", "color=red", "--", "sh", "-c", "exit 3")
    (die,) = eventually(lambda: happened(engine, since, f"container={name}", "event=die"))
    identity = engine.inspect(name)["Id"]
    attributes = die["Actor"]["Attributes"]
    assert attributes.pop("execDuration").isdigit()
    assert attributes == {"exitCode": "3", "image": BUSYBOX, "name": name, "color": "red"}
    assert (die["Actor"]["ID"], die["id"], die["status"], die["from"]) == (
        identity,
        identity,
        "die",
        BUSYBOX,
    )
    assert die["scope"] == "local"
    assert die["timeNano"] // 10**9 == die["time"]


def test_filters_narrow(engine: Engine, box: Box) -> None:
    since = now(engine)
    mine = box.create("-l", f"mark={box.prefix}")
    box.create()
    assert told(happened(engine, since, f"label=mark={box.prefix}")) == ["container create"]
    assert told(happened(engine, since, f"container={mine}", "event=create", "event=die")) == [
        "container create"
    ]
    assert told(happened(engine, since, f"container={mine}", "type=volume")) == []
    assert len(happened(engine, since, f"image={BUSYBOX}", f"container={mine}")) == 1


def test_every_verb_is_told(engine: Engine, box: Box) -> None:
    since = now(engine)
    name, new = box.start(), box.name()
    engine.ok("exec", name, "true")
    engine.ok("pause", name)
    engine.ok("unpause", name)
    engine.ok("kill", "-s", "WINCH", name)
    engine.ok("update", "--restart", "no", name)
    engine.ok("rename", name, new)
    engine.ok("top", new)
    engine.ok("restart", "-t", "5", new)
    engine.ok("stop", "-t", "5", new)
    engine.ok("rm", new)
    time.sleep(0.1)
    actions = [e["Action"] for e in happened(engine, since, f"container={new}", "type=container")]
    before = [e["Action"] for e in happened(engine, since, f"container={name}", "type=container")]
    told_before = [a.split(":")[0] for a in before]
    for verb in (
        "create",
        "start",
        "exec_create",
        "exec_start",
        "exec_die",
        "pause",
        "unpause",
        "kill",
        "update",
    ):
        assert verb in told_before, (verb, before)
    assert [a for a in actions if a in ("rename", "die", "stop", "start", "restart", "destroy")][
        :1
    ] == ["rename"]
    end = [a for a in actions if a in ("die", "stop", "start", "restart", "destroy")]
    assert end in (
        ["die", "stop", "start", "restart", "die", "stop", "destroy"],
        ["stop", "die", "start", "restart", "stop", "die", "destroy"],
    )


def test_volumes_and_images_are_told(engine: Engine, box: Box) -> None:
    since, volume, image = now(engine), box.volume(), box.image()
    engine.ok("volume", "create", volume)
    engine.ok("volume", "rm", volume)
    engine.ok("tag", BUSYBOX, image)
    engine.ok("rmi", image)
    volumes = [e for e in happened(engine, since, "type=volume") if e["Actor"]["ID"] == volume]
    assert told(volumes) == ["volume create", "volume destroy"]
    images = [
        e
        for e in happened(engine, since, "type=image")
        if image in str(e) or e["Action"] == "untag"
    ]
    assert "image tag" in told(images)
    assert "image untag" in told(images)


def test_the_default_text(engine: Engine, box: Box) -> None:
    since = now(engine)
    name = box.create()
    identity = engine.inspect(name)["Id"]
    line = engine.ok("events", "--since", since, "--until", now(engine), "-f", f"container={name}")
    stamp, _, rest = line.partition(" ")
    assert rest == f"container create {identity} (image={BUSYBOX}, name={name})"
    assert stamp.startswith("20")


def test_they_stream_as_they_happen(engine: Engine, box: Box) -> None:
    name = box.name()
    with engine.started("events", "-f", f"container={name}", "--format", "{{.Action}}") as events:
        time.sleep(0.3)
        engine.ok("create", "--name", name, BUSYBOX)
        assert events.stdout
        assert events.stdout.readline() == b"create\n"
        engine.ok("rm", name)
        assert events.stdout.readline() == b"destroy\n"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"since": "x"}, (500, 'strconv.ParseInt: parsing "x": invalid syntax')),
        ({"filters": "garbage"}, (400, "invalid filter")),
    ],
)
def test_bad_parameters_are_refused(
    engine: Engine, query: dict[str, Any], error: tuple[int, str]
) -> None:
    assert engine.api("GET", "/events", until="1", **query).error == error
