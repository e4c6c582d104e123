"""POST /containers/create: bodies that make no sense, and what becomes of those that do."""

from typing import Any

from support.differential.judge import Judge
from support.differential.steps import Call, Case, api, case, flat, given

VERSIONS = [
    "1.24",
    "1.30",
    "1.39",
    "1.40",
    "1.41",
    "1.42",
    "1.43",
    "1.44",
    "1.45",
    "1.46",
    "1.47",
    "1.48",
    "1.50",
    "1.51",
]
JSON = {"Content-Type": "application/json"}


def sent(name: str, body: bytes, **headers: str) -> Case:
    """A body as it stands."""
    return case(
        f"body {name}",
        Call("POST", "/containers/create", {"name": "<c>"}, raw=body, headers={**JSON, **headers}),
    )


def made(name: str, body: dict[str, Any], *, version: str = "v1.51", **query: Any) -> Case:
    """Create and inspect."""
    return case(
        name,
        api(
            "POST",
            "/containers/create",
            {"Image": "<image>", **body},
            name="<c>",
            version=version,
            **query,
        ),
        api("GET", "/containers/<c>/json", version=version),
    )


def host(name: str, *, version: str = "v1.51", **settings: Any) -> Case:
    return made(f"host config {name}", {"HostConfig": settings}, version=version)


def refused(name: str, **settings: Any) -> Case:
    """Only the answer to create, of a HostConfig."""
    body = {"Image": "<image>", "HostConfig": settings}
    return case(f"refused {name}", api("POST", "/containers/create", body, name="<c>"))


BODIES = flat(
    sent("empty", b""),
    sent("blank", b"  \n"),
    sent("null", b"null"),
    sent("list", b"[]"),
    sent("number", b"1"),
    sent("string", b'"x"'),
    sent("object", b"{}"),
    sent("cut", b'{"Image": '),
    sent("cut string", b'{"Image": "x'),
    sent("garbage", b"xyz"),
    sent("trailing", b'{"Image": "nosuch"} {"x": 1}'),
    sent("trailing garbage", b'{"Image": "nosuch"}xyz'),
    sent("trailing comma", b'{"Image": "nosuch",}'),
    sent("single quotes", b"{'Image': 'x'}"),
    sent("unknown fields", b'{"Image": "nosuch", "Foo": 1}'),
    sent("no image", b'{"Cmd": ["true"]}'),
    sent("empty image", b'{"Image": "", "Cmd": ["true"]}'),
    sent("unknown image", b'{"Image": "nosuch"}'),
    sent("unknown tag", b'{"Image": "nosuch:tag"}'),
    sent("image digest", b'{"Image": "sha256:%s"}' % (b"0" * 64)),
    sent("bad image", b'{"Image": "BAD"}'),
    sent("image of spaces", b'{"Image": "a b"}'),
    sent("image number", b'{"Image": 1}'),
    sent("cmd number", b'{"Image": "nosuch", "Cmd": 1}'),
    sent("cmd of numbers", b'{"Image": "nosuch", "Cmd": [1]}'),
    sent("cmd string", b'{"Image": "nosuch", "Cmd": "a"}'),
    sent("env object", b'{"Image": "nosuch", "Env": {}}'),
    sent("tty string", b'{"Image": "nosuch", "Tty": "true"}'),
    sent("labels list", b'{"Image": "nosuch", "Labels": ["a"]}'),
    sent("labels of numbers", b'{"Image": "nosuch", "Labels": {"a": 1}}'),
    sent("exposed list", b'{"Image": "nosuch", "ExposedPorts": ["80"]}'),
    sent("exposed bad", b'{"Image": "nosuch", "ExposedPorts": {"x/tcp": {}}}'),
    sent("timeout string", b'{"Image": "nosuch", "StopTimeout": "1"}'),
    sent("timeout float", b'{"Image": "nosuch", "StopTimeout": 1.5}'),
    sent("memory string", b'{"Image": "nosuch", "HostConfig": {"Memory": "1"}}'),
    sent("memory float", b'{"Image": "nosuch", "HostConfig": {"Memory": 1.5}}'),
    sent("memory too big", b'{"Image": "nosuch", "HostConfig": {"Memory": 9223372036854775808}}'),
    sent("host config list", b'{"Image": "nosuch", "HostConfig": []}'),
    sent("host config null", b'{"Image": "nosuch", "HostConfig": null}'),
    sent("binds string", b'{"Image": "nosuch", "HostConfig": {"Binds": "a:b"}}'),
    sent("networking list", b'{"Image": "nosuch", "NetworkingConfig": []}'),
    sent("endpoints list", b'{"Image": "nosuch", "NetworkingConfig": {"EndpointsConfig": []}}'),
    sent("health test string", b'{"Image": "nosuch", "Healthcheck": {"Test": "a"}}'),
    sent("small letters", b'{"image": "nosuch", "cmd": ["true"]}'),
    sent("twice", b'{"Image": "a", "Image": "nosuch"}'),
    sent("broken utf-8", b'{"Image": "nos\xffuch"}'),
    sent("deep", b'{"a":' * 20000 + b"1" + b"}" * 20000),
    case("no content type", Call("POST", "/containers/create", raw=b'{"Image": "nosuch"}')),
    [
        case(
            f"content type {text}",
            Call(
                "POST",
                "/containers/create",
                raw=b'{"Image": "nosuch"}',
                headers={"Content-Type": text},
            ),
        )
        for text in (
            "text/plain",
            "application/json; charset=utf-8",
            "application/json;",
            "x",
            ";",
            "application/JSON",
            "application/json; charset",
            "text/json, application/json",
        )
    ],
    case("no body, no type", Call("POST", "/containers/create")),
)

