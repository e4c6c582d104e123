"""GET /containers/json: options, filters, and fields in each API version."""

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

VERSIONS = [
    "1.24",
    "1.30",
    "1.40",
    "1.41",
    "1.42",
    "1.43",
    "1.44",
    "1.45",
    "1.46",
    "1.47",
    "1.48",
    "1.49",
    "1.50",
    "1.51",
]

SCENE = (
    *given(api("POST", "/volumes/create", {"Name": "<vol>"})),
    *given(api("POST", "/networks/create", {"Name": "<net>"})),
    *create("created", "true", Labels={"kind": "a", "of": "<scene>"}),
    *finish("ended", "sh", "-c", "echo out; exit 3", Labels={"kind": "b", "empty": ""}),
    *start(
        "running",
        Labels={"kind": "a"},
        ExposedPorts={"80/tcp": {}, "81/udp": {}},
        HostConfig={
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18765"}]},
            "Mounts": [{"Type": "volume", "Source": "<vol>", "Target": "/data"}],
            "Binds": ["/usr:/host:ro"],
            "Annotations": {"note": "x"},
        },
    ),
    *start(
        "linked",
        NetworkingConfig={"EndpointsConfig": {"<net>": {"Aliases": ["other"]}}},
        HostConfig={"NetworkMode": "<net>"},
    ),
    *start("paused", "sh", "-c", "sleep 1000"),
    *given(api("POST", "/containers/<paused>/pause")),
    *start(
        "sick",
        Healthcheck={
            "Test": ["CMD", "false"],
            "Interval": 3600_000_000_000,
            "StartPeriod": 3600_000_000_000,
        },
    ),
    *start("quoted", "sh", "-c", "sleep  1000 # a 'b' \"c\"", HostConfig={"NetworkMode": "none"}),
    *given(
        api("GET", "/containers/<running>/json", save="runningid"),
        api("GET", "/containers/<ended>/json", save="endedid"),
    ),
)


def listed(name: str, *, version: str = "v1.51", filters: Any = None, **query: Any) -> Case:
    """A list of the scene's containers only."""
    given_filters = {"name": ["<scene>"], **(filters or {})}
    return case(
        name, api("GET", "/containers/json", version=version, filters=given_filters, **query)
    )


def filtered(key: str, *values: str) -> Case:
    return listed(
        f"filter {key}={','.join(values)}" if values else f"filter {key}: none",
        filters={key: list(values)},
        all="1",
    )


def raw(name: str, query: str, version: str = "v1.51", look: Look = Look.ALL) -> Case:
    """A query as it stands."""
    asked = Call("GET", f"/containers/json?{query}", version=version, look=look)
    return case(f"raw {name}", asked)


STATUSES = (
    "created",
    "running",
    "paused",
    "exited",
    "dead",
    "restarting",
    "removing",
    "Running",
    "x",
    "",
)

CASES = flat(
    listed("running ones"),
    listed("all", all="1"),
    [
        listed(f"all={flag}", all=flag)
        for flag in ("true", "True", "0", "false", "no", "none", "", " ", "x", "2")
    ],
    [listed(f"limit={n}", limit=n) for n in ("0", "1", "2", "-1", "+1", "99999999999")],
    [listed(f"limit={n} all", limit=n, all="1") for n in ("2", "-1")],
    listed("limit with filter", limit="1", filters={"status": ["exited"]}),
    [
        raw(f"limit={n}", f"limit={n}")
        for n in ("x", "1.5", "0x10", "99999999999999999999", "1_0", "%20", "")
        if n
    ],
    listed("sizes", all="1", size="1"),
    [filtered("status", s) for s in STATUSES],
    filtered("status", "created", "exited"),
    filtered("status", "created", "x"),
    [filtered("exited", n) for n in ("0", "3", "-1", "x", "", "1.5")],
    filtered("exited", "0", "3"),
    [filtered("health", h) for h in ("starting", "healthy", "unhealthy", "none", "x", "Starting")],
    [
        filtered("label", text)
        for text in ("kind", "kind=a", "kind=", "empty", "empty=", "nosuch", "=a", "")
    ],
    filtered("label", "kind=a", "of"),
    filtered("label", "kind=a", "kind=b"),
    [filtered("label!", text) for text in ("kind", "kind=a")],
    [filtered("id", text) for text in ("<runningid>", "zzz", "", "^x", "[")],
    case(
        "filter name",
        *(
            api("GET", "/containers/json", all="1", filters={"name": [text]})
            for text in (
                "<running>",
                "/<running>",
                "^/<running>$",
                "^<running>$",
                "<scene>-r",
                "<scene>.*ed$",
                "(",
            )
        ),
    ),
    [
        filtered("ancestor", text)
        for text in ("<image>", "<image>:latest", "nosuch", "<image>:other", "BAD", "")
    ],
    [filtered(key, "<running>") for key in ("before", "since")],
    [filtered(key, "<ended>") for key in ("before", "since")],
    [filtered(key, "<runningid>") for key in ("before", "since")],
    [filtered(key, "nosuch") for key in ("before", "since")],
    [
        filtered("expose", text)
        for text in (
            "80",
            "80/tcp",
            "81",
            "81/udp",
            "80/udp",
            "70-90",
            "70-90/udp",
            "x",
            "90-80",
            "0",
            "65536",
            "",
        )
    ],
    [
        filtered("publish", text)
        for text in (
            "18765",
            "18765/tcp",
            "80",
            "18760-18770",
            "18765/udp",
            "x",
            "70000",
            "80/icmp",
        )
    ],
    [
        filtered("volume", text)
        for text in ("<vol>", "/data", "/host", "/usr", "nosuch", "/dat", "")
    ],
    [filtered("network", text) for text in ("<net>", "bridge", "none", "host", "nosuch", "", "br")],
    [filtered("is-task", text) for text in ("true", "false", "1", "0", "x", "", "True")],
    [filtered("isolation", text) for text in ("default", "process", "x")],
    filtered("nosuch", "x"),
    filtered("Name", "x"),
    filtered("status"),
    filtered("network"),
    [
        raw(f"filters={text}", f"filters={text}")
        for text in (
            "x",
            "%5B%5D",
            "1",
            "%22a%22",
            "%7B",
            "%7B%22status%22%3A%22running%22%7D",
            "%7B%22nosuch%22%3A%7B%22a%22%3Atrue%7D%7D",
            "%7B%22name%22%3A%7B%22nosuch%22%3Atrue%7D%7D",
            "%7B%22name%22%3A%7B%22nosuch%22%3A1%7D%7D",
            "%7B%22name%22%3A%5B1%5D%7D",
            "%7B%22name%22%3Anull%7D%20x",
            "%zz",
        )
    ],
    [
        raw(f"filters={text}", f"filters={text}", look=Look.STATUS)
        for text in ("null", "%7B%7D", "%7B%22name%22%3A%5Bnull%2C%22nosuch%22%5D%7D")
    ],
    raw("before", "before=nosuch", "v1.24", Look.STATUS),
    raw("since", "since=nosuch", look=Look.STATUS),
    [
        case(
            f"version {version}",
            api(
                "GET",
                "/containers/json",
                version=f"v{version}",
                all="1",
                size="1",
                filters={"name": ["<running>", "<linked>", "<ended>", "<sick>"]},
            ),
        )
        for version in VERSIONS
    ],
)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
