"""Unpacking and packing on a real file system, with archives of friends and of strangers."""

import contextlib
import io
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boxship.errors import BoxshipError, InvalidArgument
from boxship.store.archive.compression import CorruptArchive
from boxship.store.archive.packer import PackOptions, pack_path, pack_tree
from boxship.store.archive.reader import TarReader
from boxship.store.archive.unpacker import Unpacked, UnpackOptions, Whiteouts, unpack
from boxship.store.archive.writer import TarWriter
from boxship.store.removal import remove_tree
from support.tars import chunks, device, directory, fifo, file, hardlink, symlink, tar

pytestmark = pytest.mark.root

LAYER = UnpackOptions(whiteouts=Whiteouts.OVERLAY)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory to unpack into, with something beside it that must stay as it is."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (tmp_path / "outside" / "secret").chmod(0o600)
    root = tmp_path / "root"
    root.mkdir()
    yield root
    assert os.listdir(tmp_path / "outside") == ["secret"]
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    assert stat.S_IMODE((tmp_path / "outside" / "secret").stat().st_mode) == 0o600
    assert set(os.listdir(tmp_path)) <= {"outside", "root", "lower", "other", "merged", "work"}


def into(root: Path, data: bytes, options: UnpackOptions = LAYER) -> Unpacked:
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        return unpack(chunks(data), fd, options)
    finally:
        os.close(fd)


def packed(root: Path, *, whiteouts: bool = True) -> bytes:
    output = io.BytesIO()
    writer = TarWriter(output.write)
    fd = os.open(root, os.O_RDONLY)
    try:
        pack_tree(writer, fd, PackOptions(whiteouts=whiteouts))
    finally:
        os.close(fd)
    writer.close()
    return output.getvalue()


def test_everything_a_file_has_is_kept(root: Path) -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    data = tar(
        directory("d", 0o1750, uid=7, gid=8, mtime_ns=5 * 10**9),
        file("d/f", b"data", mode=0o4711, uid=1, gid=2, mtime_ns=1_500_000_000_123_456_789,
             xattrs={b"security.capability": capability, b"user.note": b"\0x"}),
        symlink("d/s", "../../nowhere"),
        hardlink("d/h", "d/f"),
        device("d/null", 1, 3),
        fifo("d/p"),
    )  # fmt: skip
    result = into(root, data)
    assert (result.entries, result.size) == (6, 4 + len("../../nowhere"))
    status = (root / "d/f").stat()
    assert (root / "d/f").read_bytes() == b"data"
    assert (status.st_mode, status.st_uid, status.st_gid) == (stat.S_IFREG | 0o4711, 1, 2)
    assert status.st_mtime_ns == 1_500_000_000_123_456_789
    assert status.st_nlink == 2
    assert os.getxattr(root / "d/f", "security.capability") == capability
    assert os.getxattr(root / "d/f", "user.note") == b"\0x"
    assert os.readlink(root / "d/s") == "../../nowhere"
    assert os.stat(root / "d/null").st_rdev == os.makedev(1, 3)
    assert stat.S_ISFIFO(os.stat(root / "d/p").st_mode)
    status = (root / "d").stat()
    assert (status.st_mode, status.st_uid, status.st_mtime_ns) == (
        stat.S_IFDIR | 0o1750, 7, 5 * 10**9,
    )  # fmt: skip
    assert packed(root) == tar_again(packed(root))


def tar_again(data: bytes) -> bytes:
    output = io.BytesIO()
    writer = TarWriter(output.write)
    reader = TarReader([data])
    for entry in reader:
        writer.add(entry)
        writer.copy(reader.data())
    writer.close()
    return output.getvalue()


def test_packing_and_unpacking_is_the_identity(root: Path, tmp_path: Path) -> None:
    into(root, tar(
        directory("a"), directory("a/b", 0o700), file("a/b/c", b"x" * 100_000, mtime_ns=77),
        hardlink("a/z", "a/b/c"), symlink("l", "a"), device("n", 1, 3), fifo("p"),
        directory("o"), file("o/.wh..wh..opq"), file("o/.wh.gone"), file("a/.wh.also"),
    ))  # fmt: skip
    first = packed(root)
    other = tmp_path / "other"
    other.mkdir()
    into(other, first)
    assert packed(other) == first


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/../evil", "..", "a/../.."])
def test_names_that_lead_out_are_refused(root: Path, name: str) -> None:
    with pytest.raises(CorruptArchive, match="outside"):
        into(root, tar(file(name, b"x")))


