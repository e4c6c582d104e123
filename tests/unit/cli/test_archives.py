"""Packing local trees and unpacking what a container sends."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from boxship.cli.build_context import is_archive, open_context
from boxship.cli.pack import Packer, finished, pack_tree
from boxship.cli.unpack import ChunkFile, unpack
from boxship.errors import BoxshipError


def packed(root: Path, base: str = "base") -> bytes:
    return b"".join(finished(pack_tree(str(root), base, Packer())))


def extract(data: bytes, folder: Path) -> None:
    unpack(
        ChunkFile([data[i : i + 700] for i in range(0, len(data), 700)]), str(folder), lambda n: n
    )


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def test_a_tree_survives_the_round_trip(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "file").write_bytes(b"x" * 100_000)
    (source / "file").chmod(0o4751)
    os.link(source / "file", source / "deep" / "same")
    (source / "link").symlink_to("deep/er")
    (source / ("long" * 40)).write_text("a name beyond a hundred characters")
    target = tmp_path / "target"
    target.mkdir()
    extract(packed(source), target)
    made = target / "base"
    assert (made / "file").read_bytes() == b"x" * 100_000
    assert (made / "file").stat().st_mode & 0o7777 == 0o4751
    assert (made / "file").stat().st_ino == (made / "deep" / "same").stat().st_ino
    assert (made / "link").readlink() == Path("deep/er")
    assert (made / ("long" * 40)).exists()
    assert (made / "deep" / "er").is_dir()


@pytest.mark.parametrize("name", ["../out", "a/../../out", "x/.."])
def test_a_path_upwards_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(BoxshipError):
        extract(archive((member(name), b"evil")), folder)
    assert not (tmp_path / "out").exists()


def test_an_absolute_path_stays_below(tmp_path: Path) -> None:
    extract(archive((member("/etc/evil"), b"x")), tmp_path)
    assert (tmp_path / "etc" / "evil").read_text() == "x"


def test_a_link_is_not_walked_through(tmp_path: Path) -> None:
    """First a link out of the folder, then a file behind it."""
    folder, outside = tmp_path / "in", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    data = archive((member("a", tarfile.SYMTYPE, str(outside)), b""), (member("a/evil"), b"x"))
    with pytest.raises(OSError):
        extract(data, folder)
    assert list(outside.iterdir()) == []


def test_a_hard_link_cannot_point_outside(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    with pytest.raises((BoxshipError, OSError)):
        extract(archive((member("a", tarfile.LNKTYPE, "../secret"), b"")), folder)


def test_a_file_never_replaces_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(BoxshipError, match="cannot overwrite directory"):
        extract(archive((member("a"), b"x")), tmp_path)
    (tmp_path / "b").write_text("old")
    with pytest.raises(BoxshipError, match="cannot overwrite non-directory"):
        extract(archive((member("b", tarfile.DIRTYPE), b"")), tmp_path)


def test_a_file_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    (tmp_path / "link").symlink_to(target)
    extract(archive((member("link"), b"new")), tmp_path)
    assert target.read_text() == "old"
    assert not (tmp_path / "link").is_symlink()


def test_a_truncated_archive_is_an_error(tmp_path: Path) -> None:
    data = archive((member("a"), b"x" * 5000))
    with pytest.raises((BoxshipError, OSError)):
        extract(data[:1500], tmp_path)


def test_archives_are_known_by_their_first_bytes() -> None:
    assert is_archive(archive((member("a"), b"x")))
    assert is_archive(b"\x1f\x8b\x08")
    assert not is_archive(b"FROM busybox\n" * 100)
    assert not is_archive(b"")


def names(path: Path, dockerfile: str = "") -> tuple[set[str], str]:
    context = open_context(str(path), dockerfile)
    assert context.stream is not None
    with tarfile.open(fileobj=io.BytesIO(b"".join(context.stream))) as tar:
        return set(tar.getnames()), context.dockerfile


def test_ignored_files_stay_out_but_not_what_the_build_needs(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x")
    (tmp_path / "kept").write_text("")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text("")
    (tmp_path / "logs" / "keep.log").write_text("")
    (tmp_path / ".dockerignore").write_text("**/*.log\n!logs/keep.log\nDockerfile\n.dockerignore\n")
    found, dockerfile = names(tmp_path)
    assert found == {"Dockerfile", "kept", "logs", "logs/keep.log", ".dockerignore"}
    assert dockerfile == "Dockerfile"


def test_a_dockerfile_from_elsewhere_joins_hidden(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "file").write_text("")
    other = tmp_path / "Other"
    other.write_text("FROM y")
    found, dockerfile = names(context, str(other))
    assert found == {"file", dockerfile, ".dockerignore"}
    assert dockerfile.startswith(".dockerfile.")


def test_a_missing_dockerfile_is_named(tmp_path: Path) -> None:
    with pytest.raises(BoxshipError, match="unable to evaluate symlinks in Dockerfile path"):
        open_context(str(tmp_path), "")
    with pytest.raises(BoxshipError, match=r'path ".*nosuch" not found'):
        open_context(str(tmp_path / "nosuch"), "")
