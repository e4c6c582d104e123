"""An image store of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.image_bench import ImageBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ImageBench]:
    bench = ImageBench(tmp_path / "root")
    yield bench
    bench.store.close()
