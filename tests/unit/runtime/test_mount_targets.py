"""Where mounts go through an image's symlinks, and what no container may mount upon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.linux.safepath import opened_root
from boxship.model.mount import MountPoint
from boxship.model.process import RuntimeRefused
from boxship.runtime.mount_targets import check, real_target


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    for name in ("data", "proc", "dev", "etc"):
        (place / name).mkdir(parents=True)
    (place / "etc" / "file").touch()
    for name, target in {
        "abs": "/data",
        "up": "../../../../data",
        "p": "/proc",
        "loop": "loop",
        "one": "/two",
        "two": "data",
        "top": "/",
        "d": "dev",
    }.items():
        (place / name).symlink_to(target)
    return place


@pytest.fixture
def root_fd(root: Path) -> Iterator[int]:
    with opened_root(root) as fd:
        yield fd


@pytest.mark.parametrize(
    ("destination", "real"),
    [
        ("/data", "/data"),
        ("data/", "/data"),
        ("/abs", "/data"),
        ("/up/new", "/data/new"),
        ("/one/a/b", "/data/a/b"),
        ("/abs/../x", "/x"),
        ("/p/sys", "/proc/sys"),
        ("/new/deep", "/new/deep"),
        ("/loop/x", "/loop/x"),
        ("/etc/file/x", "/etc/file/x"),
        ("/top", "/"),
        (".", "/"),
    ],
)
def test_links_are_followed_inside_the_root(root_fd: int, destination: str, real: str) -> None:
    assert real_target(root_fd, destination) == real


@pytest.mark.parametrize(
    ("destination", "reason"),
    [
        ("/", "is on the top of rootfs"),
        ("/top", "is on the top of rootfs"),
        ("/proc", "it is not of type proc"),
        ("/p", "it is not of type proc"),
        ("/p/self/attr", "it is inside /proc"),
        ("/proc/sys", "it is inside /proc"),
        ("/dev/null", "container's /dev/null is invalid"),
        ("/d/null", "container's /dev/null is invalid"),
    ],
)
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_places_that_belong_to_the_container(
    root: Path, root_fd: int, destination: str, reason: str, kind: str
) -> None:
    (root / "dev" / "null").touch()
    point = MountPoint(type=kind, destination=destination, source="/tmp" if kind == "bind" else "")
    with pytest.raises(RuntimeRefused, match=reason):
        check(root_fd, str(root), [point])


@pytest.mark.parametrize(
    "point",
    [
        MountPoint(type="bind", source="/proc", destination="/proc"),
        MountPoint(type="bind", source="/etc/hostname", destination="/proc/cpuinfo"),
        MountPoint(type="bind", source="/dev/null", destination="/dev/null"),
    ],
)
def test_what_is_harmless_there(root: Path, root_fd: int, point: MountPoint) -> None:
    check(root_fd, str(root), [point])
