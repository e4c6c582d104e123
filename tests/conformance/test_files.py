"""docker cp, diff, export, commit."""

import base64
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from support.box import Box
from support.engine import Engine
from support.rootfs import directory, entry, symlink, tar, untar
from support.terminal import terminal


def copied_in(engine: Engine, name: str, source: Path, target: str) -> str:
    result = engine.docker("cp", "-q", str(source), f"{name}:{target}")
    return result.stderr.strip() if result.code else ""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """src/{f, sub/g, link → f}"""
    source = tmp_path / "src"
    (source / "sub").mkdir(parents=True)
    (source / "f").write_text("f\n")
    (source / "f").chmod(0o640)
    (source / "sub/g").write_text("g\n")
    (source / "link").symlink_to("f")
    return source


def listing(engine: Engine, name: str, path: str) -> list[str]:
    """What is in a container's directory, running or not."""
    return sorted(untar(engine.output("cp", f"{name}:{path}", "-")))


@pytest.mark.parametrize(
    ("source", "target", "made"),
    [
        ("f", "/new", ["new"]),
        ("f", "/tmp", ["tmp", "tmp/f"]),
        ("f", "/tmp/", ["tmp", "tmp/f"]),
        ("f", "/tmp/other", ["tmp", "tmp/other"]),
        ("", "/new", ["new", "new/f", "new/link", "new/sub", "new/sub/g"]),
        (
            "",
            "/tmp",
            ["tmp", "tmp/src", "tmp/src/f", "tmp/src/link", "tmp/src/sub", "tmp/src/sub/g"],
        ),
        (".", "/tmp", ["tmp", "tmp/f", "tmp/link", "tmp/sub", "tmp/sub/g"]),
        ("link", "/new", ["new"]),
    ],
)
def test_copies_in_go_where_cp_would_put_them(
    engine: Engine, box: Box, tree: Path, source: str, target: str, made: list[str]
) -> None:
    name = box.create()
    # pathlib would drop the final dot, which means "the content of"
    engine.ok("cp", "-q", f"{tree}/{source}" if source else str(tree), f"{name}:{target}")
    assert listing(engine, name, "/" + made[0]) == made


def test_copies_keep_mode_and_belong_to_root(engine: Engine, box: Box, tree: Path) -> None:
    name = box.start()
    engine.ok("cp", "-q", str(tree / "f"), f"{name}:/tmp/f")
    assert engine.ok("exec", name, "stat", "-c", "%a %u %g", "/tmp/f") == "640 0 0"


def test_archive_mode_keeps_owners(engine: Engine, box: Box) -> None:
    name = box.start()
    data = tar([entry("f", b"x", uid=1000, gid=1001)])
    engine.ok("cp", "-a", "-", f"{name}:/tmp", stdin=data)
    assert engine.ok("exec", name, "stat", "-c", "%u %g", "/tmp/f") == "1000 1001"


def test_copies_out(engine: Engine, box: Box, tmp_path: Path) -> None:
    name = box.ended(
        "--", "sh", "-c", "mkdir -p /d/e; echo x > /d/e/f; ln -s e/f /d/link; chmod 600 /d/e/f"
    )
    engine.ok("cp", f"{name}:/d", str(tmp_path / "out"))
    assert (tmp_path / "out/e/f").read_text() == "x\n"
    assert (tmp_path / "out/e/f").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "out/link").is_symlink()
    engine.ok("cp", f"{name}:/d/link", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    engine.ok("cp", "-L", f"{name}:/d/link", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "x\n"


def test_a_stream_in_and_out(engine: Engine, box: Box) -> None:
    name = box.create()
    engine.ok("cp", "-", f"{name}:/tmp", stdin=tar([directory("a"), entry("a/f", b"streamed")]))
    members = untar(engine.output("cp", f"{name}:/tmp/a", "-"))
    assert members["a/f"][1] == b"streamed"


def test_progress_is_told_in_the_end(engine: Engine, box: Box, tree: Path) -> None:
    name = box.create()
    with terminal(("docker", "cp", str(tree / "f"), f"{name}:/f"), engine.environment) as person:
        person.expect(f"Successfully copied 2.05kB to {name}:/f")
        assert person.wait() == 0


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        (
            "{name}:/no/such",
            "{tmp}",
            "Error response from daemon: Could not find the file /no/such in container {name}",
        ),
        (
            "{tree}/f",
            "{name}:/no/such",
            "Error response from daemon: Could not find the file /no in container {name}",
        ),
        ("{tree}/f", "{name}:/no/", "no such directory"),
        ("{tree}", "{name}:/etc/passwd", "cannot copy directory"),
        ("{tree}/missing", "{name}:/", "lstat {tree}/missing: no such file or directory"),
        ("nonesuch:/x", "{tmp}", "Error response from daemon: No such container: nonesuch"),
    ],
)
def test_what_cannot_be_copied(
    engine: Engine, box: Box, tree: Path, tmp_path: Path, source: str, target: str, text: str
) -> None:
    values = {"name": box.create(), "tree": tree, "tmp": tmp_path}
    said = engine.fails("cp", "-q", source.format(**values), target.format(**values))
    assert any(part.format(**values) in said for part in text.split("|")), said