def test_absolute_names_stay_inside(root: Path) -> None:
    into(root, tar(file("/etc/passwd", b"mine"), file("./a/./b//c", b"c"), file("a/../d", b"d")))
    assert (root / "etc/passwd").read_bytes() == b"mine"
    assert (root / "a/b/c").read_bytes() == b"c"
    assert (root / "d").read_bytes() == b"d"


@pytest.mark.parametrize(
    "target", ["../outside", "/outside", "{outside}", "../../../../../{outside}", "x/../../outside"]
)
def test_a_symlink_on_the_way_does_not_lead_out(root: Path, target: str) -> None:
    outside = str(root.parent / "outside")
    data = tar(
        directory("outside"), directory("x"),
        symlink("link", target.format(outside=outside)),
        file("link/secret", b"overwritten"),
    )  # fmt: skip
    into(root, data)
    found = [path for path in root.rglob("secret") if not path.is_symlink()]
    assert [path.read_bytes() for path in found] == [b"overwritten"]


def test_a_symlink_at_the_place_itself_is_replaced(root: Path) -> None:
    outside = root.parent / "outside"
    into(root, tar(symlink("f", f"{outside}/secret"), file("f", b"mine", mode=0o777)))
    assert (root / "f").read_bytes() == b"mine"
    into(root, tar(symlink("d", str(outside)), directory("d", 0o777), file("d/x", b"y")))
    assert (root / "d/x").read_bytes() == b"y"


def test_modes_and_times_are_not_set_through_symlinks(root: Path) -> None:
    """CVE-2021-32760: a directory is replaced by a symlink before its mode is set at the end."""
    outside = str(root.parent / "outside")
    before = os.stat(outside)
    into(root, tar(directory("d", 0o777, mtime_ns=1), symlink("d", outside)))
    after = os.stat(outside)
    assert (before.st_mode, before.st_mtime_ns) == (after.st_mode, after.st_mtime_ns)


def test_hard_links_do_not_leave(root: Path) -> None:
    outside = str(root.parent / "outside")
    with pytest.raises(CorruptArchive, match="outside"):
        into(root, tar(hardlink("h", "../outside/secret")))
    for target in (f"{outside}/secret", "link/secret"):
        with pytest.raises(CorruptArchive, match="invalid hardlink"):
            into(root, tar(symlink("link", outside), hardlink("h", target)))
    into(root, tar(symlink("s", f"{outside}/secret"), hardlink("h2", "s"), file("h2", b"x")))
    assert (root / "h2").read_bytes() == b"x"


def test_whiteouts_do_not_leave(root: Path) -> None:
    outside = str(root.parent / "outside")
    into(root, tar(symlink("link", outside), file("link/.wh.secret"), file("link/.wh..wh..opq")))
    for name in ("a/.wh..", "a/.wh...", ".wh."):
        with pytest.raises(CorruptArchive, match="invalid whiteout"):
            into(root, tar(file(name)))
    remove = UnpackOptions(whiteouts=Whiteouts.REMOVE)
    into(root, tar(symlink("link", outside), file("link/.wh.secret")), remove)
    into(root, tar(symlink("link2", outside), file("link2/.wh..wh..opq")), remove)


def test_symlink_loops_end(root: Path) -> None:
    with pytest.raises(BoxshipError, match="too many levels of symbolic links"):
        into(root, tar(symlink("a", "b"), symlink("b", "a"), file("a/x", b"")))
    with pytest.raises(BoxshipError):
        into(root, tar(symlink("c", "c/c/c"), file("c/x", b"")))


def test_a_directory_replaced_through_a_symlink_is_not_made_again(root: Path) -> None:
    into(
        root,
        tar(directory("b", 0o700), symlink("a", ".."), symlink("a/b", "b/..")),
        UnpackOptions(),
    )
    assert os.readlink(root / "b") == "b/.."
    into(root, tar(directory("d", 0o700), symlink("a", ".."), file("a/d", b"now a file")))
    assert (root / "d").read_bytes() == b"now a file"
    remove = UnpackOptions(whiteouts=Whiteouts.REMOVE)
    into(root, tar(directory("e", 0o700), file("a/.wh.e")), remove)
    assert not (root / "e").exists()


def test_long_and_deep_names_are_refused(root: Path) -> None:
    for name in ("x" * 300, "d/" * 500 + "f", "y/" * 32_000 + "z", "a" * 65_536):
        with pytest.raises(InvalidArgument):
            into(root, tar(file(name, b"")))
    depth = "d/" * 240 + "f"
    into(root, tar(file(depth, b"deep")))
    assert packed(root)


