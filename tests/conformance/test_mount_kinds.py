"""Images, mapped owners, propagation and block devices as mounts; what the host forbids stays forbidden."""

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import EXTERNAL
from support.box import BUSYBOX, FOREVER, Box
from support.engine import Engine
from support.images import docker_archive
from support.rootfs import busybox, directory, entry, symlink, tar

ours = pytest.mark.skipif(bool(EXTERNAL), reason="Boxship's own")
here = pytest.mark.skipif(bool(EXTERNAL), reason="mounts on the engine's host")


@pytest.fixture
def data(engine: Engine, box: Box) -> str:
    """An image with files."""
    name = box.image()
    layer = tar([directory("data"), entry("data/seed", b"seed\n"), directory("data/sub")])
    engine.ok("load", "-q", stdin=docker_archive([busybox(), layer], name))
    return name


def test_an_image_is_mounted_read_only(engine: Engine, box: Box, data: str) -> None:
    mount = f"type=image,src={data},dst=/x"
    result = box.run("--mount", mount, "--", "sh", "-c", "cat /x/data/seed; touch /x/new")
    assert result.stdout == "seed\n"
    assert "WARNING: Image mount is an experimental feature" in result.stderr
    assert "touch: /x/new: Read-only file system" in result.stderr
    assert box.sh("ls /x", "--mount", f"{mount},image-subpath=data") == "seed\nsub"
    assert box.sh("cat /x", "--mount", f"{mount},image-subpath=data/seed") == "seed"


def test_a_mounted_image_is_in_use(engine: Engine, box: Box, data: str) -> None:
    name = box.start("--mount", f"type=image,src={data},dst=/x")
    (point,) = engine.inspect(name)["Mounts"]
    assert (point["Type"], point["Name"], point["RW"]) == ("image", data, False)
    short = engine.inspect(name)["Id"][:12]
    told = engine.fails("rmi", data)
    assert (
        f'unable to remove repository reference "{data}" (must force) - container {short}' in told
    )
    engine.ok("restart", "-t", "0", name)
    assert engine.ok("exec", name, "cat", "/x/data/seed") == "seed"
    assert engine.ok("cp", f"{name}:/x/data/seed", "-")
    told = engine.fails("cp", "-", f"{name}:/x/data", stdin=tar([entry("new", b"")]))
    assert "mounted volume is marked read-only" in told
    engine.ok("rm", "-f", name)
    engine.ok("rmi", data)


def test_an_image_that_is_not_there_is_refused(engine: Engine) -> None:
    mount = {"Type": "image", "Source": "nope", "Target": "/x"}
    body = {"Image": BUSYBOX, "HostConfig": {"Mounts": [mount]}}
    reply = engine.post("/containers/create", body)
    assert reply.error == (404, "No such image: nope:latest")


def test_a_file_can_be_bound_read_only(engine: Engine, box: Box) -> None:
    """crun 1.8 fails to make a file read-only recursively."""
    with engine.directory() as host:
        (host.here / "f").write_text("content")
        script = "cat /x; ! echo more > /x"
        assert box.sh(script, "-v", f"{host.there}/f:/x:ro") == "content"


