"""One boxshipd for all tests of builds, and an image to build on."""

from collections.abc import Iterator

import pytest

from support.boxshipd import Boxshipd, boxshipd
from support.builds import BASE, Builder
from support.images import docker_archive
from support.rootfs import busybox


def _with_base(daemon: Boxshipd) -> Boxshipd:
    daemon.engine.ok("load", "-q", stdin=docker_archive([busybox()], f"{BASE}:latest"))
    return daemon


@pytest.fixture(scope="session")
def shared() -> Iterator[Boxshipd]:
    """The daemon of all tests; after them nothing may be left of any build."""
    with boxshipd() as daemon:
        yield _with_base(daemon)
        assert daemon.leftovers(set()) == []
        assert list((daemon.data_root / "builds").iterdir()) == []


@pytest.fixture
def builder(shared: Boxshipd) -> Builder:
    return Builder(shared.engine)


@pytest.fixture
def own() -> Iterator[Boxshipd]:
    """A daemon to be killed."""
    with boxshipd() as daemon:
        yield _with_base(daemon)