def test_bombs_are_stopped(root: Path) -> None:
    with pytest.raises(InvalidArgument, match="more than 100 bytes"):
        into(root, tar(file("a", bytes(60)), file("b", bytes(60))), UnpackOptions(max_bytes=100))
    with pytest.raises(InvalidArgument, match="more than 2 members"):
        into(root, tar(file("a"), file("b"), file("c")), UnpackOptions(max_entries=2))


def test_the_last_of_several_members_counts(root: Path) -> None:
    into(root, tar(
        file("a", b"1"), file("a", b"2"),
        directory("d"), file("d/x", b"x"), file("d", b"now a file"),
        file("e", b"file"), directory("e", 0o711), file("e/y", b"y"),
        directory("k", 0o700), file("k/in", b"in"), directory("k", 0o755),
    ))  # fmt: skip
    assert (root / "a").read_bytes() == b"2"
    assert (root / "d").read_bytes() == b"now a file"
    assert (root / "e/y").read_bytes() == b"y"
    assert (root / "k/in").read_bytes() == b"in"
    assert stat.S_IMODE((root / "k").stat().st_mode) == 0o755


def test_overlay_marks_of_strangers_are_dropped(root: Path) -> None:
    marks = {
        b"trusted.overlay.opaque": b"y",
        b"trusted.overlay.redirect": b"/etc",
        b"user.overlay.x": b"y",
    }
    into(root, tar(directory("d", xattrs=marks), file("f", b"", xattrs=marks)))
    assert os.listxattr(root / "d") == []
    assert os.listxattr(root / "f") == []


def test_impossible_owners_are_refused(root: Path) -> None:
    with pytest.raises(CorruptArchive, match="bad owner"):
        into(root, tar(file("f", b"", uid=2**32)))


def test_parents_without_members_look_as_below(root: Path, tmp_path: Path) -> None:
    lower = tmp_path / "lower"
    (lower / "usr/lib").mkdir(parents=True)
    os.chown(lower / "usr/lib", 5, 6)
    (lower / "usr/lib").chmod(0o2775)
    os.utime(lower / "usr/lib", ns=(1, 123 * 10**9))
    lower.chmod(0o711)
    data = tar(file("usr/lib/new", b"x"), file("other/new", b"y"))
    into(root, data, UnpackOptions(whiteouts=Whiteouts.OVERLAY, lower=(lower,)))
    status = (root / "usr/lib").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o2775, 5, 6)
    assert status.st_mtime_ns == 123 * 10**9
    assert stat.S_IMODE((root / "other").stat().st_mode) == 0o755
    assert stat.S_IMODE(root.stat().st_mode) == 0o711


def test_a_hard_link_to_a_lower_layer_is_copied_up(root: Path, tmp_path: Path) -> None:
    lower = tmp_path / "lower"
    lower.mkdir()
    (lower / "f").write_bytes(b"below")
    options = UnpackOptions(whiteouts=Whiteouts.OVERLAY, lower=(lower,))
    into(root, tar(hardlink("h", "f")), options)
    assert (root / "h").read_bytes() == b"below"
    assert (root / "f").stat().st_ino == (root / "h").stat().st_ino
    with pytest.raises(CorruptArchive, match="no such file"):
        into(root, tar(hardlink("h", "gone")), options)


def test_the_kernel_understands_our_whiteouts(root: Path, tmp_path: Path) -> None:
    lower, merged, work = tmp_path / "lower", tmp_path / "merged", tmp_path / "work"
    for path in (lower, merged, work):
        path.mkdir()
    into(lower, tar(
        file("kept", b"k"), file("gone", b"g"), directory("o"), file("o/old", b"old"),
        directory("again"), file("again/old", b"old"), directory("d"), file("d/x", b"x"),
    ))  # fmt: skip
    into(root, tar(
        file(".wh.gone"), directory("o"), file("o/.wh..wh..opq"), file("o/new", b"new"),
        file(".wh.again"), directory("again"), file("again/new", b"new"), file("d/.wh.x"),
    ))  # fmt: skip
    options = f"lowerdir={root}:{lower},ro"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
    try:
        found = sorted(str(path.relative_to(merged)) for path in merged.rglob("*"))
    finally:
        subprocess.run(["umount", merged], check=True)
    assert found == ["again", "again/new", "d", "kept", "o", "o/new"]


def test_whiteouts_can_be_carried_out_at_once(root: Path) -> None:
    remove = UnpackOptions(whiteouts=Whiteouts.REMOVE)
    into(
        root,
        tar(
            file("gone", b"g"),
            directory("o"),
            file("o/old", b""),
            directory("t"),
            file("t/old", b""),
        ),
        remove,
    )
    into(root, tar(file(".wh.gone"), directory("o"), file("o/new", b""), file("o/.wh..wh..opq"), file(".wh.t"), file(".wh.none")), remove)  # fmt: skip
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == ["o", "o/new"]


