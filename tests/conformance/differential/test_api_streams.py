"""Execs, attach, logs, stats and files of containers."""

from typing import Any

from support.differential.judge import Judge
from support.differential.steps import (
    Body,
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
    hijack,
    start,
)

JSON = {"Content-Type": "application/json"}
SCRIPT = "echo out; sleep 0.1; echo err >&2; sleep 0.1; echo last"

SCENE = (
    *create("created", "true"),
    *finish("ended", "sh", "-c", SCRIPT, Labels={"a": "b"}),
    *finish("tty", "sh", "-c", "echo one; echo two >&2", Tty=True),
    *start("running"),
    *start("paused"),
    *given(api("POST", "/containers/<paused>/pause")),
    *create("files", "true"),
)


def exec_(
    name: str, body: dict[str, Any], *steps: Step, on: str = "running", version: str = "v1.51"
) -> Case:
    made = api("POST", f"/containers/<{on}>/exec", body, save="e", version=version)
    return case(f"exec {name}", made, api("GET", "/exec/<e>/json"), *steps)


def execs(name: str, body: dict[str, Any], start_body: dict[str, Any], **options: Any) -> Case:
    """Create an exec session, run it to its end, look at it again."""
    run = hijack("POST", "/exec/<e>/start", start_body, **options)
    return exec_(name, body, run, api("GET", "/exec/<e>/json"))


def raw(path: str, body: bytes, **headers: str) -> Call:
    return Call("POST", path, raw=body, headers={**JSON, **headers})


def logs(name: str = "ended", *, version: str = "v1.51", **query: Any) -> Call:
    return api("GET", f"/containers/<{name}>/logs", version=version, **query)


def attach(name: str, **options: Any) -> Step:
    return hijack("POST", f"/containers/<{name}>/attach", **options)


ALL = {"stdout": "1", "stderr": "1", "logs": "1"}
OUTPUT = {"AttachStdout": True, "AttachStderr": True}

