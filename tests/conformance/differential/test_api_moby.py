"""What Docker's own API tests ask for, beyond the other tables: bodies, mounts, settings of create."""

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
    start,
)

JSON = {"Content-Type": "application/json"}
ENDPOINTS = [
    "/commit?container=nosuch",
    "/containers/create",
    "/containers/nosuch/exec",
    "/containers/nosuch/update",
    "/exec/nosuch/start",
    "/volumes/create",
    "/networks/create",
    "/networks/bridge/connect",
    "/networks/bridge/disconnect",
]
BODIES = {
    "invalid": b"{invalid json",
    "extra": b"{} trailing content",
    "empty": b"",
    "null": b"null",
    "object": b"{}",
    "list": b"[]",
}


def refused(name: str, host_config: dict[str, Any], **config: Any) -> Case:
    body = {"Image": "<image>", "HostConfig": host_config, **config}
    return case(f"create {name}", api("POST", "/containers/create", body, name="<c>"))


def mounted(*mounts: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"Mounts": list(mounts), **others}


def mount(kind: str, **settings: Any) -> dict[str, Any]:
    return {"Type": kind, "Target": "/x", **settings}


HOST_MODES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"Hostname": "x"}, {}),
    ({}, {"UTSMode": "host"}),
    ({"Hostname": "x"}, {"UTSMode": "host"}),
    ({}, {"Links": ["x"]}),
    ({"MacAddress": "02:42:ac:11:00:09"}, {}),
    ({}, {"PublishAllPorts": True}),
    ({}, {"Dns": ["1.1.1.1"]}),
)

MOUNTS: dict[str, dict[str, Any]] = {
    "of no type": mounted({}),
    "type only": mounted({"Type": "bind"}),
    "bind without source": mounted(mount("bind")),
    "volume without target": mounted({"Type": "volume", "Source": "x"}),
    "relative target": mounted({"Type": "volume", "Target": "x"}),
    "relative source": mounted(mount("bind", Source="a")),
    "root": mounted({"Type": "volume", "Target": "/"}),
    "bind with volume options": mounted(mount("bind", Source="/usr", VolumeOptions={})),
    "volume with bind options": mounted(mount("volume", Source="v", BindOptions={})),
    "tmpfs with bind options": mounted(mount("tmpfs", BindOptions={})),
    "tmpfs with volume options": mounted(mount("tmpfs", VolumeOptions={})),
    "volume with tmpfs options": mounted(mount("volume", TmpfsOptions={})),
    "tmpfs size": mounted(mount("tmpfs", TmpfsOptions={"SizeBytes": -1})),
    "tmpfs source": mounted(mount("tmpfs", Source="/x")),
    "twice": mounted(mount("volume", Source="vol"), mount("tmpfs")),
    "and bind": mounted(mount("tmpfs"), Binds=["/usr:/x"]),
    "and tmpfs": mounted(mount("volume"), Tmpfs={"/x": ""}),
    "volume driver": mounted(
        mount("volume", VolumeOptions={"DriverConfig": {"Options": {"a": "b"}}})
    ),
    "volume name": mounted(mount("volume", Source="a/b")),
    "volume subpath": mounted(mount("volume", Source="v", VolumeOptions={"Subpath": "../x"})),
    "absolute subpath": mounted(mount("volume", Source="v", VolumeOptions={"Subpath": "/x"})),
    "anonymous subpath": mounted(mount("volume", VolumeOptions={"Subpath": "x"})),
    "propagation": mounted(mount("bind", Source="/usr", BindOptions={"Propagation": "foo"})),
    "image": mounted(mount("image", Source="nosuch")),
    "image without source": mounted(mount("image")),
    "consistency": mounted(mount("bind", Source="/usr", Consistency="foo")),
    "cluster": mounted(mount("cluster", Source="x")),
    "npipe": mounted(mount("npipe", Source="x")),
    "read-only force": mounted(
        mount("bind", Source="/usr", BindOptions={"ReadOnlyForceRecursive": True})
    ),
    "read-only both": mounted(
        mount(
            "bind",
            Source="/usr",
            ReadOnly=True,
            BindOptions={"ReadOnlyForceRecursive": True, "ReadOnlyNonRecursive": True},
        )
    ),
}