NAMES = [
    case(f"name {name!r}", api("POST", "/containers/create", {"Image": "<image>"}, name=name))
    for name in ("a", "-a", "_a", "a b", "a/b", "/", "ä", "a" * 3 + "$", ".a")
]

REFUSED: dict[str, dict[str, Any]] = {
    "memory small": {"Memory": 1},
    "memory negative": {"Memory": -5},
    "swap below memory": {"Memory": 10_000_000, "MemorySwap": 8_000_000},
    "swap without memory": {"MemorySwap": 10_000_000},
    "swappiness": {"MemorySwappiness": 101},
    "swappiness -2": {"MemorySwappiness": -2},
    "reservation": {"Memory": 10_000_000, "MemoryReservation": 20_000_000},
    "reservation small": {"MemoryReservation": 1},
    "cpu quota": {"CpuQuota": 1},
    "cpu period": {"CpuPeriod": 1},
    "cpu period big": {"CpuPeriod": 2_000_000},
    "nano cpus": {"NanoCpus": -1},
    "nano cpus many": {"NanoCpus": 1_000_000_000_000},
    "nano and quota": {"NanoCpus": 1_000_000_000, "CpuQuota": 20000},
    "nano and period": {"NanoCpus": 1_000_000_000, "CpuPeriod": 20000},
    "cpuset bad": {"CpusetCpus": "x"},
    "cpuset far": {"CpusetCpus": "4000"},
    "mems bad": {"CpusetMems": "x"},
    "mems far": {"CpusetMems": "63"},
    "blkio weight": {"BlkioWeight": 5},
    "blkio weight big": {"BlkioWeight": 1001},
    "shm": {"ShmSize": -1},
    "oom score": {"OomScoreAdj": 2000},
    "oom score low": {"OomScoreAdj": -1001},
    "isolation": {"Isolation": "hyperv"},
    "ipc": {"IpcMode": "foo"},
    "pid": {"PidMode": "foo"},
    "uts": {"UTSMode": "foo"},
    "userns": {"UsernsMode": "foo"},
    "cgroupns": {"CgroupnsMode": "foo"},
    "ipc nosuch": {"IpcMode": "container:nosuch"},
    "pid nosuch": {"PidMode": "container:nosuch"},
    "restart name": {"RestartPolicy": {"Name": "foo"}},
    "restart count": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 1}},
    "restart negative": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": -1}},
    "restart count of none": {"RestartPolicy": {"Name": "", "MaximumRetryCount": 1}},
    "auto-remove and restart": {"AutoRemove": True, "RestartPolicy": {"Name": "always"}},
    "runtime": {"Runtime": "foo"},
    "log driver": {"LogConfig": {"Type": "foo"}},
    "log option": {"LogConfig": {"Type": "json-file", "Config": {"foo": "1"}}},
    "log size": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "x"}}},
    "log files": {"LogConfig": {"Type": "json-file", "Config": {"max-file": "0"}}},
    "log mode": {"LogConfig": {"Type": "json-file", "Config": {"mode": "x"}}},
    "bind relative": {"Binds": ["a/b:/c"]},
    "bind target": {"Binds": ["/a:b"]},
    "bind colon": {"Binds": ["/a:/b:/c:d"]},
    "bind mode": {"Binds": ["/a:/b:foo"]},
    "bind root": {"Binds": ["/a:/"]},
    "bind empty": {"Binds": [""]},
    "bind twice": {"Binds": ["/tmp:/b", "/tmp:/b"]},
    "volume name": {"Binds": ["a!b:/c"]},
    "mount type": {"Mounts": [{"Type": "foo", "Target": "/x"}]},
    "mount no type": {"Mounts": [{"Target": "/x"}]},
    "mount no target": {"Mounts": [{"Type": "volume"}]},
    "mount no source": {"Mounts": [{"Type": "bind", "Target": "/x"}]},
    "mount bind missing": {"Mounts": [{"Type": "bind", "Source": "/nosuch", "Target": "/x"}]},
    "mount tmpfs source": {"Mounts": [{"Type": "tmpfs", "Source": "/a", "Target": "/x"}]},
    "mount npipe": {"Mounts": [{"Type": "npipe", "Source": "/a", "Target": "/x"}]},
    "mount wrong options": {
        "Mounts": [
            {
                "Type": "bind",
                "Source": "/tmp",
                "Target": "/x",
                "VolumeOptions": {"NoCopy": True},
            }
        ]
    },
    "mount propagation": {
        "Mounts": [
            {
                "Type": "bind",
                "Source": "/tmp",
                "Target": "/x",
                "BindOptions": {"Propagation": "foo"},
            }
        ]
    },
    "tmpfs options": {"Tmpfs": {"/x": "foo"}},
    "tmpfs relative": {"Tmpfs": {"x": ""}},
    "volumes from": {"VolumesFrom": ["nosuch"]},
    "volumes from mode": {"VolumesFrom": ["nosuch:foo"]},
    "link": {"Links": ["nosuch:a"]},
    "link empty": {"Links": [":"]},
    "cap": {"CapAdd": ["FOO"]},
    "cap drop": {"CapDrop": ["FOO"]},
    "security opt": {"SecurityOpt": ["foo"]},
    "security value": {"SecurityOpt": ["foo=bar"]},
    "no-new-privileges": {"SecurityOpt": ["no-new-privileges:x"]},
    "seccomp": {"SecurityOpt": ["seccomp={"]},
    "ulimit": {"Ulimits": [{"Name": "foo", "Soft": 1, "Hard": 1}]},
    "ulimit order": {"Ulimits": [{"Name": "nofile", "Soft": 2, "Hard": 1}]},
    "extra host": {"ExtraHosts": ["foo"]},
    "extra host ip": {"ExtraHosts": ["a:b"]},
    "dns": {"Dns": ["foo"]},
    "dns search": {"DnsSearch": ["!"]},
    "sysctl": {"Sysctls": {"kernel.foo": "1"}},
    "sysctl eth0": {"Sysctls": {"net.ipv4.conf.eth0.forwarding": "1"}},
    "device": {
        "Devices": [
            {
                "PathOnHost": "/dev/nosuch",
                "PathInContainer": "/dev/x",
                "CgroupPermissions": "r",
            }
        ]
    },
    "device permissions": {
        "Devices": [
            {
                "PathOnHost": "/dev/null",
                "PathInContainer": "/dev/x",
                "CgroupPermissions": "z",
            }
        ]
    },
    "device rule": {"DeviceCgroupRules": ["x"]},
    "device driver": {"DeviceRequests": [{"Driver": "foo", "Count": 1}]},
    "port": {"PortBindings": {"x/tcp": [{}]}},
    "host port": {"PortBindings": {"80/tcp": [{"HostPort": "x"}]}},
    "host ip": {"PortBindings": {"80/tcp": [{"HostIp": "x", "HostPort": "1"}]}},
    "storage opt": {"StorageOpt": {"size": "1G"}},
    "storage opt name": {"StorageOpt": {"foo": "1"}},
    "network container": {"NetworkMode": "container:nosuch"},
    "network container self": {"NetworkMode": "container:"},
    "host and ports": {
        "NetworkMode": "host",
        "PortBindings": {"80/tcp": [{"HostPort": "1"}]},
    },
    "cgroup parent": {"CgroupParent": "a/b"},
    "annotation": {"Annotations": {"": "x"}},
    "group": {"GroupAdd": ["nosuch"]},
    "kernel memory": {"KernelMemory": 10_000_000},
    "volume driver": {"VolumeDriver": "foo"},
    "cpu realtime": {"CpuRealtimeRuntime": 1},
    "io maximum": {"IOMaximumIOps": 1},
    "cpu count": {"CpuCount": 1},
    "weight device": {"BlkioWeightDevice": [{"Path": "/dev/nosuch", "Weight": 100}]},
    "read bps": {"BlkioDeviceReadBps": [{"Path": "/dev/nosuch", "Rate": 100}]},
}

