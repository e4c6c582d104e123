"""The verbs of a container's life, in every state, with every parameter."""

from typing import Any

from support.differential.judge import Judge
from support.differential.steps import (
    Call,
    Case,
    Look,
    Step,
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
    *create("created", "true"),
    *finish("ended", "sh", "-c", "exit 3"),
    *start("running"),
    *start("paused"),
    *given(api("POST", "/containers/<paused>/pause")),
)

VERBS = (
    "start",
    "stop",
    "restart",
    "kill",
    "pause",
    "unpause",
    "rename",
    "update",
    "wait",
    "resize",
    "attach",
)


def listening(signal: str, code: int, **settings: Any) -> tuple[Step, ...]:
    """Start a container that ends with this code when it gets this signal."""
    script = f"trap 'exit {code}' {signal}; echo up; while :; do sleep 0.1; done"
    logs = api("GET", "/containers/<c>/logs", stdout="1", poll={"": "up"})
    return (*start("c", "sh", "-c", script, **settings), *given(logs))


def state(name: str = "c") -> Step:
    return api("GET", f"/containers/<{name}>/json")


ACTIONS = [
    "create",
    "start",
    "die",
    "kill",
    "restart",
    "pause",
    "unpause",
    "rename",
    "update",
    "destroy",
    "resize",
    "oom",
    "health_status",
]


def events(name: str = "c", **filters: Any) -> Step:
    """What happened to a container, but for `stop`: Docker publishes that before or after `die`."""
    chosen = {"container": [f"<{name}>"], "event": ACTIONS, **filters}
    return api("GET", "/events", since="<begin>", until="<now>", filters=chosen)


def on(name: str, container: str, *steps: Step) -> Case:
    return case(name, *steps, events(container))


def post(path: str, **query: Any) -> Step:
    return api("POST", f"/containers/<c>/{path}", **query)


def raw(path: str, body: bytes, **headers: str) -> Step:
    return Call("POST", f"/containers/<c>/{path}", raw=body, headers={**JSON, **headers})