def test_uploads_take_whiteout_names_literally(root: Path) -> None:
    into(root, tar(file(".wh.x", b"text"), file("d/.wh..wh..opq", b"")), UnpackOptions())
    assert (root / ".wh.x").read_bytes() == b"text"


def test_uploads_leave_the_directory_they_go_to_as_it_is(root: Path) -> None:
    before = root.stat()
    into(root, tar(directory("./", 0o777, uid=9), directory(".", 0o700)), UnpackOptions())
    after = root.stat()
    assert (before.st_mode, before.st_uid) == (after.st_mode, after.st_uid)


def test_uploads_can_refuse_to_replace_kinds(root: Path) -> None:
    careful = UnpackOptions(no_overwrite_dir_non_dir=True, owner=(3, 4))
    into(root, tar(directory("d"), file("f", b"x")), careful)
    with pytest.raises(InvalidArgument, match="cannot overwrite directory"):
        into(root, tar(file("d", b"x")), careful)
    with pytest.raises(InvalidArgument, match="cannot overwrite non-directory"):
        into(root, tar(directory("f")), careful)
    into(root, tar(file("f", b"y"), directory("d")), careful)
    assert ((root / "f").stat().st_uid, (root / "f").stat().st_gid) == (3, 4)


def test_packing_follows_no_symlink_and_skips_sockets(root: Path, tmp_path: Path) -> None:
    import socket

    outside = tmp_path / "outside"
    into(root, tar(symlink("link", str(outside)), file("f", b"1")))
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(root / "sock"))
        names = [entry.name for entry in TarReader([packed(root)])]
    assert names == [b"f", b"link"]


def test_one_path_is_packed_under_another_name(root: Path) -> None:
    into(root, tar(directory("a"), file("a/f", b"1"), hardlink("a/g", "a/f")))
    output = io.BytesIO()
    writer = TarWriter(output.write)
    fd = os.open(root, os.O_RDONLY)
    pack_path(writer, fd, b"a", b"renamed")
    os.close(fd)
    writer.close()
    reader = TarReader([output.getvalue()])
    assert [(entry.name, entry.link) for entry in reader] == [
        (b"renamed/", b""), (b"renamed/f", b""), (b"renamed/g", b"renamed/f"),
    ]  # fmt: skip


def test_sparse_files_stay_sparse(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "outside" / "sparse"
    with source.open("wb") as sparse:
        sparse.seek(1 << 30)
        sparse.write(b"end")
    for options in (["--format=gnu"], ["--format=pax"]):
        command = ["tar", "-S", *options, "-C", str(source.parent), "-cf", "-", "sparse"]
        into(root, subprocess.run(command, check=True, capture_output=True).stdout)
        status = (root / "sparse").stat()
        assert status.st_size == (1 << 30) + 3
        assert status.st_blocks < 1000
        with (root / "sparse").open("rb") as found:
            found.seek(1 << 30)
            assert found.read() == b"end"
    source.unlink()


def test_trees_of_any_depth_are_removed(tmp_path: Path) -> None:
    top = tmp_path / "other"
    top.mkdir()
    (top / "file").write_text("x")
    (top / ".removing-0").mkdir()
    (top / ".removing-0" / "x").write_text("x")
    fd = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.mkdir("e", dir_fd=inner)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
        os.close(fd)
        fd = inner
    os.close(fd)
    remove_tree(top)
    assert not top.exists()
    remove_tree(top)


names = st.sampled_from(
    ["a", "b", "c", "a/b", "b/c", "a/b/c", "../x", "/a", ".wh.a", "a/.wh.b", "b/.wh..wh..opq", "."]
)
items = st.one_of(
    st.builds(file, names, st.binary(max_size=10)),
    st.builds(directory, names, st.integers(0, 0o7777)),
    st.builds(
        symlink, names, st.sampled_from(["..", "/", "a", "../../outside", "b/..", "c/../.."])
    ),
    st.builds(hardlink, names, names),
    st.builds(fifo, names),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(items, max_size=8), st.sampled_from(list(Whiteouts)))
def test_no_archive_reaches_outside(
    root: Path, members: list[object], whiteouts: Whiteouts
) -> None:
    with contextlib.suppress(BoxshipError):
        into(root, tar(*members), UnpackOptions(whiteouts=whiteouts))  # type: ignore[arg-type]
    remove_tree(root)
    root.mkdir()