CASES = flat(
    BODIES,
    NAMES,
    case(
        "name taken",
        api("POST", "/containers/create", {"Image": "<image>"}, name="<c>"),
        api("POST", "/containers/create", {"Image": "<image>"}, name="<c>"),
        api("POST", "/containers/create", {"Image": "<image>"}, name="/<c>"),
    ),
    case(
        "name with slash",
        api("POST", "/containers/create", {"Image": "<image>"}, name="/<c>", save="i"),
        api("GET", "/containers/<c>/json"),
    ),
    made("plain", {}),
    made("platform", {}, platform="linux/amd64"),
    [
        made(f"platform {p}", {}, platform=p)
        for p in ("linux/s390x", "windows", "a/b/c/d", "linux", "foo", "l!nux/amd64")
    ],
    made(
        "much",
        {
            "Hostname": "host",
            "Domainname": "example.org",
            "User": "1:2",
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": True,
            "OpenStdin": True,
            "StdinOnce": True,
            "Env": ["A=1", "B=", "C"],
            "Cmd": ["a", "b c"],
            "Entrypoint": ["/e", "f"],
            "WorkingDir": "/w",
            "Labels": {"b": "1", "a": ""},
            "StopSignal": "SIGINT",
            "StopTimeout": 5,
            "Volumes": {"/v": {}},
            "Shell": ["/bin/x"],
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "OnBuild": ["RUN x"],
            "ArgsEscaped": True,
            "Healthcheck": {
                "Test": ["CMD", "x"],
                "Interval": 1_000_000_000,
                "Timeout": 2_000_000_000,
                "Retries": 3,
                "StartPeriod": 4_000_000_000,
                "StartInterval": 5_000_000_000,
            },
        },
    ),
    made("entrypoint string", {"Entrypoint": "/e", "Cmd": "x"}),
    made(
        "empty lists",
        {"Cmd": [], "Entrypoint": [], "Env": [], "Labels": {}, "Volumes": {}, "ExposedPorts": {}},
    ),
    made("entrypoint reset", {"Entrypoint": [""], "Cmd": ["x"]}),
    made("network disabled", {"NetworkDisabled": True}),
    made("mac address", {"MacAddress": "02:42:ac:11:00:42"}),
    [
        made(f"{k}={v}", {k: v})
        for k, v in (
            ("StopSignal", "SIGNOSUCH"),
            ("StopSignal", "0"),
            ("StopTimeout", -1),
            ("WorkingDir", "w"),
            ("Env", ["=x"]),
            ("Env", [""]),
            ("Hostname", "a b"),
            ("Domainname", "x!"),
            ("User", "a:b:c"),
            ("Labels", {"": "x"}),
            ("ExposedPorts", {"80": {}}),
            ("ExposedPorts", {"90-80/tcp": {}}),
            ("ExposedPorts", {"80/foo": {}}),
            ("ExposedPorts", {"8000-8002/tcp": {}}),
            ("Volumes", {"/": {}}),
            ("Volumes", {"v": {}}),
            ("MacAddress", "x"),
            ("Hostname", "h" * 70),
        )
    ],
    [
        made(f"health {h}", {"Healthcheck": h})
        for h in (
            {"Test": ["NONE"]},
            {"Test": ["CMD-SHELL", "x"], "Interval": 5},
            {"Test": ["CMD", "x"], "Retries": -1},
            {"Test": ["CMD", "x"], "Timeout": 1},
            {"Test": ["CMD", "x"], "StartPeriod": -1},
            {"Interval": 0},
            {"Test": ["CMD", "x"], "StartInterval": 1},
        )
    ],
    host(
        "resources",
        Memory=10_000_000,
        MemorySwap=20_000_000,
        MemoryReservation=8_000_000,
        CpuShares=512,
        CpuPeriod=50000,
        CpuQuota=20000,
        CpusetCpus="0",
        CpusetMems="0",
        PidsLimit=100,
        OomKillDisable=False,
        Ulimits=[{"Name": "nofile", "Soft": 10, "Hard": 20}],
        BlkioWeight=300,
        NanoCpus=0,
    ),
    host(
        "many",
        Privileged=True,
        PublishAllPorts=True,
        ReadonlyRootfs=True,
        AutoRemove=True,
        CapAdd=["NET_ADMIN"],
        CapDrop=["ALL"],
        Dns=["1.2.3.4"],
        DnsOptions=["ndots:2"],
        DnsSearch=["example.org"],
        ExtraHosts=["a:1.2.3.4"],
        GroupAdd=["10"],
        IpcMode="private",
        PidMode="host",
        UTSMode="host",
        ShmSize=1000000,
        Sysctls={"net.ipv4.ip_forward": "1"},
        Tmpfs={"/t": "size=1m"},
        SecurityOpt=["no-new-privileges"],
        OomScoreAdj=100,
        Init=True,
        Annotations={"a": "b"},
        LogConfig={"Type": "json-file", "Config": {"max-size": "1m"}},
        RestartPolicy={"Name": "no", "MaximumRetryCount": 0},
    ),
    host(
        "ports",
        PortBindings={
            "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostPort": "8081"}],
            "81": [{}],
            "82/udp": None,
            "83/tcp": [],
        },
    ),
    host(
        "devices",
        Devices=[
            {"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rw"}
        ],
        DeviceCgroupRules=["c 1:3 r"],
    ),
    host("restart", RestartPolicy={"Name": "on-failure", "MaximumRetryCount": 3}),
    host("network none", NetworkMode="none"),
    host("network host", NetworkMode="host"),
    host("network default", NetworkMode="default"),
    host("network nosuch", NetworkMode="nosuch"),
    host(
        "empty lists",
        Binds=[],
        CapAdd=[],
        Dns=[],
        DnsSearch=[],
        Links=[],
        Devices=[],
        Ulimits=[],
        PortBindings={},
        Mounts=[],
        SecurityOpt=[],
        Sysctls={},
        Tmpfs={},
        LogConfig={},
        MaskedPaths=[],
        ReadonlyPaths=[],
        BlkioWeightDevice=[],
        DeviceRequests=[],
    ),
    host("console size", ConsoleSize=[24, 80]),
    host("zero pids limit", PidsLimit=0),
    host("negative pids limit", PidsLimit=-1),
    [refused(name, **settings) for name, settings in REFUSED.items()],
    [
        case(
            f"version {version}",
            api(
                "POST",
                "/containers/create",
                {
                    "Image": "<image>",
                    "Cmd": ["true"],
                    "MacAddress": "02:42:ac:11:00:42",
                    "Healthcheck": {"Test": ["CMD", "x"], "StartInterval": 5_000_000_000},
                    "HostConfig": {
                        "AutoRemove": True,
                        "Annotations": {"a": "b"},
                        "ConsoleSize": [10, 20],
                        "PidsLimit": 50,
                        "KernelMemory": 10_000_000,
                        "VolumeDriver": "local",
                        "Mounts": [{"Type": "volume", "Source": "<v>", "Target": "/v"}],
                    },
                },
                name="<c>",
                version=f"v{version}",
            ),
            api("GET", "/containers/<c>/json", version=f"v{version}"),
            api("GET", "/containers/<c>/json"),
        )
        for version in VERSIONS
    ],
    [
        case(
            f"networks at {version}",
            *given(
                api("POST", "/networks/create", {"Name": "<n>"}),
                api("POST", "/networks/create", {"Name": "<m>"}),
            ),
            api(
                "POST",
                "/containers/create",
                {
                    "Image": "<image>",
                    "HostConfig": {"NetworkMode": "<n>"},
                    "NetworkingConfig": {
                        "EndpointsConfig": {
                            "<n>": {
                                "Aliases": ["x"],
                                "GwPriority": 5,
                                "MacAddress": "02:42:ac:11:00:43",
                                "DriverOpts": {"a": "b"},
                                "Links": [],
                            }
                        }
                    },
                },
                name="<c>",
                version=f"v{version}",
            ),
            api("GET", "/containers/<c>/json", version=f"v{version}"),
            api(
                "POST",
                "/containers/create",
                {
                    "Image": "<image>",
                    "HostConfig": {"NetworkMode": "<n>"},
                    "NetworkingConfig": {"EndpointsConfig": {"<n>": {}, "<m>": {}}},
                },
                name="<d>",
                version=f"v{version}",
            )
            if version > "1.43"
            else api(
                "POST",
                "/containers/create",
                {"Image": "<image>", "NetworkingConfig": {"EndpointsConfig": {"<n>": {}}}},
                name="<d>",
                version=f"v{version}",
            ),
            api("GET", "/containers/<d>/json", version=f"v{version}"),
        )
        for version in ("1.24", "1.43", "1.44", "1.47", "1.51")
    ],
    case(
        "endpoint of another network",
        *given(api("POST", "/networks/create", {"Name": "<n>"})),
        api(
            "POST",
            "/containers/create",
            {
                "Image": "<image>",
                "MacAddress": "02:42:ac:11:00:43",
                "NetworkingConfig": {"EndpointsConfig": {"<n>": {}}},
            },
            name="<c>",
        ),
        api(
            "POST",
            "/containers/create",
            {"Image": "<image>", "NetworkingConfig": {"EndpointsConfig": {"nosuch": {}}}},
            name="<d>",
        ),
        api("GET", "/containers/<d>/json"),
    ),
    case(
        "platform of old versions",
        api(
            "POST",
            "/containers/create",
            {"Image": "<image>"},
            name="<c>",
            platform="foo!",
            version="v1.40",
        ),
    ),
)


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
