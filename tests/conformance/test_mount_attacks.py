"""Exploits of other engines' history, tried on ours: mounts, copies and paths that a container steers."""

import contextlib
import io
import json
import lzma
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.box import BUSYBOX, FOREVER, Box
from support.engine import Engine, HostDirectory
from support.exchange import exchanging
from support.images import docker_archive
from support.rootfs import busybox, directory, entry, symlink, tar

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


@pytest.fixture
def secret(engine: Engine) -> Iterator[HostDirectory]:
    """A directory of the host that no container may reach."""
    with engine.directory() as host:
        (host.here / "secret").write_text("of the host")
        yield host
        assert sorted(path.name for path in host.here.iterdir()) == ["secret"]
        mounts = Path("/proc/self/mountinfo").read_text()
        assert f" {host.here}" not in mounts


@pytest.fixture
def trap(engine: Engine, secret: HostDirectory) -> Iterator[HostDirectory]:
    """A directory where `sub` is now a folder with a file, now a symlink to the host's secret."""
    if engine.shared:
        pytest.skip("the attacker must act on the engine's host")
    with engine.directory() as host:
        (host.here / "sub").mkdir()
        (host.here / "sub" / "inside").write_text("of the container")
        (host.here / "swap").symlink_to(secret.there)
        with exchanging(host.here / "sub", host.here / "swap"):
            yield host


def image(engine: Engine, box: Box, *members: Any, **settings: Any) -> str:
    name = box.image()
    engine.ok("load", "-q", stdin=docker_archive([busybox(), tar(members)], name, **settings))
    return name


def volume_at(engine: Engine, box: Box, path: str) -> str:
    volume = box.volume()
    options = ("-o", "type=none", "-o", f"device={path}", "-o", "o=bind")
    engine.ok("volume", "create", *options, volume)
    return volume


def test_a_part_of_a_volume_is_never_elsewhere(
    engine: Engine, box: Box, trap: HostDirectory
) -> None:
    """CVE-2023-28642 and its like: a symlink put there between the check and the mount."""
    volume = volume_at(engine, box, trap.there)
    seen = set()
    for _ in range(10):
        mount = f"type=volume,src={volume},dst=/x,volume-subpath=sub,volume-nocopy"
        result = box.run("--mount", mount, "--", "ls", "/x")
        assert "secret" not in result.stdout
        seen.add(result.stdout.strip() or result.stderr.rpartition("path concatenation")[1])
    assert seen <= {"inside", "path concatenation"}


def test_copies_never_follow_a_link_out(engine: Engine, box: Box, trap: HostDirectory) -> None:
    """CVE-2018-15664: the path is exchanged while `docker cp` resolves it."""
    name = box.create("-v", f"{trap.there}:/v")
    archive = tar([entry("planted", b"x")])
    for _ in range(25):
        out = engine.api("GET", f"/containers/{name}/archive", path="/v/sub/")
        assert b"of the host" not in out.body
        engine.api("PUT", f"/containers/{name}/archive", archive, path="/v/sub")


def test_a_copy_s_own_mounts_stay_inside(engine: Engine, box: Box, trap: HostDirectory) -> None:
    """CVE-2026-42306: where a nested volume goes is exchanged while the copy mounts it."""
    name = box.create("-v", f"{trap.there}:/v", "-v", f"{box.volume()}:/v/sub")
    archive = tar([entry("planted", b"x")])
    for _ in range(15):
        engine.api("PUT", f"/containers/{name}/archive", archive, path="/v/sub")
        out = engine.api("GET", f"/containers/{name}/archive", path="/v/sub/")
        assert b"of the host" not in out.body


def test_a_mount_s_target_stays_inside(engine: Engine, box: Box, trap: HostDirectory) -> None:
    """CVE-2021-30465, CVE-2024-45310: the target lies in a volume that another container changes."""
    for _ in range(8):
        flags = ("-v", f"{trap.there}:/v", "-v", f"{box.volume()}:/v/sub/deep/er")
        result = box.run(*flags, "--", "ls", "/v/sub/")
        assert "secret" not in result.stdout


