"""What is asked of an engine about mounts, case by case; the answers of Docker are kept in tests/golden.

A case is a container to create and start, through the raw API; `{dir}` is a directory of the engine's
host with the files of `FILES`, `{p}` a prefix of this run's volumes and containers.
"""

from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]
SHOW = "grep -E ' (/x|/y)' /proc/self/mountinfo | cut -d' ' -f5,6,7 | sed 's/ master:[0-9]*/ master/;s/ shared:[0-9]*/ shared/'"
TMPFS_OPTIONS: tuple[JSON, ...] = (
    {},
    {"SizeBytes": 1 << 20},
    {"SizeBytes": 4097},
    {"SizeBytes": -1},
    {"SizeBytes": 1 << 31},
    {"Mode": 0o1777},
    {"Mode": 0o700},
    {"Mode": -1},
    {"Options": [["noexec"]]},
    {"Options": [["exec"]]},
    {"Options": [["uid", "3"]]},
    {"Options": [["size", "3"]]},
    {"Options": []},
    {"Options": [["noexec", "a"]]},
    {"Options": [[]]},
    {"Options": [["a", "b", "c"]]},
)


@dataclass(frozen=True)
class Case:
    """One container; `script` is what it runs, None when it is only created."""

    name: str
    host: JSON = field(default_factory=dict)
    config: JSON = field(default_factory=dict)
    script: str | None = None
    version: str = "v1.51"


def bind(mode: str = "", **extra: Any) -> JSON:
    return {"Binds": ["{dir}:/x" + mode], **extra}


def mount(kind: str, target: str = "/x", source: str | None = None, /, **extra: Any) -> JSON:
    asked: JSON = {"Type": kind, "Target": target, **extra}
    if source is not None:
        asked["Source"] = source
    return {"Mounts": [asked]}


def _binds() -> list[Case]:
    modes = (
        *("ro", "rw", "z", "Z", "ro,z", "private", "rprivate", "shared", "rshared", "slave"),
        *("rslave", "nocopy", "ro,rw", "ro,ro", "z,Z", "cached", "delegated,ro", "consistent"),
        *("bad", "", "ro,", ",", "RO", "rro", "shared,slave", "volume-nocopy", "noexec", "exec"),
    )
    return [
        *(Case(f"bind mode {mode}", bind(f":{mode}"), script=SHOW) for mode in modes),
        *(
            Case(f"volume mode {mode}", {"Binds": [f"{{p}}-v:/x:{mode}"]}, script=SHOW)
            for mode in modes
        ),
    ]


def _bind_spellings() -> list[Case]:
    texts = (
        *("/x", "x", "", ":", ":/x", "a:", "/a:", "{dir}", "{dir}:", "{dir}:x", "{dir}:./x"),
        *("{dir}:/", "{dir}:/.", "{dir}://", "{dir}:/x/../", "{dir}:/x/", "{dir}:/x/../y"),
        *("{dir}:/x:ro:z", "{dir}:/x:ro:z:q", "{dir}:ro", "/x:ro", "./a:/x", "../a:/x"),
        *("~/a:/x", "a/b:/x", "a:/x", "-ab:/x", ".ab:/x", "{p}-ab:/x", "{p}_a.b:/x", "{p} a:/x"),
        *("{dir}/./:/x", "{dir}/f:/x", "{dir}/link:/x", "{dir}/dangling:/x", "{dir}/f/no:/x"),
        *("{dir}/new/er:/x", "{dir}:/x:/y", "{p}-v:/x/./y//z", "C:\\a:/x", "{dir}:\\x", "{p}-é:/x"),
        *("{dir}:/proc", "{dir}:/proc/x", "{dir}:/proc/sys", "{dir}:/sys", "{dir}:/sys/x"),
        *("{dir}/f:/proc/cpuinfo", "{dir}/f:/proc/uptime", "{dir}:/dev", "{dir}:/dev/pts"),
        *("{dir}:/dev/shm", "{dir}/f:/etc/hosts", "{dir}/f:/etc/passwd", "{dir}:/etc/passwd"),
        *(
            "{dir}/f:/etc",
            "{dir}/f:/new/file",
            "/dev/null:/x",
            "/proc:/x",
            "/:/x:ro",
            "{dir}/f:/dev/null",
        ),
        *(
            "{dir}:/sys/fs/cgroup",
            "{dir}:/tmp/../x",
            "{dir}/f:/.dockerenv",
            "{dir}/sock:/x",
            "{dir}:/link/x",
        ),
    )
    return [
        *(Case(f"bind {text!r}", {"Binds": [text]}, script="true") for text in texts),
        Case("same bind twice", {"Binds": ["{dir}:/x", "{dir}:/x"]}),
        Case("same target twice", {"Binds": ["{dir}:/x", "{p}-v:/x"]}),
        Case("same target twice, spelled otherwise", {"Binds": ["{dir}:/x", "{p}-v:/x/"]}),
        Case("bind and tmpfs", {"Binds": ["{dir}:/x"], "Tmpfs": {"/x": ""}}),
        Case("bind and mount", {**bind(), **mount("tmpfs")}),
        Case("mount and tmpfs", {**mount("volume", "/x", "{p}-v"), "Tmpfs": {"/x": ""}}),
        Case("mount of tmpfs and tmpfs", {**mount("tmpfs"), "Tmpfs": {"/x": ""}}),
        Case("two mounts", {"Mounts": mount("tmpfs")["Mounts"] * 2}),
        Case("bind and image volume", bind(), {"Volumes": {"/x": {}}}, "ls /x"),
        Case("bind and volume spelled otherwise", bind(), {"Volumes": {"/x/": {}}}, "ls /x"),
        Case("tmpfs and volume", {"Tmpfs": {"/x": ""}}, {"Volumes": {"/x": {}}}, SHOW),
        Case("a volume driver for binds", {"Binds": ["{p}-w:/x"], "VolumeDriver": "local"}),
        Case("an unknown volume driver", {"Binds": ["{p}-u:/x"], "VolumeDriver": "nope"}),
        Case("an unknown driver for anonymous", {"VolumeDriver": "nope"}, {"Volumes": {"/x": {}}}),
        Case("an unknown driver for a path", bind(VolumeDriver="nope")),
    ]


