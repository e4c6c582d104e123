"""COPY and ADD on real file systems, above all what must not happen (attacks D01, B05, C01)."""

import contextlib
import gzip
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from boxship.build.llb import Copy, Layers, Local
from boxship.build.ops.copying import checksum, copy_files, make_directory
from boxship.build.ops.sources import CopyFailed
from boxship.errors import BoxshipError

pytestmark = pytest.mark.root

PASSWD = "root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:/bin/sh\n"
GROUP = "root:x:0:\nstaff:x:50:\n"


class Yard:
    """A context, a root file system, and a host beside them that must stay as it is."""

    def __init__(self, directory: Path) -> None:
        self.context = directory / "context"
        self.rootfs = directory / "rootfs"
        self.host = directory / "host"
        for each in (self.context, self.rootfs / "etc", self.host):
            each.mkdir(parents=True)
        (self.rootfs / "etc" / "passwd").write_text(PASSWD)
        (self.rootfs / "etc" / "group").write_text(GROUP)
        (self.host / "secret").write_text("secret")

    def put(self, name: str, content: str = "x", mode: int = 0o644) -> Path:
        path = self.context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        return path

    def copy(self, *words: str, **options: object) -> None:
        *sources, destination = words
        vertex = Copy(
            base=Layers(()),
            source=Local(str(self.context)),
            sources=tuple(sources),
            destination=destination,
            **options,  # type: ignore[arg-type]
        )
        checksum(str(self.context), vertex)
        copy_files(str(self.context), str(self.rootfs), vertex)

    def tree(self) -> list[str]:
        found = [str(each.relative_to(self.rootfs)) for each in self.rootfs.rglob("*")]
        return sorted(each for each in found if not each.startswith("etc"))

    def host_is_untouched(self) -> bool:
        return [each.name for each in self.host.iterdir()] == ["secret"]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("f", "/new"), ["new"]),
        (("f", "/new/"), ["new", "new/f"]),
        (("f", "/a/b/c"), ["a", "a/b", "a/b/c"]),
        (("d", "/x"), ["x", "x/e", "x/e/g", "x/h"]),
        (("d/", "/x/"), ["x", "x/e", "x/e/g", "x/h"]),
        (("f", "d", "/x/"), ["x", "x/e", "x/e/g", "x/f", "x/h"]),
        (("*", "/x/"), ["x", "x/e", "x/e/g", "x/f", "x/h"]),
        (("d/*", "/x/"), ["x", "x/g", "x/h"]),
        (("?", "/x/"), ["x", "x/e", "x/e/g", "x/f", "x/h"]),
        (("/f", "/new"), ["new"]),
        (("./d/../f", "/new"), ["new"]),
        (("f", "/"), ["f"]),
    ],
)
def test_where_things_go(yard: Yard, words: tuple[str, ...], expected: list[str]) -> None:
    yard.put("f")
    yard.put("d/e/g")
    yard.put("d/h")
    yard.copy(*words)
    assert yard.tree() == expected


def test_content_mode_and_times_are_kept(yard: Yard) -> None:
    path = yard.put("f", "content", 0o751)
    os.utime(path, (1_000_000, 1_000_000))
    os.chown(path, 7, 8)
    yard.copy("f", "/f")
    copied = (yard.rootfs / "f").stat()
    assert (yard.rootfs / "f").read_text() == "content"
    assert (stat.S_IMODE(copied.st_mode), copied.st_mtime) == (0o751, 1_000_000)
    assert (copied.st_uid, copied.st_gid) == (0, 0)


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("5", (5, 5)),
        ("5:6", (5, 6)),
        ("app", (1000, 1001)),
        ("app:staff", (1000, 50)),
        ("app:7", (1000, 7)),
        ("1000", (1000, 1000)),
        ("root", (0, 0)),
    ],
)
def test_owners(yard: Yard, owner: str, expected: tuple[int, int]) -> None:
    yard.put("d/f")
    yard.copy("d", "/new/d", owner=owner)
    for name in ("new", "new/d", "new/d/f"):
        status = (yard.rootfs / name).stat()
        assert (status.st_uid, status.st_gid) == expected


