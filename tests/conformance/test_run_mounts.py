"""docker run: binds, volumes, tmpfs, read-only roots."""

import json

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.images import docker_archive
from support.rootfs import busybox, directory, entry, tar


@pytest.fixture(scope="module")
def data_image(engine: Engine) -> str:
    """An image that declares a volume with content."""
    layer = tar(
        [
            directory("data", 0o750),
            entry("data/seed", b"seed\n", mode=0o640, uid=1000, gid=1001),
            directory("data/sub"),
        ]
    )
    name = "conformance-data:latest"
    archive = docker_archive([busybox(), layer], name, Volumes={"/data": {}})
    engine.ok("load", "-q", stdin=archive)
    return name


def test_a_bind_is_the_host_s_directory(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        (host.here / "in").write_text("from host")
        assert box.sh("cat /x/in; echo back > /x/out", "-v", f"{host.there}:/x") == "from host"
        assert (host.here / "out").read_text() == "back\n"


@pytest.mark.parametrize(
    "flags",
    [["-v", "{}:/x:ro"], ["--mount", "type=bind,src={},dst=/x,readonly"]],
    ids=["volume", "mount"],
)
def test_a_read_only_bind_refuses_writes(engine: Engine, box: Box, flags: list[str]) -> None:
    with engine.directory() as host:
        result = box.run(*(f.format(host.there) for f in flags), "--", "touch", "/x/f")
    assert (result.code, result.stderr) == (1, "touch: /x/f: Read-only file system\n")


def test_a_missing_bind_source_is_created_by_v(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        assert box.sh("ls -A /x | wc -l", "-v", f"{host.there}/a/b:/x") == "0"
        assert (host.here / "a/b").is_dir()


def test_a_missing_bind_source_is_refused_by_mount(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        result = box.run("--mount", f"type=bind,src={host.there}/no,dst=/x", "--", "true")
        assert not (host.here / "no").exists()
    assert result.code == 125
    assert (
        'Error response from daemon: invalid mount config for type "bind": '
        f"bind source path does not exist: {host.there}/no" in result.stderr
    )


def test_a_file_can_be_bound(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        (host.here / "f").write_text("content")
        assert box.sh("cat /etc/new /etc/group", "-v", f"{host.there}/f:/etc/new").startswith(
            "content"
        )
        assert box.sh("cat /etc/group", "-v", f"{host.there}/f:/etc/group") == "content"


def test_a_directory_over_a_file_is_refused(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        result = box.run("-v", f"{host.there}:/etc/passwd", "--", "true")
    assert result.code in (125, 126, 127)
    assert "ot a directory" in result.stderr


def test_inspect_shows_binds(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        name = box.create("-v", f"{host.there}:/x:ro,rslave")
        inspected = engine.inspect(name)
    assert inspected["HostConfig"]["Binds"] == [f"{host.there}:/x:ro,rslave"]
    assert inspected["Mounts"] == [
        {
            "Type": "bind",
            "Source": host.there,
            "Destination": "/x",
            "Mode": "ro,rslave",
            "RW": False,
            "Propagation": "rslave",
        }
    ]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["-v", "/x:relative"], "invalid volume specification: '/x:relative'"),
        (["-v", "/x:/y:nonsense"], "invalid mode: nonsense"),
        (["-v", "/x:/"], "invalid specification: destination can't be '/'"),
        (
            ["-v", "a b:/y"],
            'includes invalid characters for a local volume name, only "[a-zA-Z0-9]',
        ),
        (["-v", "/a:/y", "-v", "/b:/y"], "Duplicate mount point: /y"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_bad_mount_is_refused(engine: Engine, flags: list[str], text: str) -> None:
    result = engine.docker("create", *flags, BUSYBOX)
    assert (result.code, text in result.stderr) == (1, True), result


def test_a_named_volume_keeps_its_data(engine: Engine, box: Box) -> None:
    volume = box.volume()
    box.sh("echo kept > /v/f", "-v", f"{volume}:/v")
    assert box.sh("cat /w/f", "-v", f"{volume}:/w:ro") == "kept"
    assert engine.ok("volume", "inspect", "-f", "{{.Driver}} {{.Scope}}", volume) == "local local"


def test_a_fresh_volume_takes_what_the_image_has_there(
    engine: Engine, box: Box, data_image: str
) -> None:
    volume = box.volume()
    listing = "stat -c '%n %a %u %g' /data /data/seed; cat /data/seed"
    wanted = "/data 750 0 0\n/data/seed 640 1000 1001\nseed"
    assert box.sh(listing, "-v", f"{volume}:/data", image=data_image) == wanted
    box.sh("rm /data/seed; echo mine > /data/own", "-v", f"{volume}:/data", image=data_image)
    assert box.sh("ls /data", "-v", f"{volume}:/data", image=data_image) == "own\nsub"


def test_nocopy_leaves_a_volume_empty(engine: Engine, box: Box, data_image: str) -> None:
    volume = box.volume()
    assert box.sh("ls /data", "-v", f"{volume}:/data:nocopy", image=data_image) == ""


def test_an_anonymous_volume_lives_and_dies_with_rm(
    engine: Engine, box: Box, data_image: str
) -> None:
    name = box.create(image=data_image)
    (mount,) = engine.inspect(name)["Mounts"]
    assert mount["Type"] == "volume"
    assert len(mount["Name"]) == 64
    assert (mount["Destination"], mount["Driver"], mount["RW"]) == ("/data", "local", True)
    labels = engine.get(f"/volumes/{mount['Name']}")["Labels"]
    assert labels == {"com.docker.volume.anonymous": ""}
    engine.ok("rm", "-v", name)
    assert engine.api("GET", f"/volumes/{mount['Name']}").status == 404


def test_rm_without_v_keeps_an_anonymous_volume(engine: Engine, box: Box, data_image: str) -> None:
    name = box.create(image=data_image)
    (mount,) = engine.inspect(name)["Mounts"]
    engine.ok("rm", name)
    assert engine.api("GET", f"/volumes/{mount['Name']}").status == 200
    engine.ok("volume", "rm", mount["Name"])


def test_run_rm_removes_anonymous_volumes_but_no_named_ones(engine: Engine, box: Box) -> None:
    volume, name = box.volume(), box.name()
    engine.ok("run", "-d", "--name", name, "--rm", "-v", f"{volume}:/a", "-v", "/b", BUSYBOX, "cat")
    anonymous = engine.ok("volume", "ls", "-q", "-f", "dangling=true").split()
    engine.docker("wait", name)
    assert engine.api("GET", f"/volumes/{volume}").status == 200
    assert volume not in anonymous or len(volume) != 64


def test_volumes_from_shares_another_container_s_mounts(engine: Engine, box: Box) -> None:
    volume = box.volume()
    first = box.create("-v", f"{volume}:/shared")
    box.sh("echo x > /shared/f", "--volumes-from", first)
    result = box.run("--volumes-from", f"{first}:ro", "--", "touch", "/shared/g")
    assert result.stderr == "touch: /shared/g: Read-only file system\n"


def test_volume_subpath_mounts_a_part(engine: Engine, box: Box) -> None:
    volume = box.volume()
    box.sh("mkdir -p /v/a/b; echo deep > /v/a/b/f", "-v", f"{volume}:/v")
    mount = f"type=volume,src={volume},dst=/x,volume-subpath=a/b"
    assert box.sh("cat /x/f", "--mount", mount) == "deep"


def test_tmpfs_is_in_memory_with_its_options(box: Box) -> None:
    assert box.sh("mount | grep ' /t '", "--tmpfs", "/t:size=1m,mode=0700,uid=7") == (
        "tmpfs on /t type tmpfs (rw,nosuid,nodev,noexec,relatime,size=1024k,mode=700,uid=7)"
    )


def test_a_tmpfs_mount_takes_its_size(box: Box) -> None:
    mount = "type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=1770"
    assert "size=2048k,mode=1770" in box.sh("mount | grep ' /t '", "--mount", mount)


def test_a_read_only_root_has_writable_volumes_and_tmpfs(engine: Engine, box: Box) -> None:
    script = "echo > /x/f && echo > /t/f && echo > /dev/shm/f; touch /f 2>&1 || true"
    flags = ("--read-only", "-v", f"{box.volume()}:/x", "--tmpfs", "/t")
    assert box.sh(script, *flags) == "touch: /f: Read-only file system"


def test_nested_mounts_come_in_order(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        (host.here / "f").write_text("inner")
        flags = ("-v", f"{host.there}:/a/b", "-v", f"{box.volume()}:/a")
        assert box.sh("cat /a/b/f; ls /a", *flags) == "innerb"


def test_a_symlink_in_the_image_never_leads_a_mount_to_the_host(engine: Engine, box: Box) -> None:
    name = box.create(
        "-v", f"{box.volume()}:/link/inside", "--", "sh", "-c", "cat /link/inside/x; ls /"
    )
    with engine.directory() as host:
        (host.here / "link").symlink_to("/tmp")
        engine.ok("cp", f"{host.here}/link", f"{name}:/link")
    engine.docker("start", "-a", name)
    assert engine.inspect(name)["State"]["ExitCode"] == 0


def test_mounts_of_volumes_are_listed(engine: Engine, box: Box) -> None:
    volume = box.volume()
    name = box.create("-v", f"{volume}:/v:ro")
    (mount,) = json.loads(engine.ok("inspect", "-f", "{{json .Mounts}}", name))
    source = engine.get(f"/volumes/{volume}")["Mountpoint"]
    assert mount == {
        "Type": "volume",
        "Name": volume,
        "Source": source,
        "Destination": "/v",
        "Driver": "local",
        "Mode": "ro",
        "RW": False,
        "Propagation": "",
    }


def test_who_borrows_an_anonymous_volume_last_removes_it(engine: Engine, box: Box) -> None:
    volume = box.volume()
    owner = box.ended("-v", f"{volume}:/named", "-v", "/anonymous", "--", "true")
    mounts = {each["Destination"]: each["Name"] for each in engine.inspect(owner)["Mounts"]}
    borrower = box.ended("--volumes-from", owner, "--", "true")
    another = box.ended("--volumes-from", owner, "--", "true")
    engine.ok("rm", "-v", another)
    assert engine.api("GET", f"/volumes/{mounts['/anonymous']}").status == 200
    engine.ok("rm", owner)
    engine.ok("rm", "-v", borrower)
    assert engine.api("GET", f"/volumes/{mounts['/anonymous']}").status == 404
    assert engine.api("GET", f"/volumes/{volume}").status == 200