EXECS = flat(
    [
        case(f"exec body {b!r}", raw("/containers/<running>/exec", b))
        for b in (
            b"",
            b"{}",
            b"null",
            b"[]",
            b"{",
            b'{"Cmd": []}',
            b'{"Cmd": null}',
            b'{"Cmd": 1}',
            b'{"Cmd": ["a"], "Env": "x"}',
            b'{"Cmd": ["a"], "Tty": 1}',
            b'{"Cmd": "true"}',
            b'{"Cmd": ["true"]} x',
            b'{"Cmd": ["true"], "Foo": 1}',
        )
    ],
    case(
        "exec without type",
        Call("POST", "/containers/<running>/exec", raw=b'{"Cmd": ["a"]}'),
        Call("POST", "/containers/<running>/exec"),
    ),
    [
        case(f"exec in {c}", api("POST", f"/containers/<{c}>/exec", {"Cmd": ["true"]}))
        for c in ("created", "ended", "paused")
    ],
    case("exec in nobody", api("POST", "/containers/nosuch/exec", {"Cmd": ["true"]})),
    [
        case(
            f"exec {method} {verb} of nobody",
            Call(method, f"/exec/nosuch/{verb}", raw=b"{}", headers=JSON),
        )
        for method, verb in (
            ("GET", "json"),
            ("POST", "start"),
            ("POST", "resize?h=1&w=1"),
            ("POST", "resize"),
            ("DELETE", ""),
            ("GET", "start"),
        )
    ],
    exec_(
        "much",
        {
            "Cmd": ["sh", "-c", "x"],
            "User": "1:2",
            "Privileged": True,
            "Tty": True,
            "AttachStdin": True,
            **OUTPUT,
            "Env": ["A=b"],
            "WorkingDir": "/tmp",
            "DetachKeys": "ctrl-a",
            "ConsoleSize": [10, 20],
        },
    ),
    exec_("bad detach keys", {"Cmd": ["true"], "DetachKeys": "foo"}),
    exec_(
        "bad user",
        {"Cmd": ["true"], "User": "nosuch"},
        hijack("POST", "/exec/<e>/start", {}),
        api("GET", "/exec/<e>/json"),
    ),
    exec_(
        "relative folder",
        {"Cmd": ["pwd"], "WorkingDir": "x"},
        hijack("POST", "/exec/<e>/start", {}),
    ),
    execs("output", {"Cmd": ["sh", "-c", SCRIPT], **OUTPUT}, {"Detach": False}),
    execs("output of old versions", {"Cmd": ["sh", "-c", SCRIPT], **OUTPUT}, {}, version="v1.41"),
    execs("no upgrade", {"Cmd": ["sh", "-c", "echo x"], **OUTPUT}, {}, upgrade=""),
    execs("stdout only", {"Cmd": ["sh", "-c", SCRIPT], "AttachStdout": True}, {}),
    exec_(
        "nothing attached",
        {"Cmd": ["sh", "-c", "exit 4"]},
        hijack("POST", "/exec/<e>/start", {}),
        api("GET", "/exec/<e>/json", poll={"Running": False, "ExitCode": 4}),
    ),
    execs("stdin", {"Cmd": ["cat"], "AttachStdin": True, **OUTPUT}, {}, stdin=b"hello\n"),
    execs(
        "terminal",
        {"Cmd": ["sh", "-c", "tty >/dev/null && stty size"], "Tty": True, **OUTPUT},
        {"Tty": True, "ConsoleSize": [11, 22]},
        half_close=False,
    ),
    execs("terminal asked for at start only", {"Cmd": ["echo", "x"], **OUTPUT}, {"Tty": True}),
    [
        execs(f"of {words}", {"Cmd": words.split(), **OUTPUT}, {})
        for words in ("nosuch", "/etc", "/nosuch/x", "false")
    ],
    execs(
        "environment",
        {"Cmd": ["sh", "-c", "echo $A $B $HOME"], "Env": ["A=1", "B=", "HOME=/x"], **OUTPUT},
        {},
    ),
    execs("missing folder", {"Cmd": ["pwd"], "WorkingDir": "/nosuch", **OUTPUT}, {}),
    exec_(
        "detached",
        {"Cmd": ["sh", "-c", "exit 6"]},
        api("POST", "/exec/<e>/start", {"Detach": True}),
        api("GET", "/exec/<e>/json", poll={"Running": False, "ExitCode": 6}),
    ),
    exec_(
        "detached, not found",
        {"Cmd": ["nosuch"]},
        api("POST", "/exec/<e>/start", {"Detach": True}),
        api("GET", "/exec/<e>/json"),
    ),
    exec_(
        "twice",
        {"Cmd": ["true"]},
        hijack("POST", "/exec/<e>/start", {}),
        api("GET", "/exec/<e>/json", poll={"Running": False}),
        api("POST", "/exec/<e>/start", {}),
        api("POST", "/exec/<e>/start", {"Detach": True}),
    ),
    [
        exec_(f"start body {b!r}", {"Cmd": ["true"]}, raw("/exec/<e>/start", b))
        for b in (b"[]", b"{", b'{"Detach": "x"}', b'{"ConsoleSize": [1]}', b'{"ConsoleSize": 1}')
    ],
    exec_(
        "resize unstarted",
        {"Cmd": ["true"], "Tty": True},
        api("POST", "/exec/<e>/resize?h=x&w=1"),
    ),
    exec_(
        "console size of old versions", {"Cmd": ["true"], "ConsoleSize": [1, 2]}, version="v1.41"
    ),
    exec_(
        "after stop",
        {"Cmd": ["true"]},
        *start("c"),
        api("POST", "/containers/<c>/exec", {"Cmd": ["true"]}, save="x"),
        api("GET", "/containers/<c>/json"),
        *given(api("POST", "/containers/<c>/kill")),
        api("POST", "/exec/<x>/start", {"Detach": True}),
        api("GET", "/exec/<x>/json"),
    ),
    exec_(
        "events",
        {"Cmd": ["sh", "-c", "exit 2"]},
        hijack("POST", "/exec/<e>/start", {}),
        api("GET", "/exec/<e>/json", poll={"Running": False}),
        api(
            "GET",
            "/events",
            query={"until": "<now>"},
            since="<begin>",
            filters={
                "container": ["<running>"],
                "event": ["exec_create", "exec_start", "exec_die"],
            },
        ),
    ),
)

