from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.rootfs import busybox
from support.yard import Yard


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    """Containers in a root of their own; the test must leave nothing behind."""
    place = Yard(tmp_path / "root")
    place.add_image(busybox(), env=("PATH=/bin",), cmd=("sh",), labels={"made": "here"})
    try:
        yield place
        await place.clear()
        leftovers = place.leftovers()
    finally:
        await place.clear()
        await place.stop()
    assert not leftovers