def test_copies_reach_volumes_of_a_stopped_container(engine: Engine, box: Box, tree: Path) -> None:
    volume = box.volume()
    name = box.create("-v", f"{volume}:/v")
    engine.ok("cp", "-q", str(tree / "f"), f"{name}:/v/f")
    assert box.sh("cat /w/f", "-v", f"{volume}:/w") == "f"


def test_read_only_places_refuse_copies(engine: Engine, box: Box, tree: Path) -> None:
    volume = box.volume()
    name = box.create("--read-only", "-v", f"{volume}:/v:ro", "-v", f"{box.volume()}:/w")
    assert copied_in(engine, name, tree / "f", "/f") == (
        "Error response from daemon: container rootfs is marked read-only"
    )
    assert copied_in(engine, name, tree / "f", "/v/f") == (
        "Error response from daemon: mounted volume is marked read-only"
    )
    assert copied_in(engine, name, tree / "f", "/w/f") == ""


def test_a_link_in_the_container_never_leads_out(engine: Engine, box: Box, tree: Path) -> None:
    """The classic: a symlink to a host path planted by the container."""
    target = f"/tmp/{box.prefix}"
    script = f"rm -rf /tmp; ln -s / /tmp2; mkdir -p /tmp; ln -s ../../../../../../.. /up; ln -s {target} /l"
    name = box.ended("--", "sh", "-c", script)
    engine.ok("cp", "-q", str(tree / "f"), f"{name}:/up/planted")
    assert not Path("/planted").exists()
    assert "planted" in listing(engine, name, "/planted")
    assert copied_in(engine, name, tree / "f", "/l") in (
        "",
        f"Error response from daemon: Could not find the file {target} in container {name}",
    )
    assert not Path(target).exists()