STREAMS = flat(
    [
        case(f"attach {q}", attach("ended", query=q))
        for q in (
            {},
            {"logs": "1"},
            {"logs": "1", "stdout": "1"},
            {**ALL},
            {"logs": "1", "stderr": "1"},
        )
    ],
    case("attach to created", attach("created", query={"stdout": "1", "logs": "1"})),
    case("attach to paused", attach("paused", query={"stdout": "1", "stream": "1"})),
    case("attach terminal", attach("tty", query=ALL)),
    case(
        "attach old version",
        attach("ended", query=ALL, version="v1.41"),
        attach("ended", query=ALL, upgrade=""),
    ),
    case("attach bad keys", attach("ended", query={**ALL, "detachKeys": "foo"})),
    case("attach nobody", attach("nosuch", query=ALL)),
    case(
        "attach stdin",
        *start("c", "cat", OpenStdin=True, StdinOnce=True),
        attach("c", query={**ALL, "stream": "1", "stdin": "1"}, stdin=b"hi\n"),
    ),
    case(
        "attach websocket",
        hijack(
            "GET", "/containers/<ended>/attach/ws", query=ALL, upgrade="websocket", half_close=False
        ),
    ),
    case(
        "attach websocket of nobody",
        hijack("GET", "/containers/nosuch/attach/ws", query=ALL, upgrade="websocket"),
    ),
    case(
        "attach websocket without upgrade",
        api("GET", "/containers/<ended>/attach/ws", query=ALL, look=Look.STATUS),
    ),
    case(
        "attach websocket old",
        hijack(
            "GET",
            "/containers/<ended>/attach/ws",
            query={"logs": "1"},
            upgrade="websocket",
            version="v1.41",
            half_close=False,
        ),
    ),
    [
        case(f"logs {q}", logs(**q))
        for q in (
            {},
            {"stdout": "1"},
            {"stderr": "1"},
            {"stdout": "1", "stderr": "true"},
            {"stdout": "0", "stderr": "false"},
        )
    ],
    [
        case(f"logs tail={t}", logs(stdout="1", tail=t))
        for t in ("0", "1", "2", "99", "all", "x", "-1", "", "1.5", "99999999999999999999")
    ],
    [
        case(f"logs since={t}", logs(stdout="1", since=t))
        for t in ("0", "<now>", "<begin>", "x", "1.x", "-1", "99999999999", "2020-01-01", "1.5")
    ],
    [
        case(f"logs until={t}", logs(stdout="1", query={"until": t}))
        for t in ("0", "1", "<now>", "x")
    ],
    case("logs since and until", logs(stdout="1", since="9999999999", query={"until": "1"})),
    case(
        "logs timestamps",
        logs(stdout="1", timestamps="1"),
        logs(stdout="1", timestamps="1", details="1"),
        logs(stdout="1", details="1"),
    ),
    case("logs follow ended", logs(stdout="1", stderr="1", follow="1")),
    case(
        "logs terminal",
        logs("tty", stdout="1"),
        logs("tty", stdout="1", version="v1.41"),
        logs(stdout="1", version="v1.41"),
    ),
    case(
        "logs of created",
        logs("created", stdout="1"),
        logs("created", stdout="1", follow="0", tail="5"),
    ),
    case(
        "logs of none driver",
        *finish("c", "echo", "x", HostConfig={"LogConfig": {"Type": "none"}}),
        logs("c", stdout="1"),
        logs("c", stdout="1", follow="1"),
    ),
    case(
        "logs details",
        *finish(
            "c",
            "echo",
            "x",
            Env=["A=1"],
            Labels={"l": "v"},
            HostConfig={"LogConfig": {"Type": "json-file", "Config": {"labels": "l", "env": "A"}}},
        ),
        logs("c", stdout="1", details="1"),
    ),
    [
        case(f"stats of {c}", api("GET", f"/containers/<{c}>/stats", stream="0"))
        for c in ("created", "ended")
    ],
    case(
        "stats one-shot of stopped",
        api("GET", "/containers/<ended>/stats", stream="0", **{"one-shot": "1"}),
    ),
    case(
        "stats both",
        api(
            "GET",
            "/containers/<running>/stats",
            look=Look.STATUS,
            stream="1",
            **{"one-shot": "1"},
            first=1,
        ),
    ),
)