@pytest.mark.parametrize(
    ("owner", "complaint"),
    [
        ("nobodyx", "can't find uid for user nobodyx: no such user: nobodyx"),
        ("1:nogroup", "can't find gid for group nogroup: no such group: nogroup"),
        ("a:b:c", "invalid chown string format: a:b:c"),
    ],
)
def test_unknown_owners(yard: Yard, owner: str, complaint: str) -> None:
    yard.put("f")
    with pytest.raises(CopyFailed) as raised:
        yard.copy("f", "/f", owner=owner)
    assert str(raised.value) == (
        f"unable to convert uid/gid chown string to host mapping: {complaint}"
    )


def test_modes(yard: Yard) -> None:
    yard.put("d/f")
    yard.copy("d", "/d", mode=0o640)
    assert stat.S_IMODE((yard.rootfs / "d" / "f").stat().st_mode) == 0o640
    assert stat.S_IMODE((yard.rootfs / "d").stat().st_mode) == 0o640


def test_symlinks_in_folders_stay_symlinks(yard: Yard) -> None:
    yard.put("d/f")
    (yard.context / "d" / "link").symlink_to("f")
    (yard.context / "d" / "dangling").symlink_to("/nowhere")
    yard.copy("d", "/d")
    assert (yard.rootfs / "d" / "link").readlink() == Path("f")
    assert (yard.rootfs / "d" / "dangling").readlink() == Path("/nowhere")


def test_a_file_is_overwritten_and_other_things_stay(yard: Yard) -> None:
    (yard.rootfs / "d").mkdir()
    (yard.rootfs / "d" / "old").write_text("old")
    (yard.rootfs / "d" / "f").write_text("old")
    yard.put("d/f", "new")
    yard.copy("d", "/d")
    assert (yard.rootfs / "d" / "f").read_text() == "new"
    assert (yard.rootfs / "d" / "old").read_text() == "old"


def test_excluded_files_and_kept_parents(yard: Yard) -> None:
    for name in ("a/b/f.txt", "a/b/f.log", "a/c/f.txt"):
        yard.put(name)
    yard.copy("a/*/f.txt", "/p/", parents=True)
    yard.copy("a/b", "/x", exclude=("*.log",))
    assert yard.tree() == [
        "p",
        "p/a",
        "p/a/b",
        "p/a/b/f.txt",
        "p/a/c",
        "p/a/c/f.txt",
        "x",
        "x/f.txt",
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ("x", "/"),
            (
                "COPY failed: file not found in build context or excluded by .dockerignore: "
                "stat x: file does not exist"
            ),
        ),
        (("../x", "/"), "COPY failed: forbidden path outside the build context: ../x ()"),
        (("f/x", "/"), "COPY failed: forbidden path outside the build context: f/x ()"),
        (("x*", "/"), "COPY failed: no source files were specified"),
        (("[a", "/"), "COPY failed: no source files were specified"),
        (
            ("f", "g", "/x"),
            (
                "When using COPY with more than one source file, the destination must be a "
                "directory and end with a /"
            ),
        ),
        (
            ("f", "/etc/passwd/"),
            (
                "failed to copy files: failed to create new directory: mkdir /etc/passwd/: "
                "not a directory"
            ),
        ),
    ],
)
def test_failures(yard: Yard, words: tuple[str, ...], complaint: str) -> None:
    yard.put("f")
    yard.put("g")
    with pytest.raises(CopyFailed) as raised:
        yard.copy(*words)
    assert str(raised.value) == complaint


# ---- break-outs


def test_a_symlinked_source_stays_in_the_context(yard: Yard) -> None:
    (yard.context / "absolute").symlink_to(yard.host / "secret")
    (yard.context / "relative").symlink_to("../host/secret")
    (yard.context / "folder").symlink_to(yard.host)
    for source in ("absolute", "relative", "folder/secret", "fold*/secret", "folder"):
        with pytest.raises(CopyFailed):
            yard.copy(source, "/stolen")
    assert yard.tree() == []


def test_a_symlink_in_the_context_may_point_inside(yard: Yard) -> None:
    yard.put("d/f", "content")
    (yard.context / "link").symlink_to("/d/f")
    yard.copy("link", "/copied")
    assert (yard.rootfs / "copied").read_text() == "content"


