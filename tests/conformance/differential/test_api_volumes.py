"""Volumes: create, list, inspect, remove, prune, and what only a cluster has."""

from typing import Any

from support.differential.judge import Judge
from support.differential.steps import (
    Call,
    Case,
    Look,
    api,
    case,
    create,
    finish,
    flat,
    given,
    start,
)

JSON = {"Content-Type": "application/json"}

SCENE = (
    *given(api("POST", "/volumes/create", {"Name": "<plain>"})),
    *given(
        api("POST", "/volumes/create", {"Name": "<labelled>", "Labels": {"kind": "a", "empty": ""}})
    ),
    *given(api("POST", "/volumes/create", {"Name": "<used>", "Labels": {"kind": "b"}})),
    *create("user", "true", HostConfig={"Binds": ["<used>:/data"]}),
)


def listed(name: str, filters: Any, version: str = "v1.51") -> Case:
    return case(
        f"list {name}",
        api("GET", "/volumes", filters={"name": ["<scene>"], **filters}, version=version),
    )


def made(name: str, body: dict[str, Any], version: str = "v1.51") -> Case:
    sent = {"Name": "<v>", **body}
    return case(
        f"create {name}",
        api("POST", "/volumes/create", sent, version=version),
        api("GET", "/volumes/<v>", version=version),
    )


def body(raw: bytes, **headers: str) -> Case:
    return case(
        f"body {raw!r}", Call("POST", "/volumes/create", raw=raw, headers={**JSON, **headers})
    )


SETTINGS: dict[str, dict[str, Any]] = {
    "option foo": {"DriverOpts": {"foo": "1"}},
    "type only": {"DriverOpts": {"type": "tmpfs"}},
    "device only": {"DriverOpts": {"device": "/x"}},
    "bind missing": {"DriverOpts": {"type": "none", "device": "/nosuch", "o": "bind"}},
    "o only": {"DriverOpts": {"o": "bind"}},
    "size": {"DriverOpts": {"size": "1m"}},
    "size bad": {"DriverOpts": {"size": "x"}},
    "cluster": {"ClusterVolumeSpec": {}},
    "empty option": {"DriverOpts": {"": "x"}},
    "nfs": {"DriverOpts": {"type": "nfs", "device": ":/x", "o": "addr=127.0.0.1"}},
}

