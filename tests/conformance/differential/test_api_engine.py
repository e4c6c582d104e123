"""info, df, events, auth and version in each API version, and what their parameters may be."""

from typing import Any

from support.differential.judge import Judge
from support.differential.steps import Call, Case, Look, api, case, create, finish, flat, given

JSON = {"Content-Type": "application/json"}
VERSIONS = [
    "1.24",
    "1.38",
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
    *given(api("POST", "/volumes/create", {"Name": "<v>", "Labels": {"a": "b"}})),
    *finish("c", "sh", "-c", "echo x > /x", HostConfig={"Binds": ["<v>:/v"]}),
)


def df(query: str, version: str = "v1.51") -> Case:
    return case(
        f"df {query} {version}",
        Call("GET", f"/system/df?{query}", version=version, look=Look.SHAPE),
    )


def events(
    name: str, *, version: str = "v1.51", headers: dict[str, str] | None = None, **query: Any
) -> Case:
    """What the scene's container did."""
    filters = {"container": ["<c>"], **query.pop("filters", {})}
    asked = {"since": "1", "until": "<now>", **query}
    return case(
        f"events {name}",
        api(
            "GET",
            "/events",
            query={k: v for k, v in asked.items() if v},
            filters=filters,
            version=version,
            headers=headers or {},
        ),
    )


CASES = flat(
    [case(f"info {v}", api("GET", "/info", version=f"v{v}", look=Look.SHAPE)) for v in VERSIONS],
    [
        case(f"version {v}", api("GET", "/version", version=f"v{v}", look=Look.SHAPE))
        for v in ("1.24", "1.51")
    ],
    [df("", f"v{v}") for v in VERSIONS],
    [
        df(q)
        for q in (
            "type=container",
            "type=image",
            "type=volume",
            "type=build-cache",
            "type=container&type=volume",
            "type=x",
            "type=",
            "type=container&type=x",
            "verbose=1",
            "TYPE=x",
        )
    ],
    df("type=x", "v1.41"),
    [
        events(f"filter {k}={v}", filters={k: [v]})
        for k, v in (
            ("event", "die"),
            ("event", "nosuch"),
            ("event", "di"),
            ("type", "container"),
            ("type", "image"),
            ("type", "x"),
            ("label", "a"),
            ("image", "<image>"),
            ("image", "<image>:latest"),
            ("image", "nosuch"),
            ("scope", "local"),
            ("scope", "swarm"),
            ("scope", "x"),
            ("nosuch", "x"),
            ("daemon", "x"),
            ("network", "x"),
        )
    ],
    events("all"),
    events("two events", filters={"event": ["create", "die"]}),
    [events(f"since={t}", since=t) for t in ("x", "1.x", "1.5", "2020-01-01T00:00:00Z", "-1")],
    [events(f"until={t}", until=t) for t in ("x", "1", "0", "1.x", "2020-01-01")],
    [events(f"at {v}", version=f"v{v}") for v in ("1.24", "1.45", "1.51")],
    [
        events(f"accept {a}", headers={"Accept": a})
        for a in (
            "application/x-ndjson",
            "application/json-seq",
            "application/jsonl",
            "text/plain",
            "*/*",
        )
    ],
    [
        case(f"events raw {q}", Call("GET", f"/events?{q}"))
        for q in (
            "filters=x&until=1",
            "since=2&until=1",
            "since=a&until=b",
            "filters=%5B%5D&until=1",
        )
    ],
    [
        case(f"auth {b!r}", Call("POST", "/auth", raw=b, headers=JSON, look=Look.STATUS))
        for b in (b"[]", b"{", b'{"username": 1}')
    ],
    case("auth without type", Call("POST", "/auth", raw=b"{}")),
    case("session and grpc", api("POST", "/nosuch"), api("GET", "/auth"), api("POST", "/events")),
    case(
        "info of nobody",
        api("GET", "/info/x"),
        api("GET", "/version/"),
        api("GET", "/system"),
        api("GET", "/system/df/"),
    ),
    [
        case(f"swarm {m} {p}", api(m, p, {} if m == "POST" else None))
        for m, p in (
            ("GET", "/swarm"),
            ("POST", "/swarm/leave"),
            ("GET", "/swarm/unlockkey"),
            ("POST", "/swarm/unlock"),
            ("GET", "/nodes"),
            ("GET", "/services"),
            ("GET", "/tasks"),
            ("GET", "/secrets"),
            ("GET", "/configs"),
            ("GET", "/nodes/x"),
            ("POST", "/services/create"),
            ("DELETE", "/secrets/x"),
            ("POST", "/secrets/create"),
        )
    ],
    case(
        "plugins",
        api("GET", "/plugins"),
        api("GET", "/plugins/x/json"),
        api("DELETE", "/plugins/x"),
        api("POST", "/plugins/x/disable"),
        api("POST", "/plugins/x/set", []),
    ),
    case(
        "query",
        Call("GET", "/containers/json?a;b"),
        Call("GET", "/containers/json?limit=%zz"),
    ),
    case("created", *create("d", "true"), api("GET", "/containers/<d>/json", look=Look.STATUS)),
)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