CASES = flat(
    [
        case(f"{name} body to {at}", Call("POST", at, raw=body, headers=JSON))
        for at in ENDPOINTS
        for name, body in BODIES.items()
        if not at.endswith("s/create") or name in ("invalid", "extra", "list")
    ],
    [
        case(
            f"text to {at}",
            Call("POST", at, raw=b"{}", headers={"Content-Type": "text/plain"}),
            Call("POST", at, raw=b"{}"),
            Call("POST", at),
        )
        for at in ENDPOINTS
        if not at.startswith(("/volumes", "/networks/create"))
    ],
    [refused(f"env {e!r}", {}, Env=[e]) for e in ("", "=", "=foo")],
    [refused(f"tmpfs {t}", {"Tmpfs": {t: ""}}) for t in (".", "foo", "/", "//")],
    [
        refused(f"{k}={v}", {k: v})
        for k, v in (
            ("IpcMode", "invalid"),
            ("PidMode", "container"),
            ("PidMode", "container:"),
            ("PidMode", "invalid"),
            ("UTSMode", "invalid"),
            ("UTSMode", "container:x"),
            ("IpcMode", "container"),
            ("IpcMode", "container:"),
            ("UsernsMode", "invalid"),
            ("NetworkMode", "container"),
            ("Annotations", {"": ""}),
            ("Annotations", {"a": ""}),
            ("CpusetCpus", "1-42,,"),
            ("CpusetMems", "42-3,1--"),
            ("OomScoreAdj", 1001),
            ("OomScoreAdj", -1001),
            ("ShmSize", -1),
            ("Memory", 524287),
            ("Links", ["no-such-container"]),
            ("Cgroup", "x"),
            ("CgroupnsMode", "host"),
            ("CgroupnsMode", "private"),
        )
    ],
    [
        refused(f"port {p}", {"NetworkMode": "default", "PortBindings": {p: [{}]}})
        for p in ("19039;1230", "80-90/tcp", "/tcp", "", "0", "65536", "80/foo", "tcp/80")
    ],
    [
        refused(f"host port {p}", {"PortBindings": {"8080/tcp": [{"HostPort": p}]}})
        for p in ("aa80", "80-90", "90-80", "-1", "65536", "80/tcp", " ")
    ],
    [refused(f"mount {name}", settings) for name, settings in MOUNTS.items()],
    [
        case(
            f"bind {b}",
            api(
                "POST",
                "/containers/create",
                {"Image": "<image>", "HostConfig": {"Binds": [b]}},
                name="<c>",
            ),
            api("GET", "/containers/<c>/json", look=Look.STATUS),
        )
        for b in (
            "/usr:/x:ro,rw",
            "/usr:/x:z",
            "/usr:/x:ro,z,rprivate",
            "/usr:/x:shared,slave",
            "/usr:/x:nocopy",
            "<v>:/x:nocopy",
            "<v>:/x:rshared",
            "/usr",
            "/usr:",
            ":/x",
            "/usr:x",
            "<v>:/",
            "tmp/:/x",
            "/usr:/x:delegated",
            "/x:ro",
        )
    ],
    [
        case(
            f"masked {m}",
            *create("c", "true", HostConfig={"MaskedPaths": m, "ReadonlyPaths": m}),
            api("GET", "/containers/<c>/json"),
        )
        for m in ([], ["/proc/kcore", "/proc/keys"])
    ],
    case(
        "tmpfs over anonymous volumes",
        *finish(
            "c",
            "true",
            Volumes={"/foo": {}, "/bar": {}},
            HostConfig={"Tmpfs": {"/foo": "", "/bar": "size=999"}},
        ),
        api("GET", "/containers/<c>/json"),
    ),
    case(
        "privileged",
        *create("c", "true", HostConfig={"Privileged": True}),
        api("GET", "/containers/<c>/json"),
    ),
    case(
        "links",
        *start("a"),
        *create("c", "true", HostConfig={"Links": ["<a>:db", "<a>"]}),
        api("GET", "/containers/<c>/json"),
    ),
    case(
        "volumes from",
        *create("a", "true", Volumes={"/v": {}}),
        *create("c", "true", HostConfig={"VolumesFrom": ["<a>:ro"]}),
        api("GET", "/containers/<c>/json"),
    ),
    case(
        "container modes",
        *start("a"),
        *create(
            "c", "true", HostConfig={"NetworkMode": "container:<a>", "PidMode": "container:<a>"}
        ),
        api("GET", "/containers/<c>/json"),
        api(
            "POST",
            "/containers/create",
            {
                "Image": "<image>",
                "HostConfig": {"NetworkMode": "container:<a>", "PortBindings": {"80/tcp": [{}]}},
            },
            name="<d>",
        ),
        api(
            "POST",
            "/containers/create",
            {"Image": "<image>", "Hostname": "x", "HostConfig": {"NetworkMode": "container:<a>"}},
            name="<e>",
        ),
        api(
            "POST",
            "/containers/create",
            {
                "Image": "<image>",
                "MacAddress": "02:42:ac:11:00:09",
                "HostConfig": {"NetworkMode": "container:<a>"},
            },
            name="<f>",
        ),
        api(
            "POST",
            "/containers/create",
            {
                "Image": "<image>",
                "HostConfig": {"NetworkMode": "container:<a>", "Dns": ["1.1.1.1"]},
            },
            name="<g>",
        ),
        api(
            "POST",
            "/containers/create",
            {
                "Image": "<image>",
                "HostConfig": {"NetworkMode": "container:<a>", "ExtraHosts": ["a:1.1.1.1"]},
            },
            name="<h>",
        ),
        api(
            "POST",
            "/containers/create",
            {
                "Image": "<image>",
                "ExposedPorts": {"80/tcp": {}},
                "HostConfig": {"NetworkMode": "container:<a>"},
            },
            name="<i>",
        ),
    ),
    case(
        "host modes",
        *(
            api(
                "POST",
                "/containers/create",
                {"Image": "<image>", **config, "HostConfig": {"NetworkMode": "host", **host}},
                name=f"<h{n}>",
            )
            for n, (config, host) in enumerate(HOST_MODES)
        ),
    ),
    case(
        "restart counts",
        *start(
            "c",
            "sh",
            "-c",
            "sleep 0.2; exit 1",
            HostConfig={"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 1}},
        ),
        api("GET", "/containers/<c>/json", poll={"RestartCount": 1, "State/Status": "exited"}),
        slow=True,
    ),
    case(
        "chunked body",
        Call(
            "POST",
            "/containers/create",
            {"name": "<c>"},
            raw=b'{"Image": "nosuch"}',
            headers={**JSON, "Expect": ""},
        ),
    ),
)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