CASES = flat(
    [
        case(
            f"{verb} of nobody",
            api("POST", f"/containers/nosuch/{verb}", h="1", w="1", name="x"),
        )
        for verb in VERBS
    ],
    [
        case(
            f"GET {what} of nobody",
            api("GET", f"/containers/nosuch/{what}", query={"path": "/", "stdout": "1"}),
        )
        for what in ("json", "top", "logs", "changes", "export", "stats", "archive", "attach/ws")
    ],
    case(
        "DELETE of nobody",
        api("DELETE", "/containers/nosuch"),
        api("DELETE", "/containers/nosuch?force=1"),
    ),
    case(
        "unknown verbs",
        api("POST", "/containers/<running>/foo"),
        api("GET", "/containers/<running>"),
        api("GET", "/containers/<running>/start"),
        api("PUT", "/containers/<running>/json"),
        api("GET", "/containers"),
        api("POST", "/containers/json"),
        api("GET", "/containers/create"),
    ),
    case(
        "ambiguous prefix",
        api("GET", "/containers//json"),
        api("GET", "/containers/%20/json"),
        api("GET", "/containers/a%2fb/json"),
    ),
    # start
    case("start twice", *create("c"), post("start"), post("start"), state(), events()),
    case("start ended one", *finish("c", "true"), post("start"), post("wait"), state()),
    case("start paused one", api("POST", "/containers/<paused>/start")),
    [
        case(f"start with body {body!r}", *create("c", "true"), raw("start", body))
        for body in (b"", b"{}", b"null", b"1234567", b"12345678", b'{"a": 1}', b"x")
    ],
    case("start with detach keys", *create("c", "true"), post("start", detachKeys="ctrl-a")),
    case(
        "start with bad detach keys",
        *create("c", "true"),
        post("start", detachKeys="ctrl-"),
    ),
    case("start with checkpoint", *create("c", "true"), post("start", checkpoint="foo")),
    [
        case(f"start of {words}", *create("c", *words.split()), post("start"), state(), events())
        for words in ("nosuch", "/etc", "/etc/passwd", "./nosuch", "/nosuch/x")
    ],
    case(
        "start in missing folder",
        *create("c", "pwd", WorkingDir="/new/dir"),
        post("start"),
        post("wait"),
        state(),
    ),
    case(
        "start as nobody known",
        *create("c", "true", User="nosuchuser"),
        post("start"),
        state(),
        events(),
    ),
    case("start as unknown group", *create("c", "true", User="root:nosuchgroup"), post("start")),
    case(
        "start with unknown network",
        *create("c", "true", HostConfig={"NetworkMode": "<nonet>"}),
        post("start"),
        state(),
    ),
    # stop
    [
        case(f"stop t={t}", *start("c", StopSignal="SIGKILL"), post("stop", t=t), state())
        for t in ("-1", "+1", "")
    ],
    [
        case(f"stop t={t}", api("POST", "/containers/<running>/stop", t=t))
        for t in ("x", "1.5", "99999999999999999999")
    ],
    case(
        "stop with signal",
        *start("c"),
        post("stop", signal="SIGKILL"),
        post("stop", signal="KILL"),
        state(),
        events(),
    ),
    [
        case(f"stop signal={s}", *start("c"), post("stop", signal=s, t="1"), slow=s in ("-1", "99"))
        for s in ("SIGNOSUCH", "0", "15", "-1", "99", "foo")
    ],
    case(
        "stop signal of old versions",
        *start("c", StopSignal="SIGKILL"),
        post("stop", signal="SIGNOSUCH", t="5", version="v1.41"),
        state(),
    ),
    case(
        "stop ended one",
        api("POST", "/containers/<ended>/stop"),
        api("POST", "/containers/<created>/stop"),
    ),
    case(
        "stop stubborn one",
        *start("c", "sh", "-c", "trap '' TERM; while :; do sleep 1; done"),
        post("stop", t="1"),
        state(),
        events(),
    ),
    case(
        "stop by stop signal",
        *listening("INT", 7, StopSignal="SIGINT"),
        post("stop"),
        state(),
        events(),
    ),
    case(
        "stop paused one",
        *start("c", StopSignal="SIGKILL"),
        post("pause"),
        post("stop", t="1"),
        state(),
        events(),
    ),
    # restart
    case("restart running one", *listening("TERM", 0), post("restart", t="10"), state(), events()),
    case("restart ended one", *finish("c", "true"), post("restart"), post("wait"), state()),
    case("restart created one", *create("c", "true"), post("restart"), post("wait"), state()),
    [
        case(f"restart {k}={v}", api("POST", "/containers/<running>/restart", query={k: v}))
        for k, v in (("t", "x"), ("signal", "SIGNOSUCH"))
    ],
    # kill
    case("kill", *start("c"), post("kill"), post("wait"), state(), events()),
    [
        # the first process of a container feels only what it has a handler for
        case(f"kill signal={s}", api("POST", "/containers/<running>/kill", signal=s))
        for s in (
            "SIGHUP",
            "HUP",
            "hup",
            "sigusr1",
            "1",
            "0",
            "-1",
            "64",
            "65",
            "99",
            "RTMIN+1",
            "SIGRTMAX-1",
            "SIGNOSUCH",
            "x",
            " ",
        )
    ],
    case(
        "kill of stopped ones",
        api("POST", "/containers/<ended>/kill"),
        api("POST", "/containers/<created>/kill"),
        api("POST", "/containers/<ended>/kill", signal="SIGNOSUCH"),
    ),
    case(
        "kill paused one", *start("c"), post("pause"), post("kill"), post("wait"), state(), events()
    ),
    # pause
    case(
        "pause and unpause",
        *start("c"),
        post("pause"),
        state(),
        post("pause"),
        post("unpause"),
        post("unpause"),
        state(),
        events(),
    ),
    case(
        "pause of stopped ones",
        api("POST", "/containers/<ended>/pause"),
        api("POST", "/containers/<created>/pause"),
        api("POST", "/containers/<ended>/unpause"),
        api("POST", "/containers/<created>/unpause"),
    ),
    # rename
    case(
        "rename",
        *create("c"),
        post("rename", name="<d>"),
        api("GET", "/containers/<d>/json"),
        api("GET", "/containers/<c>/json"),
        events("d"),
    ),
    case("rename to itself", *create("c"), post("rename", name="<c>"), post("rename", name="/<c>")),
    [
        case(f"rename to {n!r}", *create("c"), post("rename", name=n))
        for n in ("", "/", "a b", "-x", "a", "ä", "a/b", "<running>")
    ],
    case("rename without name", *create("c"), post("rename")),
    case(
        "rename running one",
        *start("c"),
        post("rename", name="/<d>"),
        api("GET", "/containers/<d>/json", look=Look.STATUS),
        api("DELETE", "/containers/<d>?force=1"),
    ),
    # update
    [
        case(f"update {name}", *create("c"), api("POST", "/containers/<c>/update", body), state())
        for name, body in {
            "nothing": {},
            "memory": {"Memory": 20_000_000, "MemorySwap": 40_000_000},
            "cpus": {"NanoCpus": 500_000_000},
            "shares": {"CpuShares": 100},
            "restart": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}},
            "pids": {"PidsLimit": 10},
            "no pids": {"PidsLimit": -1},
            "memory small": {"Memory": 1},
            "swap small": {"Memory": 20_000_000, "MemorySwap": 10_000_000},
            "restart bad": {"RestartPolicy": {"Name": "foo"}},
            "quota": {"CpuQuota": 20000, "CpuPeriod": 50000},
            "cpuset": {"CpusetCpus": "0"},
            "cpuset far": {"CpusetCpus": "4000"},
            "reservation": {"MemoryReservation": 10_000_000},
            "kernel memory": {"KernelMemory": 10_000_000},
            "blkio": {"BlkioWeight": 5},
            "restart count": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 2}},
            "period": {"CpuPeriod": 1},
            "ulimits": {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]},
        }.items()
    ],
    [
        case(f"update body {body!r}", *create("c"), raw("update", body))
        for body in (
            b"",
            b"null",
            b"[]",
            b"{",
            b'{"Memory": "x"}',
            b'{"RestartPolicy": 1}',
            b'{"Foo": 1}',
            b"{} x",
            b'{"Memory": 1.5}',
        )
    ],
    case("update without type", *create("c"), Call("POST", "/containers/<c>/update", raw=b"{}")),
    case(
        "update running one",
        *start("c"),
        api("POST", "/containers/<c>/update", {"Memory": 50_000_000, "MemorySwap": 100_000_000}),
        state(),
        events(),
    ),
    case(
        "update quota and cpus",
        *create("c", HostConfig={"NanoCpus": 500_000_000}),
        api("POST", "/containers/<c>/update", {"CpuQuota": 20000}),
    ),
    case(
        "update auto-removed one",
        *create("c", HostConfig={"AutoRemove": True}),
        api("POST", "/containers/<c>/update", {"RestartPolicy": {"Name": "always"}}),
    ),
    # wait
    [
        case(f"wait {c}", *finish("c", "sh", "-c", "exit 3"), post("wait", condition=c))
        for c in ("", "not-running", "foo", "removed ")
    ],
    case("wait created one", api("POST", "/containers/<created>/wait")),
    case(
        "wait of old versions",
        *finish("c", "sh", "-c", "exit 3"),
        post("wait", condition="foo", version="v1.29"),
        post("wait", version="v1.24"),
    ),
    # remove
    case(
        "remove",
        *create("c"),
        api("DELETE", "/containers/<c>"),
        api("DELETE", "/containers/<c>"),
        events(),
    ),
    case(
        "remove running one",
        *start("c"),
        api("DELETE", "/containers/<c>"),
        api("DELETE", "/containers/<c>?force=true"),
        events(),
    ),
    case(
        "remove paused one",
        *start("c"),
        post("pause"),
        api("DELETE", "/containers/<c>"),
        api("DELETE", "/containers/<c>?force=1"),
        events(),
    ),
    case(
        "remove link",
        *create("c"),
        api("DELETE", "/containers/<c>?link=1"),
        api("DELETE", "/containers/<c>/x?link=1"),
    ),
    case(
        "remove with volumes",
        *create("c", Volumes={"/v": {}}),
        api("DELETE", "/containers/<c>?v=1"),
        events(),
        api("GET", "/volumes", filters={"name": ["<c>"]}),
    ),
    # life events
    case(
        "events of a life",
        *create("c", "sh", "-c", "exit 5", Labels={"a": "b"}),
        post("start"),
        post("wait"),
        api("DELETE", "/containers/<c>"),
        events(),
    ),
    case(
        "auto-remove",
        *create("c", "true", HostConfig={"AutoRemove": True}),
        post("start"),
        api("POST", "/containers/<c>/wait", condition="removed", look=Look.STATUS),
        api(
            "GET",
            "/events",
            since="<begin>",
            until="<now>",
            filters={"container": ["<c>"], "event": ["create", "start", "die"]},
        ),
    ),
    # top
    [
        case(f"top {args!r}", api("GET", "/containers/<running>/top", ps_args=args))
        for args in (
            "",
            "-o pid,comm",
            "aux",
            "-ef",
            "pid",
            "-o comm",
            "-o foo",
            "--nosuch",
            "-o pid=x,comm",
        )
    ],
    case(
        "top of stopped ones",
        api("GET", "/containers/<ended>/top"),
        api("GET", "/containers/<created>/top"),
    ),
    case("top of paused one", api("GET", "/containers/<paused>/top", look=Look.SHAPE)),
    # resize
    [
        case(f"resize {q}", Call("POST", f"/containers/<running>/resize?{q}"))
        for q in (
            "",
            "h=10",
            "h=10&w=20",
            "h=x&w=1",
            "h=1&w=-1",
            "h=1&w=4294967296",
            "h=0&w=0",
            "h=1.5&w=1",
            "h=%201&w=1",
            "h=99999999999999999999&w=1",
        )
    ],
    case(
        "resize of stopped ones",
        api("POST", "/containers/<ended>/resize?h=1&w=1"),
        api("POST", "/containers/<created>/resize?h=1&w=1"),
    ),
    # prune
    [
        case(f"prune {f}", api("POST", "/containers/prune", filters=f))
        for f in (
            {"foo": ["x"]},
            {"until": ["x"]},
            {"until": ["1h", "2h"]},
            {"label": ["<prefix>"]},
            {"until": ["5000h"]},
            {"label": ["<prefix>"], "label!": ["x"]},
        )
    ],
    [
        case(f"prune raw {q}", Call("POST", f"/containers/prune?{q}"))
        for q in (
            "filters=x",
            "filters=%5B1%5D",
            "filters=%7B%22until%22%3A%7B%22x%22%3Atrue%7D%7D",
        )
    ],
    case(
        "prune one",
        *create("c", Labels={"<prefix>": ""}),
        *finish("d", "sh", "-c", "head -c 5000 /dev/zero > /x", Labels={"<prefix>": "x"}),
        *start("e", Labels={"<prefix>": ""}),
        api("POST", "/containers/prune", filters={"label": ["<prefix>"], "label!": ["<prefix>=x"]}),
        api("POST", "/containers/prune", filters={"label": ["<prefix>"]}, look=Look.SHAPE),
    ),
    case("states of inspect", state("created"), state("ended"), state("running"), state("paused")),
    [
        case(f"inspect size={s}", api("GET", "/containers/<created>/json", size=s))
        for s in ("1", "0", "x", "")
    ],
)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