@pytest.mark.parametrize(
    "members",
    [
        [entry("../escaped", b"x")],
        [entry("/absolute", b"x")],
        [symlink("l", "/etc"), entry("l/escaped", b"x")],
        [symlink("l", "../../../../.."), entry("l/escaped", b"x")],
    ],
    ids=["dotdot", "absolute", "link", "relative link"],
)
def test_hostile_archives_stay_inside(
    engine: Engine, box: Box, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    name = box.create()
    engine.docker("cp", "-", f"{name}:/tmp", stdin=tar(members))
    assert not any(
        Path(p).exists() for p in ("/escaped", "/etc/escaped", "/absolute", "/tmp/absolute")
    )


def test_the_stat_header_describes_the_path(engine: Engine, box: Box) -> None:
    name = box.create()
    reply = engine.api("HEAD", f"/containers/{name}/archive", path="/bin/sh")
    assert reply.status == 200
    stat = json.loads(base64.b64decode(reply.headers["X-Docker-Container-Path-Stat"]))
    assert (stat["name"], stat["linkTarget"]) == ("sh", "/bin/busybox")
    assert stat["mode"] & 1 << 27  # Go's ModeSymlink
    assert engine.api("GET", f"/containers/{name}/archive", path="/no").error == (
        404,
        f"Could not find the file /no in container {name}",
    )


@pytest.mark.parametrize("parameters", [{}, {"path": ""}])
def test_a_missing_path_is_refused(engine: Engine, box: Box, parameters: dict[str, Any]) -> None:
    reply = engine.api("GET", f"/containers/{box.create()}/archive", **parameters)
    assert reply.error == (400, "bad parameter: pathcannot be empty")


def test_a_body_that_is_no_archive_is_refused(engine: Engine, box: Box) -> None:
    name = box.create()
    reply = engine.api("PUT", f"/containers/{name}/archive", b"garbage" * 200, path="/tmp")
    assert reply.status in (400, 500)
    assert listing(engine, name, "/tmp") == ["tmp"]


def test_no_overwrite_dir_non_dir(engine: Engine, box: Box) -> None:
    name = box.create()
    archive = tar([entry("tmp", b"file")])
    reply = engine.api(
        "PUT", f"/containers/{name}/archive", archive, path="/", noOverwriteDirNonDir="1"
    )
    assert reply.status in (400, 500)
    assert reply.message.startswith("cannot overwrite directory")


def test_a_path_that_is_no_directory_is_refused(engine: Engine, box: Box) -> None:
    name = box.create()
    reply = engine.api("PUT", f"/containers/{name}/archive", tar([]), path="/etc/passwd")
    assert reply.error == (400, "extraction point is not a directory")


def test_diff_tells_added_changed_and_deleted(engine: Engine, box: Box) -> None:
    name = box.ended(
        "--", "sh", "-c", "rm /etc/group; echo >> /etc/passwd; mkdir /d; touch /d/f; touch /root/x"
    )
    assert sorted(engine.ok("diff", name).splitlines()) == [
        "A /d",
        "A /d/f",
        "A /root/x",
        "C /etc",
        "C /etc/passwd",
        "C /root",
        "D /etc/group",
    ]


def test_diff_of_an_untouched_one_is_empty(engine: Engine, box: Box) -> None:
    assert engine.ok("diff", box.create()) == ""
    assert engine.get(f"/containers/{box.create()}/changes") in (None, [])


def test_export_is_the_whole_file_system(engine: Engine, box: Box) -> None:
    name = box.ended(
        "-v", "/vol", "--", "sh", "-c", "echo new > /new; rm /etc/group; touch /vol/hidden"
    )
    members = untar(engine.output("export", name))
    assert members["new"][1] == b"new\n"
    assert "etc/group" not in members
    assert "bin/busybox" in members
    assert "vol/hidden" not in members


def test_export_of_an_unknown_one(engine: Engine) -> None:
    assert (
        engine.fails("export", "nonesuch")
        == "Error response from daemon: No such container: nonesuch"
    )


def test_commit_makes_an_image_of_the_changes(engine: Engine, box: Box) -> None:
    name = box.ended("-e", "A=1", "--", "sh", "-c", "echo kept > /kept; rm /etc/group")
    image = box.image()
    identity = engine.ok(
        "commit",
        "-a",
        "me",
        "-m",
        "why",
        "-c",
        'CMD ["cat", "/kept"]',
        "-c",
        "ENV B=2",
        name,
        image,
    )
    assert identity.startswith("sha256:")
    assert box.run(image=image).stdout == "kept\n"
    assert box.sh("ls /etc | grep -v mtab; echo $A$B", image=image).split() == [
        "hostname",
        "hosts",
        "passwd",
        "resolv.conf",
        "12",
    ]
    inspected = engine.get(f"/images/{image}/json")
    assert (inspected["Author"], inspected["Comment"]) == ("me", "why")
    assert len(inspected["RootFS"]["Layers"]) == 2
    top = engine.get(f"/images/{image}/history")[0]
    assert (top["Comment"], top["CreatedBy"]) == ("why", "sh -c echo kept > /kept; rm /etc/group")


def test_commit_of_a_running_one_pauses_only_for_a_moment(engine: Engine, box: Box) -> None:
    name = box.start("--", "sh", "-c", "touch /made; echo made; sleep 1000")
    box.wait_for_log(name, "made")
    image = box.image()
    engine.ok("commit", name, image)
    assert engine.inspect(name)["State"]["Status"] == "running"
    assert box.run("--", "test", "-e", "/made", image=image).code == 0


def test_commit_with_a_bad_change_is_refused(engine: Engine, box: Box) -> None:
    name = box.create()
    assert "RUN is not a valid change command" in engine.fails(
        "commit", "-c", "RUN true", name, box.image()
    )