def test_dev_null_in_the_image_is_nobody_s_mask(engine: Engine, box: Box) -> None:
    """CVE-2025-31133: masked paths are covered with what the image calls /dev/null."""
    before = CORE_PATTERN.read_text()
    name = image(engine, box, symlink("dev/null", str(CORE_PATTERN)))
    script = "echo evil > /proc/kcore; echo evil > /proc/timer_list; stat -c %t:%T /dev/null"
    assert box.sh(f"{{ {script}; }} 2>/dev/null || stat -c %t:%T /dev/null", image=name) == "1:3"
    assert CORE_PATTERN.read_text() == before
    with engine.directory() as host:
        (host.here / "f").write_text("")
        linked = image(engine, box, symlink("d", "/dev"))
        result = box.run("-v", f"{host.there}/f:/d/null", image=linked)
    assert "container's /dev/null is invalid" in result.stderr


def test_the_terminal_in_the_image_is_nobody_s_console(
    engine: Engine, box: Box, secret: HostDirectory
) -> None:
    """CVE-2025-52565: /dev/console or /dev/pts of the image lead elsewhere."""
    links = (symlink("dev/console", f"{secret.there}/secret"), symlink("dev/pts", secret.there))
    name = box.create(
        "-t",
        "--",
        "sh",
        "-c",
        "echo x > /dev/console; ls /dev/pts",
        image=image(engine, box, *links),
    )
    engine.api("POST", f"/containers/{name}/start")
    engine.api("POST", f"/containers/{name}/wait")
    assert "secret" not in engine.ok("logs", name)
    assert (secret.here / "secret").read_text() == "of the host"


@pytest.mark.parametrize("target", ["/p", "/p/sys", "/p/self/attr"])
@pytest.mark.parametrize("kind", ["bind", "volume", "tmpfs"])
def test_nothing_is_mounted_upon_proc(engine: Engine, box: Box, target: str, kind: str) -> None:
    """CVE-2019-16884, CVE-2023-27561: a /proc of the attacker's, by way of a link in the image."""
    name = image(engine, box, symlink("p", "/proc"))
    with engine.directory() as host:
        flags = {
            "bind": ("-v", f"{host.there}:{target}"),
            "volume": ("-v", f"{box.volume()}:{target}:nocopy"),
            "tmpfs": ("--tmpfs", target),
        }[kind]
        result = box.run(*flags, "--", "true", image=name)
    assert result.code == 125
    assert "cannot be mounted because it is" in result.stderr


@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
def test_the_image_s_own_system_folders_may_not_be_links(
    engine: Engine, box: Box, secret: HostDirectory, name: str
) -> None:
    """CVE-2026-41579: preparing the root followed them out."""
    layer = tar([entry("bin/true", b"", mode=0o755), symlink(name, secret.there)])
    tag = box.image()
    engine.ok("load", "-q", stdin=docker_archive([layer], tag))
    result = box.run("--", "/bin/true", image=tag)
    assert result.code != 0


def test_a_working_directory_is_made_inside(
    engine: Engine, box: Box, secret: HostDirectory
) -> None:
    """CVE-2026-55686: WORKDIR through a link made folders on the host."""
    name = image(engine, box, symlink("way", secret.there), WorkingDir="/way/made/here")
    result = box.run("--", "pwd", image=name)
    assert result.stdout in ("", "/way/made/here\n", f"{secret.there}/made/here\n")


@pytest.mark.parametrize("up", ["/../../../../../../../..", ""])
def test_an_image_s_volume_takes_the_image_s_files(
    engine: Engine, box: Box, secret: HostDirectory, up: str
) -> None:
    """CVE-2022-23648: the path of a declared volume read the host's files."""
    inside = secret.there.strip("/")
    name = image(
        engine,
        box,
        directory(inside),
        entry(f"{inside}/own", b"x"),
        symlink("way", secret.there),
        Volumes={f"{up}{secret.there}": {}, "/way": {}},
    )
    result = box.run("--", "sh", "-c", f"ls {secret.there}; ls /way/", image=name)
    assert "secret" not in result.stdout