def _volumes() -> list[Case]:
    paths = (
        "/x",
        "/x/",
        "x",
        "",
        "/",
        "/x/../y",
        "/x:ro",
        "{dir}:/x",
        ":",
        "/proc/x",
        "/etc/hosts",
        "/etc/passwd",
    )
    return [
        *(Case(f"volume {path!r}", {}, {"Volumes": {path: {}}}, "ls -d /x") for path in paths),
        Case(
            "nested",
            {"Binds": ["{dir}:/x", "{p}-v:/x/sub", "{dir}/f:/x/sub/f"]},
            {},
            SHOW + "; cat /x/sub/f",
        ),
        Case("nested, listed backwards", {"Binds": ["{p}-v:/x/sub", "{dir}:/x"]}, {}, SHOW),
        Case("nested in tmpfs", {**mount("tmpfs"), "Binds": ["{dir}:/x/a/b"]}, {}, SHOW),
        Case("nested --tmpfs", {"Binds": ["{dir}:/x"], "Tmpfs": {"/x/sub": ""}}, {}, SHOW),
        Case(
            "read-only root",
            bind(ReadonlyRootfs=True),
            {"Volumes": {"/y": {}}},
            "touch /x/t /y/t && ! touch /t",
        ),
    ]


def _mounts() -> list[Case]:
    v = "{p}-v"
    return [
        Case("no type", {"Mounts": [{"Target": "/x"}]}),
        Case("unknown type", mount("foo")),
        Case("npipe", mount("npipe", "/x", "\\\\.\\pipe\\a")),
        Case("cluster", mount("cluster", "/x", "a")),
        Case("cluster without source", mount("cluster", "/x")),
        Case("upper case", mount("BIND", "/x", "{dir}")),
        Case("no target", {"Mounts": [{"Type": "volume"}]}),
        *(
            Case(f"{k} relative target", mount(k, "x", s))
            for k, s in (("bind", "{dir}"), ("volume", v), ("tmpfs", None), ("image", "{image}"))
        ),
        *(
            Case(f"{k} at root", mount(k, "/", s))
            for k, s in (("bind", "{dir}"), ("volume", v), ("tmpfs", None), ("image", "{image}"))
        ),
        *(
            Case(f"{k} at /x/..", mount(k, "/x/..", s))
            for k, s in (("bind", "{dir}"), ("volume", v), ("tmpfs", None))
        ),
        *(Case(f"{k} without source", mount(k)) for k in ("bind", "volume", "tmpfs", "image")),
        *(
            Case(f"{k} empty source", mount(k, "/x", ""))
            for k in ("bind", "volume", "tmpfs", "image")
        ),
        *(
            Case(f"{k} consistency", mount(k, "/x", s, Consistency="cached"))
            for k, s in (("bind", "{dir}"), ("volume", v), ("tmpfs", None))
        ),
        Case("consistency unknown", mount("bind", "/x", "{dir}", Consistency="foo")),
        Case("bind missing", mount("bind", "/x", "{dir}/missing"), script="true"),
        Case("bind relative source", mount("bind", "/x", "a")),
        Case(
            "bind create",
            mount("bind", "/x", "{dir}/made", BindOptions={"CreateMountpoint": True}),
            script=SHOW,
        ),
        Case("bind file", mount("bind", "/x", "{dir}/f"), script="cat /x"),
        Case("bind ro", mount("bind", "/x", "{dir}", ReadOnly=True), script=SHOW),
        *(
            Case(
                f"bind propagation {p}",
                mount("bind", "/x", "{dir}", BindOptions={"Propagation": p}),
                script=SHOW,
            )
            for p in (
                "",
                "private",
                "rprivate",
                "shared",
                "rshared",
                "slave",
                "rslave",
                "foo",
                "RSHARED",
                "unbindable",
            )
        ),
        *(
            Case(
                f"bind {options} ro={ro} {version}",
                mount("bind", "/x", "{dir}", BindOptions=dict.fromkeys(options, True), ReadOnly=ro),
                script=SHOW,
                version=version,
            )
            for version in ("v1.51", "v1.43", "v1.40", "v1.39")
            for options in (
                ("NonRecursive",),
                ("ReadOnlyNonRecursive",),
                ("ReadOnlyForceRecursive",),
            )
            for ro in (True, False)
        ),
        Case(
            "both read-only rules",
            mount(
                "bind",
                "/x",
                "{dir}",
                BindOptions={"ReadOnlyNonRecursive": True, "ReadOnlyForceRecursive": True},
                ReadOnly=True,
            ),
        ),
        Case(
            "force and non-recursive",
            mount(
                "bind",
                "/x",
                "{dir}",
                BindOptions={
                    "NonRecursive": True,
                    "ReadOnlyForceRecursive": True,
                    "Propagation": "rprivate",
                },
                ReadOnly=True,
            ),
        ),
        Case(
            "writable and non-recursive",
            mount(
                "bind",
                "/x",
                "{dir}",
                BindOptions={"NonRecursive": True, "ReadOnlyNonRecursive": True},
                ReadOnly=True,
            ),
        ),
        Case(
            "force and shared",
            mount(
                "bind",
                "/x",
                "{dir}",
                BindOptions={"Propagation": "shared", "ReadOnlyForceRecursive": True},
                ReadOnly=True,
            ),
            script=SHOW,
        ),
        Case(
            "force and rprivate",
            mount(
                "bind",
                "/x",
                "{dir}",
                BindOptions={"Propagation": "rprivate", "ReadOnlyForceRecursive": True},
                ReadOnly=True,
            ),
            script=SHOW,
        ),
        *(
            Case(f"{options} on {k}", mount(k, "/x", s, **{options: {}}))
            for k, s in (("bind", "{dir}"), ("volume", v), ("tmpfs", None), ("image", "{image}"))
            for options in (
                "BindOptions",
                "VolumeOptions",
                "TmpfsOptions",
                "ImageOptions",
                "ClusterOptions",
            )
        ),
    ]