@contextlib.contextmanager
def mounted(path: Path, *options: str) -> Iterator[None]:
    subprocess.run(["mount", *options, str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@here
def test_what_the_host_s_mount_forbids_stays_forbidden(engine: Engine, box: Box) -> None:
    """crun forgets the flags of what it binds."""
    with (
        engine.directory() as host,
        mounted(host.here, "-t", "tmpfs", "-o", "ro,nosuid,noexec", "tmpfs"),
    ):
        script = "grep ' /x ' /proc/mounts; ! touch /x/new"
        line = box.sh(script, "-v", f"{host.there}:/x")
        assert {"ro", "nosuid", "noexec"} <= set(line.split()[3].split(","))


@here
@pytest.mark.parametrize(
    ("mode", "seen", "back"),
    [("rprivate", False, False), ("rslave", True, False), ("rshared", True, True)],
)
def test_propagation(engine: Engine, box: Box, mode: str, seen: bool, back: bool) -> None:
    with engine.directory() as host, mounted(host.here, "-t", "tmpfs", "tmpfs"):
        subprocess.run(["mount", "--make-shared", str(host.here)], check=True)
        for name in ("late", "own"):
            (host.here / name).mkdir()
        name = box.start("--privileged", "-v", f"{host.there}:/x:{mode}")
        with mounted(host.here / "late", "-t", "tmpfs", "tmpfs"):
            inside = engine.docker("exec", name, "grep", "-c", " /x/late ", "/proc/mounts")
            assert inside.stdout == ("1\n" if seen else "0\n")
        engine.ok("exec", name, "mount", "-t", "tmpfs", "tmpfs", "/x/own")
        outside = f" {host.here}/own " in Path("/proc/self/mountinfo").read_text()
        assert outside is back
        engine.ok("rm", "-f", name)
        if back:
            subprocess.run(["umount", str(host.here / "own")], check=True)


@here
def test_what_the_host_mounts_in_a_volume_later_is_seen(engine: Engine, box: Box) -> None:
    with engine.directory() as host, mounted(host.here, "-t", "tmpfs", "tmpfs"):
        subprocess.run(["mount", "--make-shared", str(host.here)], check=True)
        (host.here / "late").mkdir()
        volume = box.volume()
        options = ("-o", "type=none", "-o", "o=bind", "-o", f"device={host.there}")
        engine.ok("volume", "create", *options, volume)
        name = box.start("-v", f"{volume}:/x")
        with mounted(host.here / "late", "-t", "tmpfs", "tmpfs"):
            assert engine.ok("exec", name, "grep", "-c", " /x/late ", "/proc/mounts") == "1"
        engine.ok("rm", "-f", name)


@here
def test_a_block_device_is_a_volume(engine: Engine, box: Box, tmp_path: Path) -> None:
    if not (shutil.which("mkfs.ext4") and shutil.which("losetup")):
        pytest.skip("needs mkfs.ext4 and losetup")
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    found = subprocess.run(
        ["losetup", "--find", "--show", str(disk)], capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.skip("no loop devices here")
    device = found.stdout.strip()
    try:
        volume = box.volume()
        engine.ok("volume", "create", "-o", "type=ext4", "-o", f"device={device}", volume)
        line = box.sh("grep ' /x ' /proc/mounts; echo kept > /x/f", "-v", f"{volume}:/x")
        assert line.startswith(f"{device} /x ext4 ")
        assert device not in Path("/proc/mounts").read_text()
        assert box.sh("cat /x/f", "-v", f"{volume}:/x") == "kept"
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


@ours
def test_owners_are_mapped(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        (host.here / "f").write_text("")
        for path in (host.here, host.here / "f"):
            shutil.chown(path, 1000, 1001)
        script = "stat -c '%u %g' /x /x/f; touch /x/new; stat -c '%u %g' /x/new"
        flags = ("-u", "0:0", "-v", f"{host.there}:/x:uid=0,gid=0")
        assert box.sh(script, *flags).splitlines() == ["0 0", "0 0", "0 0"]
        made = (host.here / "new").stat()
        assert (made.st_uid, made.st_gid) == (1000, 1001)
        mode = "ro,idmap=uids=1000-7-1;gids=1001-8-1"
        assert box.sh("stat -c '%u %g' /x/f", "-v", f"{host.there}:/x:{mode}") == "7 8"
        name = box.create("-v", f"{host.there}:/x:uid=5")
        assert engine.inspect(name)["HostConfig"]["Binds"] == [f"{host.there}:/x:uid=5"]


@ours
def test_owners_of_what_cannot_be_mapped(engine: Engine, box: Box) -> None:
    result = box.run("-v", "/proc/sys:/x:uid=5", "--", "true")
    assert result.code == 125
    assert "cannot map owners of /proc/sys: " in result.stderr


def test_a_folder_made_to_mount_upon_is_as_docker_s(engine: Engine, box: Box) -> None:
    name = box.ended("-v", f"{box.volume()}:/new/deep", "--tmpfs", "/memory", "--", "true")
    exported = engine.output("export", name)
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        modes = {member.name: member.mode for member in archive}
    assert [modes[path] for path in ("new", "new/deep", "memory")] == [0o755] * 3


def test_a_new_volume_takes_links_and_attributes(engine: Engine, box: Box) -> None:
    link = symlink("data/link", "seed")
    seed, content = entry("data/seed", b"seed\n", mode=0o4640, uid=7, gid=8)
    seed.pax_headers = {"SCHILY.xattr.user.note": "kept"}
    hard = entry("data/hard", kind=tarfile.LNKTYPE, link="data/seed", mode=0o4640, uid=7, gid=8)
    data = (directory("data", 0o1770), (seed, content), link, hard)
    name = box.image()
    engine.ok("load", "-q", stdin=docker_archive([busybox(), tar(data)], name))
    volume = box.volume()
    script = "stat -c '%a %u %g %h %N' /data/seed /data/link; stat -c '%a' /data"
    shown = box.sh(script, "-v", f"{volume}:/data", image=name)
    assert shown.splitlines() == [
        "4640 7 8 2 /data/seed",
        "777 0 0 1 '/data/link' -> 'seed'",
        "1770",
    ]
    if not engine.shared:
        mountpoint = Path(engine.get(f"/volumes/{volume}")["Mountpoint"])
        if mountpoint.exists():
            assert os.getxattr(mountpoint / "seed", "user.note") == b"kept"


def test_a_volume_keeps_what_it_has_when_mounted_twice(engine: Engine, box: Box) -> None:
    """Mounted once for all containers, and unmounted with the last."""
    volume = box.volume()
    engine.ok("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", volume)
    one = box.start("-v", f"{volume}:/x", "--", *FOREVER)
    engine.ok("exec", one, "touch", "/x/f")
    assert box.sh("ls /x", "-v", f"{volume}:/x") == "f"
    engine.ok("rm", "-f", one)
    assert box.sh("ls /x", "-v", f"{volume}:/x") == ""