def archive(method: str, at: str, **query: Any) -> Call:
    reading = Body.TAR if method == "GET" else Body.AUTO
    return api(method, "/containers/<files>/archive", query={"path": at, **query}, reading=reading)


PATHS = (
    "/etc/passwd",
    "/etc",
    "/etc/",
    "/",
    ".",
    "etc",
    "/nosuch",
    "/etc/passwd/",
    "/etc/passwd/x",
    "/etc/../bin",
    "..",
    "/bin/sh",
    "/var/run",
    "/tmp/.",
)

FILES = flat(
    [
        case(f"archive {method} {p}", archive(method, p))
        for method in ("HEAD", "GET")
        for p in PATHS
        if method == "HEAD" or p not in ("/", ".", "..")
    ],
    case(
        "archive without path",
        api("HEAD", "/containers/<files>/archive"),
        api("GET", "/containers/<files>/archive"),
        api("PUT", "/containers/<files>/archive"),
    ),
    case(
        "archive other methods",
        api("POST", "/containers/<files>/archive", query={"path": "/"}),
        api("DELETE", "/containers/<files>/archive", query={"path": "/"}),
    ),
    [
        case(f"archive PUT {p}", Call("PUT", "/containers/<files>/archive", {"path": p}, raw=b""))
        for p in ("/tmp", "/nosuch", "/etc/passwd", "/tmp/x", "")
    ],
    [
        case(
            f"archive PUT {b[:9]!r}",
            Call("PUT", "/containers/<files>/archive", {"path": "/tmp"}, raw=b),
        )
        for b in (b"x", b"x" * 600, b"\0" * 1024, b"\x1f\x8bx")
    ],
    [
        case(
            f"archive PUT {k}={v}",
            Call("PUT", "/containers/<files>/archive", {"path": "/tmp", k: v}, raw=b"\0" * 1024),
        )
        for k, v in (
            ("noOverwriteDirNonDir", "1"),
            ("copyUIDGID", "true"),
            ("noOverwriteDirNonDir", "x"),
        )
    ],
    case(
        "changes",
        *finish(
            "c", "sh", "-c", "echo x > /new; rm /etc/group; mkdir /d; echo y > /d/e; ln -s /d /l"
        ),
        api("GET", "/containers/<c>/changes"),
        api("GET", "/containers/<created>/changes"),
    ),
    case("export", api("GET", "/containers/<files>/export", reading=Body.SIZE)),
    case(
        "commit of nobody",
        api("POST", "/commit", query={"container": "nosuch"}),
        api("POST", "/commit"),
        api("POST", "/commit", query={"container": ""}),
    ),
    [
        case(
            f"commit {q} {b}",
            *create("c", "true", Labels={"a": "b"}, Env=["X=1"]),
            api("POST", "/commit", b, query={"container": "<c>", **q}, save="i"),
            api("GET", "/images/<i>/json", look=look),
        )
        for q, b, look in (
            ({"repo": "<img>"}, None, Look.SHAPE),
            ({"repo": "<img>", "tag": "t"}, None, Look.STATUS),
            ({"repo": "BAD"}, None, Look.ALL),
            ({"repo": "<img>", "tag": "a b"}, None, Look.ALL),
            ({"tag": "t"}, None, Look.STATUS),
            ({"comment": "c", "author": "a"}, None, Look.SHAPE),
            ({"changes": 'CMD ["x"]'}, None, Look.SHAPE),
            ({"changes": "FOO x"}, None, Look.ALL),
            ({"changes": "RUN x"}, None, Look.ALL),
            ({"pause": "x"}, None, Look.STATUS),
            ({}, {"Cmd": ["y"]}, Look.STATUS),
            ({}, {"Image": "x", "Env": ["Y=2"]}, Look.STATUS),
        )
    ],
    [
        case(
            f"commit body {b!r}",
            Call("POST", "/commit", {"container": "<created>"}, raw=b, headers=JSON),
        )
        for b in (b"[]", b"{", b'{"Cmd": 1}')
    ],
    case("commit without type", Call("POST", "/commit", {"container": "<created>"}, raw=b"{}")),
)

CASES = flat(EXECS, STREAMS, FILES)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
