"""Hostile paths on the real kernel: nothing outside the root is ever reached."""

import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.linux import safepath

pytestmark = pytest.mark.root


@pytest.fixture
def root(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    directory = tmp_path / "root"
    directory.mkdir()
    (tmp_path / "secret").write_text("outside")
    with safepath.opened_root(directory) as fd:
        yield directory, fd


def read(fd: int) -> str:
    with os.fdopen(fd) as file:
        return file.read()


def test_dotdot_and_absolute_links_stay_inside(root: tuple[Path, int]) -> None:
    directory, fd = root
    (directory / "etc").mkdir()
    (directory / "etc/passwd").write_text("inside")
    (directory / "up").symlink_to("../../../../etc/passwd")
    (directory / "abs").symlink_to("/etc/passwd")
    for path in ("up", "abs", "/up", "../../etc/passwd", "/etc/../../etc/passwd"):
        assert read(safepath.open_in_root(fd, path, os.O_RDONLY)) == "inside"


def test_beneath_refuses_what_leads_out(root: tuple[Path, int]) -> None:
    directory, fd = root
    (directory / "out").symlink_to("../secret")
    for path in ("out", "../secret", "/etc/passwd"):
        with pytest.raises(OSError) as caught:
            safepath.open_beneath(fd, path, os.O_RDONLY)
        assert caught.value.errno == errno.EXDEV


def test_magic_links_are_not_followed(root: tuple[Path, int]) -> None:
    with safepath.opened_root("/proc/self") as proc, pytest.raises(OSError) as caught:
        safepath.open_in_root(proc, "root/etc", os.O_PATH)
    assert caught.value.errno == errno.ELOOP


def test_a_nul_byte_does_not_cut_a_path_short(root: tuple[Path, int]) -> None:
    directory, fd = root
    (directory / "a").write_text("")
    with pytest.raises(OSError):
        safepath.open_in_root(fd, "a\0b", os.O_RDONLY)


def test_a_root_exchanged_under_our_feet_never_leads_out(root: tuple[Path, int]) -> None:
    """The race of CVE-2018-15664: a directory becomes a symlink to the outside and back."""
    directory, fd = root
    (directory / "d").mkdir()
    (directory / "d/secret").write_text("inside")
    (directory / "evil").symlink_to("../..")
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            os.rename(directory / "d", directory / "t")
            os.rename(directory / "evil", directory / "d")
            os.rename(directory / "d", directory / "evil")
            os.rename(directory / "t", directory / "d")

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(500):
            try:
                assert read(safepath.open_in_root(fd, "d/secret", os.O_RDONLY)) == "inside"
            except FileNotFoundError:
                continue
    finally:
        stop.set()
        thread.join()


def test_parent_and_name_do_not_follow_the_last_link(root: tuple[Path, int]) -> None:
    directory, fd = root
    (directory / "a/b").mkdir(parents=True)
    (directory / "l").symlink_to("/a")
    parent, name = safepath.parent_and_name(fd, "/l/b/")
    assert (os.readlink(f"/proc/self/fd/{parent}"), name) == (str(directory / "a"), "b")
    os.close(parent)
    parent, name = safepath.parent_and_name(fd, "a/b/../..")
    assert (os.readlink(f"/proc/self/fd/{parent}"), name) == (str(directory), ".")
    os.close(parent)
    assert safepath.readlink_in_root(fd, "l") == "/a"
    assert stat.S_ISLNK(safepath.lstat_in_root(fd, "l").st_mode)
    assert stat.S_ISDIR(safepath.stat_in_root(fd, "l").st_mode)
    assert safepath.resolve_in_root(fd, "l/b") == "/a/b"
    assert safepath.resolve_in_root(fd, "/") == "/"


def test_mkdirs_gives_only_new_directories_mode_and_owner(root: tuple[Path, int]) -> None:
    directory, fd = root
    (directory / "old").mkdir(mode=0o700)
    safepath.mkdirs_in_root(fd, "/old/a/b", 0o2775, 12, 34)
    for made in ("old/a", "old/a/b"):
        status = (directory / made).stat()
        assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o2775, 12, 34)
    assert (directory / "old").stat().st_uid == 0
    safepath.mkdirs_in_root(fd, "/old/a/b", 0o755, 0, 0)
    assert (directory / "old/a/b").stat().st_uid == 12


def test_mkdirs_through_links_stays_inside(root: tuple[Path, int]) -> None:
    """CVE-2026-55686: an image's WORKDIR holds a link to a place on the host."""
    directory, fd = root
    (directory / "l").symlink_to("/srv/x")
    (directory / "m").symlink_to("../../..")
    safepath.mkdirs_in_root(fd, "l/y", 0o755, 0, 0)
    safepath.mkdirs_in_root(fd, "m/z", 0o755, 0, 0)
    assert (directory / "srv/x/y").is_dir()
    assert (directory / "z").is_dir()
    assert sorted(path.name for path in directory.parent.iterdir()) == ["root", "secret"]


def test_mkdirs_gives_up_on_link_loops_and_files(root: tuple[Path, int]) -> None:
    directory, fd = root
    (directory / "a").symlink_to("b")
    (directory / "b").symlink_to("a")
    (directory / "f").write_text("")
    with pytest.raises(OSError) as caught:
        safepath.mkdirs_in_root(fd, "a/x", 0o755, 0, 0)
    assert caught.value.errno == errno.ELOOP
    with pytest.raises(NotADirectoryError):
        safepath.mkdirs_in_root(fd, "f/x", 0o755, 0, 0)


def test_only_small_regular_files_are_read(root: tuple[Path, int]) -> None:
    """A23: /etc/passwd of an image is a FIFO, or has a gigabyte."""
    directory, fd = root
    os.mkfifo(directory / "fifo")
    (directory / "small").write_bytes(b"x" * 10)
    with (directory / "big").open("wb") as file:
        file.truncate(1 << 30)
    assert safepath.read_file_in_root(fd, "/small", 10) == b"x" * 10
    for name, error in (("fifo", errno.EINVAL), ("big", errno.EFBIG), (".", errno.EINVAL)):
        with pytest.raises(OSError) as caught:
            safepath.read_file_in_root(fd, name, 1 << 20)
        assert caught.value.errno == error


def test_no_descriptor_is_lost(root: tuple[Path, int]) -> None:
    directory, fd = root
    (directory / "f").write_text("")
    (directory / "dangling").symlink_to("gone")
    before = len(os.listdir("/proc/self/fd"))
    safepath.mkdirs_in_root(fd, "dangling/deep/er", 0o755, 0, 0)
    for path in ("f/x", "nowhere/x"):
        with pytest.raises(OSError):
            safepath.lstat_in_root(fd, path)
    with pytest.raises(OSError):
        safepath.mkdirs_in_root(fd, "f/x", 0o755, 0, 0)
    assert len(os.listdir("/proc/self/fd")) == before
