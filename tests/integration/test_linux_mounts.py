"""Mounts on the real kernel, in a mount namespace of the test's own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from boxship.errors import Internal
from boxship.linux import mounts
from boxship.linux.namespaces import run_in_mount_namespace
from boxship.model.mount import Mount

pytestmark = pytest.mark.root


def privately(test: Callable[[], None]) -> None:
    run_in_mount_namespace(test)


def read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def directories(base: Path, *names: str) -> list[Path]:
    made = [base / name for name in names]
    for path in made:
        path.mkdir(parents=True)
    return made


def test_bind_mounts_take_read_only_and_leave_the_source_writable(tmp_path: Path) -> None:
    source, target = directories(tmp_path, "s", "t")

    def test() -> None:
        mounts.perform(Mount("bind", str(source), ("rbind", "ro", "rprivate")), target)
        assert mounts_seen(target) == [str(target)]
        assert read_only(target)
        assert not read_only(source)
        assert mounts.unmount(target)
        assert not mounts.unmount(target)

    privately(test)
    assert not mounts.is_mount_point(target)


def mounts_seen(path: Path) -> list[str]:
    # /proc/self is the main thread's; this thread has mounts of its own
    text = Path("/proc/thread-self/mountinfo").read_bytes()
    entries = mounts.parse_mountinfo(text)
    return [e.target for e in entries if e.target == str(path) or e.target.startswith(f"{path}/")]


def test_recursive_read_only_reaches_the_mounts_below(tmp_path: Path) -> None:
    source, target, inner = directories(tmp_path, "s", "t", "s/inner")

    def test() -> None:
        mounts.perform(Mount("tmpfs", "tmpfs", ("size=64k",)), inner)
        mounts.perform(Mount("bind", str(source), ("rbind", "ro")), target)
        assert not read_only(target / "inner")
        mounts.unmount(target, lazy=True)
        mounts.perform(Mount("bind", str(source), ("rbind", "ro", "rro")), target)
        assert read_only(target / "inner")
        assert not read_only(inner)

    privately(test)


def overlay(tmp_path: Path, layers: list[Path]) -> Mount:
    upper, work = directories(tmp_path, "upper", "work")
    lower = ":".join(map(str, layers))
    return Mount(
        "overlay", "overlay", (f"lowerdir={lower}", f"upperdir={upper}", f"workdir={work}")
    )


@pytest.mark.parametrize(("count", "name_length"), [(2, 3), (120, 60), (120, 8)])
def test_overlays_of_any_depth(tmp_path: Path, count: int, name_length: int) -> None:
    """More layers than one page of options can name."""
    names = [f"{i:0{name_length}d}" for i in range(count)]
    layers = directories(tmp_path / "snapshots", *names)
    (layers[-1] / "bottom").write_text("b")
    (layers[0] / "top").write_text("t")
    (target,) = directories(tmp_path, "merged")

    def test() -> None:
        with mounts.mounted([overlay(tmp_path, layers)], target):
            assert sorted(path.name for path in target.iterdir()) == ["bottom", "top"]
            (target / "new").write_text("n")
        assert mounts_seen(target) == []

    privately(test)
    assert (tmp_path / "upper/new").read_text() == "n"


def test_a_failed_mount_says_what_is_missing_and_leaves_nothing(tmp_path: Path) -> None:
    (target,) = directories(tmp_path, "t")
    with pytest.raises(Internal, match="no such file or directory: /nowhere"):
        mounts.perform(Mount("bind", "/nowhere", ("rbind",)), target)
    (source,) = directories(tmp_path, "s")
    with pytest.raises(Internal, match="cannot mount"):
        mounts.perform(Mount("tmpfs", "tmpfs", ("size=nonsense",)), target)
    with pytest.raises(Internal, match=r"no such file or directory: .*/absent"):
        mounts.perform(Mount("bind", str(source), ("bind",)), tmp_path / "absent")
    assert not mounts.is_mount_point(target)


def test_mounts_are_found_by_odd_names_and_unmounted_together(tmp_path: Path) -> None:
    odd = tmp_path / "a b\tc\\é"
    odd.mkdir()
    try:
        mounts.make_private(odd)
        (odd / "in").mkdir()
        mounts.perform(Mount("tmpfs", "tmpfs"), odd / "in")
        mounts.perform(Mount("tmpfs", "tmpfs"), odd / "in")
        assert mounts.is_mount_point(odd)
        assert len(mounts.mounts_below(odd)) == 3
        assert mounts.mount_containing(odd / "in").fstype == "tmpfs"
    finally:
        mounts.unmount_all(odd)
    assert mounts.mounts_below(odd) == []