def test_a_symlinked_destination_stays_in_the_root(yard: Yard) -> None:
    yard.put("f", "content")
    yard.put("d/f", "content")
    (yard.rootfs / "out").symlink_to(yard.host)
    (yard.rootfs / "up").symlink_to("../../../../host")
    (yard.rootfs / "file").symlink_to(yard.host / "secret")
    for words in (("f", "/out/f"), ("f", "/up/"), ("d", "/out"), ("d", "/up/x"), ("f", "/file")):
        yard.copy(*words)
    assert yard.host_is_untouched()
    assert (yard.host / "secret").read_text() == "secret"


def test_a_directory_is_made_inside_the_root(yard: Yard) -> None:
    (yard.rootfs / "out").symlink_to(yard.host)
    make_directory(str(yard.rootfs), "/out/a/b")
    make_directory(str(yard.rootfs), "/../../x")
    assert yard.host_is_untouched()
    assert (yard.rootfs / "x").is_dir()


def test_a_directory_cannot_be_made_over_a_file(yard: Yard) -> None:
    with pytest.raises(CopyFailed, match=r"^Cannot mkdir: /etc/passwd is not a directory$"):
        make_directory(str(yard.rootfs), "/etc/passwd")


def test_special_files_do_not_hang(yard: Yard) -> None:
    os.mkfifo(yard.context / "fifo")
    yard.copy("fifo", "/copied", unpack=True)
    assert stat.S_ISFIFO((yard.rootfs / "copied").stat().st_mode)


def test_the_accounts_of_a_hostile_image(yard: Yard) -> None:
    """A FIFO or a symlink to the host instead of /etc/passwd neither hangs nor leaks."""
    yard.put("f")
    passwd = yard.rootfs / "etc" / "passwd"
    passwd.unlink()
    os.mkfifo(passwd)
    with pytest.raises(BoxshipError):
        yard.copy("f", "/f", owner="app")
    passwd.unlink()
    (yard.host / "secret").write_text(PASSWD)
    passwd.symlink_to(yard.host / "secret")
    with pytest.raises(BoxshipError):
        yard.copy("f", "/f", owner="app")


# ---- archives


def archive(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, content in entries:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def test_archives_are_unpacked_when_asked(yard: Yard) -> None:
    plain = archive((tarfile.TarInfo("inner/f"), b"content"))
    for name, data in (("a.tar", plain), ("a.tgz", gzip.compress(plain))):
        (yard.context / name).write_bytes(data)
        yard.copy(name, f"/{name}-unpacked/", unpack=True)
        yard.copy(name, f"/{name}")
        assert (yard.rootfs / f"{name}-unpacked" / "inner" / "f").read_text() == "content"
        assert (yard.rootfs / name).read_bytes() == data


@pytest.mark.parametrize("content", [b"", b"x", b"\x1f\x8b\x08", gzip.compress(b"no archive")])
def test_what_is_no_archive_is_copied(yard: Yard, content: bytes) -> None:
    (yard.context / "f").write_bytes(content)
    yard.copy("f", "/d/", unpack=True)
    assert (yard.rootfs / "d" / "f").read_bytes() == content


@pytest.mark.parametrize(
    "entries",
    [
        [(tarfile.TarInfo("../../host/evil"), b"x")],
        [(tarfile.TarInfo("/../host/evil"), b"x")],
        [link("l", "../../host"), (tarfile.TarInfo("l/evil"), b"x")],
        [link("h", "../../host/secret", tarfile.LNKTYPE), (tarfile.TarInfo("h"), b"evil")],
        [link("l", "../../host/secret"), link("h", "l", tarfile.LNKTYPE)],
    ],
    ids=["dots", "absolute", "symlink", "hardlink", "hardlink to symlink"],
)
def test_hostile_archives_stay_inside(
    yard: Yard, entries: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    (yard.context / "a.tar").write_bytes(archive(*entries))
    with contextlib.suppress(BoxshipError):
        yard.copy("a.tar", "/d/", unpack=True)
    assert yard.host_is_untouched()
    assert (yard.host / "secret").read_text() == "secret"
    assert (yard.host / "secret").stat().st_nlink == 1