CASES = flat(
    listed("all", {}),
    [
        listed(f"{key}={value}", {key: [value]})
        for key, value in (
            ("dangling", "true"),
            ("dangling", "false"),
            ("dangling", "1"),
            ("dangling", "x"),
            ("driver", "local"),
            ("label", "kind"),
            ("label", "kind=a"),
            ("label", "kind=x"),
            ("label", "empty="),
            ("label!", "kind"),
            ("name", "<plain>"),
            ("name", "^<plain>$"),
            ("name", "("),
            ("nosuch", "x"),
            ("id", "x"),
            ("status", "x"),
            ("all", "1"),
        )
    ],
    listed("dangling none", {"dangling": []}),
    listed("two labels", {"label": ["kind=a", "empty"]}),
    [
        case(f"list raw {q}", Call("GET", f"/volumes?{q}"))
        for q in (
            "filters=x",
            "filters=%5B%5D",
            "filters=%7B%22name%22%3A%7B%22nosuch%22%3Atrue%7D%7D",
        )
    ],
    listed("old version", {}, version="v1.24"),
    case(
        "inspect",
        api("GET", "/volumes/<labelled>"),
        api("GET", "/volumes/<used>", version="v1.24"),
        api("GET", "/volumes/nosuch"),
        api("GET", "/volumes/"),
        api("GET", "/volumes/a%2fb"),
    ),
    made("plain", {}),
    made("labels", {"Labels": {"b": "1", "a": ""}, "DriverOpts": {}}),
    made("tmpfs", {"DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}),
    made("local", {"Driver": "local"}),
    made("old version", {}, version="v1.24"),
    case(
        "create again",
        *given(api("POST", "/volumes/create", {"Name": "<v>", "Labels": {"a": "b"}})),
        api("POST", "/volumes/create", {"Name": "<v>"}),
        api("POST", "/volumes/create", {"Name": "<v>", "Driver": "local", "Labels": {"c": "d"}}),
        api(
            "POST",
            "/volumes/create",
            {"Name": "<v>", "DriverOpts": {"type": "tmpfs", "device": "x"}},
        ),
        api("GET", "/volumes/<v>"),
    ),
    [made(name, settings) for name, settings in SETTINGS.items()],
    [
        case(f"create named {n!r}", api("POST", "/volumes/create", {"Name": n}))
        for n in ("a b", "-x", "a", "a/b", "ä", "..", ".a")
    ],
    [
        body(b)
        for b in (
            b"[]",
            b"{",
            b"1",
            b'{"Name": 1}',
            b'{"Labels": ["a"]}',
            b'{"DriverOpts": {"a": 1}}',
            b'{"Name": "x y"} z',
            b'{"Driver": null, "Name": "x y"}',
        )
    ],
    case("create without type", Call("POST", "/volumes/create", raw=b"{}")),
    case(
        "create nameless",
        api("POST", "/volumes/create", {}, save="v", look=Look.SHAPE),
        api("GET", "/volumes/<v>", look=Look.SHAPE),
    ),
    case(
        "create empty body",
        Call("POST", "/volumes/create", headers=JSON, look=Look.STATUS, save="w"),
        Call("POST", "/volumes/create", look=Look.STATUS, save="x"),
    ),
    case(
        "remove",
        *given(api("POST", "/volumes/create", {"Name": "<v>"})),
        api("DELETE", "/volumes/<v>"),
        api("DELETE", "/volumes/<v>"),
        api("DELETE", "/volumes/<v>?force=1"),
    ),
    case("remove used", api("DELETE", "/volumes/<used>"), api("DELETE", "/volumes/<used>?force=1")),
    case(
        "remove used by running",
        *given(api("POST", "/volumes/create", {"Name": "<v>"})),
        *start("c", HostConfig={"Binds": ["<v>:/v"]}),
        api("DELETE", "/volumes/<v>"),
        api("GET", "/containers/<c>/json", look=Look.STATUS),
    ),
    case(
        "update",
        api("PUT", "/volumes/<plain>", {}),
        api("PUT", "/volumes/<plain>?version=1", {"Spec": {"Availability": "active"}}),
        api("PUT", "/volumes/nosuch?version=1", {}),
        api("PUT", "/volumes/<plain>?version=x", {}),
        Call("PUT", "/volumes/<plain>?version=1", raw=b"{", headers=JSON),
    ),
    case(
        "other methods",
        api("POST", "/volumes"),
        api("POST", "/volumes/<plain>"),
        api("GET", "/volumes/create"),
        api("GET", "/volumes/prune"),
    ),
    [
        case(f"prune {f}", api("POST", "/volumes/prune", filters=f, version=v))
        for f, v in (
            ({"foo": ["x"]}, "v1.51"),
            ({"until": ["1h"]}, "v1.51"),
            ({"all": ["x"]}, "v1.51"),
            ({"label": ["<prefix>"]}, "v1.51"),
            ({"all": ["1"], "label": ["<prefix>"]}, "v1.51"),
            ({"all": ["true"], "label": ["<prefix>"]}, "v1.41"),
            ({"dangling": ["true"]}, "v1.51"),
        )
    ],
    case("prune raw", Call("POST", "/volumes/prune?filters=x")),
    case(
        "prune some",
        *given(api("POST", "/volumes/create", {"Name": "<v>", "Labels": {"<prefix>": ""}})),
        *given(api("POST", "/volumes/create", {"Labels": {"<prefix>": ""}}, save="w")),
        api("POST", "/volumes/prune", filters={"label": ["<prefix>"]}),
        api("POST", "/volumes/prune", filters={"label": ["<prefix>"], "all": ["1"]}),
    ),
    case(
        "prune of old versions",
        *given(api("POST", "/volumes/create", {"Name": "<v>", "Labels": {"<prefix>": ""}})),
        api("POST", "/volumes/prune", filters={"label": ["<prefix>"]}, version="v1.41"),
    ),
    case(
        "events",
        *given(api("POST", "/volumes/create", {"Name": "<v>"})),
        *finish("c", "true", HostConfig={"Binds": ["<v>:/v"]}),
        *given(api("DELETE", "/containers/<c>")),
        *given(api("DELETE", "/volumes/<v>")),
        api(
            "GET",
            "/events",
            since="<begin>",
            query={"until": "<now>"},
            filters={"type": ["volume"], "volume": ["<v>"]},
        ),
    ),
)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