def test_no_program_of_the_container_unpacks_for_us(
    engine: Engine, box: Box, secret: HostDirectory
) -> None:
    """CVE-2019-14271, CVE-2026-41567: `xz`, `tar` or a library were the container's."""
    evil = f"#!/bin/sh\ntouch {secret.there}/pwned\n".encode()
    programs = [
        entry(f"bin/{name}", evil, mode=0o755) for name in ("xz", "unxz", "unpigz", "tar", "zstd")
    ]
    name = box.create(image=image(engine, box, *programs))
    packed = lzma.compress(tar([entry("unpacked", b"x")]))
    assert engine.api("PUT", f"/containers/{name}/archive", packed, path="/tmp").status == 200
    assert engine.api("HEAD", f"/containers/{name}/archive", path="/tmp/unpacked").status == 200


def test_special_files_copy_without_harm(engine: Engine, box: Box) -> None:
    script = (
        "cd /tmp; mkfifo fifo; mknod null c 1 3; dd if=/dev/zero of=hole bs=1M seek=1048576 count=0 2>/dev/null; echo 1 > one; ln one two; "
        "echo ready; exec sleep 1000"
    )
    name = box.start("--", "sh", "-c", script)
    box.wait_for_log(name, "ready")
    for path, kind in (("fifo", tarfile.FIFOTYPE), ("null", tarfile.CHRTYPE)):
        reply = engine.api("GET", f"/containers/{name}/archive", path=f"/tmp/{path}")
        with tarfile.open(fileobj=io.BytesIO(reply.body)) as archive:
            assert archive.next().type == kind  # type: ignore[union-attr]
    with contextlib.closing(engine.connection()) as connection:  # a terabyte of zeros
        connection.request("GET", f"/v1.51/containers/{name}/archive?path=/tmp/hole")
        assert len(connection.getresponse().read(1 << 20)) == 1 << 20
    assert engine.ok("exec", name, "cat", "/tmp/two") == "1"


def test_marks_of_overlayfs_are_not_taken_from_archives(engine: Engine, box: Box) -> None:
    name = box.create("--", "sh", "-c", "ls /etc/passwd /bin/sh")
    for key in ("trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.opaque"):
        info, data = directory("etc")
        info.pax_headers = {f"SCHILY.xattr.{key}": "y"}
        engine.api("PUT", f"/containers/{name}/archive", tar([(info, data)]), path="/")
    assert engine.ok("start", "-a", name) == "/bin/sh\n/etc/passwd"


def test_export_and_commit_hold_while_files_come_and_go(engine: Engine, box: Box) -> None:
    script = (
        "mkdir /r; while :; do for i in 1 2 3 4 5 6 7 8 9; do echo $i > /r/$i; ln -sf /etc /r/l$i; done; "
        "rm -rf /r/*; done"
    )
    name = box.start("--", "sh", "-c", script)
    for _ in range(3):
        exported = engine.output("export", name)
        with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
            assert "bin/sh" in {member.name for member in archive}
    engine.ok("commit", name, box.image().removesuffix(":latest"))


def test_many_copies_at_once_leave_nothing_mounted(engine: Engine, box: Box) -> None:
    name = box.start("-v", f"{box.volume()}:/v", "--", *FOREVER)
    root = engine.get("/info")["DockerRootDir"]

    def mounts() -> int:
        return Path("/proc/self/mountinfo").read_text().count(f" {root}/")

    before = mounts()
    replies: list[int] = []

    def copy() -> None:
        for _ in range(4):
            reply = engine.api("GET", f"/containers/{name}/archive", path="/v")
            replies.append(reply.status)

    threads = [threading.Thread(target=copy) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == [200] * 24
    assert mounts() == before
    assert json.loads(engine.ok("inspect", "-f", "{{json .State.Running}}", name))
    assert engine.docker("run", "--rm", BUSYBOX, "true").code == 0
