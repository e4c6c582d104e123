import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.bundles import Workshop
from support.rootfs import busybox


@pytest.fixture(scope="session")
def lower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system that all tests share and none changes."""
    path = tmp_path_factory.mktemp("rootfs")
    with tarfile.open(fileobj=io.BytesIO(busybox())) as archive:
        archive.extractall(path, filter="fully_trusted")
    return path


@pytest.fixture(params=["crun", "runc"])
def runtime_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def workshop(lower: Path, tmp_path: Path, runtime_name: str) -> AsyncIterator[Workshop]:
    """A runtime whose test must leave nothing behind."""
    place = Workshop(tmp_path / "root", lower, runtime_name)
    try:
        yield place
        leftovers = place.leftovers()
    finally:
        await place.close()
    assert not leftovers