def _volume_mounts() -> list[Case]:
    v = "{p}-v"
    return [
        Case("named", mount("volume", "/x", v), script=SHOW),
        Case("named ro", mount("volume", "/x", v, ReadOnly=True), script=SHOW),
        Case("anonymous", mount("volume"), script=SHOW),
        Case("anonymous ro", mount("volume", ReadOnly=True)),
        Case("bad name", mount("volume", "/x", "/abs")),
        Case("bad name 2", mount("volume", "/x", "a b")),
        Case("short name", mount("volume", "/x", "a")),
        Case("no copy", mount("volume", "/bin", v, VolumeOptions={"NoCopy": True})),
        Case("labels", mount("volume", "/x", "{p}-l", VolumeOptions={"Labels": {"a": "b"}})),
        Case(
            "driver",
            mount("volume", "/x", "{p}-d", VolumeOptions={"DriverConfig": {"Name": "local"}}),
        ),
        Case(
            "driver options",
            mount(
                "volume",
                "/x",
                "{p}-o",
                VolumeOptions={
                    "DriverConfig": {
                        "Name": "local",
                        "Options": {"type": "tmpfs", "device": "tmpfs"},
                    }
                },
            ),
            script=SHOW,
        ),
        Case(
            "driver options without name",
            mount(
                "volume",
                "/x",
                "{p}-o2",
                VolumeOptions={"DriverConfig": {"Options": {"type": "tmpfs", "device": "tmpfs"}}},
            ),
            script=SHOW,
        ),
        Case(
            "unknown driver",
            mount("volume", "/x", "{p}-q", VolumeOptions={"DriverConfig": {"Name": "nope"}}),
        ),
        Case(
            "bad driver option",
            mount(
                "volume",
                "/x",
                "{p}-q",
                VolumeOptions={"DriverConfig": {"Name": "local", "Options": {"a": "b"}}},
            ),
        ),
        Case(
            "anonymous with options",
            mount(
                "volume",
                VolumeOptions={
                    "DriverConfig": {
                        "Name": "local",
                        "Options": {"type": "tmpfs", "device": "tmpfs"},
                    }
                },
            ),
            script=SHOW,
        ),
        *(
            Case(
                f"subpath {s}",
                mount("volume", "/x", "{p}-full", VolumeOptions={"Subpath": s}),
                script="ls -d /x; ls /x",
            )
            for s in (
                "sub",
                "sub/",
                "./sub",
                "sub/..",
                "..",
                "../x",
                "/sub",
                "sub/../../x",
                "f",
                "missing",
                "a/missing",
                ".",
                "link",
                "escape",
                "sub/f/x",
            )
        ),
        Case(
            "subpath ro",
            mount("volume", "/x", "{p}-full", VolumeOptions={"Subpath": "sub"}, ReadOnly=True),
            script=SHOW,
        ),
        Case("subpath anonymous", mount("volume", VolumeOptions={"Subpath": "sub"})),
        Case("volume over file", mount("volume", "/etc/passwd", v), script="true"),
        Case(
            "subpath old api",
            mount("volume", "/x", "{p}-full", VolumeOptions={"Subpath": "sub"}),
            version="v1.44",
        ),
        *(
            Case(
                f"tmpfs {options}",
                mount("tmpfs", TmpfsOptions=options),
                script="grep ' /x ' /proc/mounts | cut -d, -f1-9; stat -c %a /x",
            )
            for options in TMPFS_OPTIONS
        ),
        Case("tmpfs ro", mount("tmpfs", ReadOnly=True), script=SHOW),
        Case(
            "tmpfs options old api",
            mount("tmpfs", TmpfsOptions={"Options": [["exec"]]}),
            version="v1.45",
        ),
        Case("tmpfs with source", mount("tmpfs", "/x", "a")),
        *(
            Case(
                f"--tmpfs {p}:{o}",
                {"Tmpfs": {p: o}},
                script="grep ' /x ' /proc/mounts | cut -d, -f1-9; stat -c %a /x",
            )
            for p, o in (
                ("/x", ""),
                ("/x", "ro"),
                ("/x", "rw,exec,suid,dev"),
                ("/x", "size=1m,mode=700"),
                ("/x", "size=1g,nr_inodes=10"),
                ("/x", "foo"),
                ("/x", "size"),
                ("/x", "bind"),
                ("/x", "shared"),
                ("/x", "uid=5,gid=6"),
                ("x", ""),
                ("", ""),
                ("/", ""),
                ("/x/", ""),
                ("/x/../x", "noatime"),
                ("/x", "size=64k,size=128k"),
                ("/x", "rro"),
                ("/x", "mode=755,"),
                ("/x", "tmpcopyup"),
                ("/x", "relatime"),
                ("/x", "defaults"),
                ("/etc", ""),
                ("/x", "size=-1"),
            )
        ),
    ]


def _from() -> list[Case]:
    texts = (
        "{p}-from",
        "{p}-from:ro",
        "{p}-from:rw",
        "{p}-from:z",
        "{p}-from:nocopy",
        "{p}-from:bad",
        "{p}-from:shared",
        "{p}-from:",
        "",
        ":",
        ":ro",
        "{p}-nope",
        "{p}-from:ro,z",
        "{p}-from:ro:rw",
        "container:{p}-from",
        "{p}-from:ro,rw",
        "/{p}-from",
        "{p}-chain",
        "{p}-chain:rw",
    )
    return [
        *(
            Case(
                f"from {t!r}",
                {"VolumesFrom": [t]},
                script="ls -d /v /w /ro; cat /w/f; touch /v/t; touch /ro/t",
            )
            for t in texts
        ),
        Case("from two", {"VolumesFrom": ["{p}-from", "{p}-from2"]}, script="ls /v"),
        Case("from and bind", {"VolumesFrom": ["{p}-from"], "Binds": ["{dir}:/v"]}, script="ls /v"),
        Case(
            "from and mount", {"VolumesFrom": ["{p}-from"], **mount("tmpfs", "/v")}, script="ls /v"
        ),
        Case("from and volume", {"VolumesFrom": ["{p}-from"]}, {"Volumes": {"/v": {}}}, "ls /v"),
        Case("from and tmpfs", {"VolumesFrom": ["{p}-from"], "Tmpfs": {"/v": ""}}, script="ls /v"),
        Case(
            "from with tmpfs", {"VolumesFrom": ["{p}-tmpfs"]}, script="grep -c ' /t' /proc/mounts"
        ),
    ]


def _image() -> list[Case]:
    i = "{image}"
    return [
        Case(
            "image",
            mount("image", "/x", i),
            script="ls /x; touch /x/y; grep ' /x ' /proc/mounts | cut -d' ' -f1,2,3",
        ),
        Case("image ro", mount("image", "/x", i, ReadOnly=True), script="ls /x"),
        Case("image by id", mount("image", "/x", "{image_id}"), script="ls /x"),
        Case("image missing", mount("image", "/x", "nope"), script="ls /x"),
        Case("image bad name", mount("image", "/x", "NOPE:::"), script="ls /x"),
        Case("image old api", mount("image", "/x", i), version="v1.47"),
        *(
            Case(
                f"image subpath {s}",
                mount("image", "/x", i, ImageOptions={"Subpath": s}),
                script="ls -d /x; ls /x",
            )
            for s in (
                "data",
                "data/",
                "data/seed",
                "..",
                "/data",
                "missing",
                "",
                "abs",
                "out",
                "data/..",
                "loop",
            )
        ),
        Case(
            "image and volume",
            {**mount("image", "/x", i), "Binds": ["{p}-v:/x/data"]},
            script="ls /x/data",
        ),
        Case(
            "image twice",
            {"Mounts": mount("image", "/x", i)["Mounts"] + mount("image", "/y", i)["Mounts"]},
            script="ls /x /y",
        ),
        Case(
            "copy up",
            {"Binds": ["{p}-cu:/data"]},
            {"Image": i},
            "ls -la /data | awk '{print $1,$3,$4,$5,$9}' | grep -v ' \\.\\.'; stat -c '%a %u %g' /data",
        ),
        Case(
            "copy up anonymous",
            {},
            {"Image": i, "Volumes": {"/data": {}}},
            "ls /data; stat -c '%a %u %g' /data",
        ),
        Case(
            "copy up through a link",
            {"Binds": ["{p}-cul:/abs"]},
            {"Image": i},
            "ls /abs/; ls /data",
        ),
        Case(
            "no copy up",
            {"Binds": ["{p}-cun:/data:nocopy"]},
            {"Image": i},
            "ls /data; stat -c '%a %u %g' /data",
        ),
        Case(
            "no copy up into used",
            {"Binds": ["{p}-full:/data"]},
            {"Image": i},
            "ls /data; stat -c '%a %u %g' /data",
        ),
        Case(
            "copy up, subpath",
            mount("volume", "/data", "{p}-full", VolumeOptions={"Subpath": "empty"}),
            {"Image": i},
            "ls /data; stat -c '%a %u %g' /data",
        ),
        Case(
            "copy up of nested",
            {"Binds": ["{p}-c1:/data", "{p}-c2:/data/sub"]},
            {"Image": i},
            "find /data | sort",
        ),
        Case(
            "bind over a link",
            {"Binds": ["{dir}:/abs"]},
            {"Image": i},
            "ls /data; cat /proc/mounts | grep -c ' /data '",
        ),
        Case("bind over a link out", {"Binds": ["{dir}:/out/x"]}, {"Image": i}, "ls /out/x"),
        Case(
            "bind below a dangling link",
            {"Binds": ["{dir}:/dangling/x"]},
            {"Image": i},
            "ls /dangling/x",
        ),
        Case("bind over a loop", {"Binds": ["{dir}:/loop/x"]}, {"Image": i}, "ls /loop"),
        Case("workdir through a link", {}, {"Image": i, "WorkingDir": "/out/w"}, "pwd"),
        Case("bind below a file", {"Binds": ["{dir}:/data/seed/x"]}, {"Image": i}, "ls /data"),
    ]


CASES = (
    *_binds(),
    *_bind_spellings(),
    *_volumes(),
    *_mounts(),
    *_volume_mounts(),
    *_from(),
    *_image(),
)
