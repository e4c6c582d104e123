"""A full disk, and archives put together by chance."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boxship.errors import BoxshipError, Internal, InvalidArgument
from boxship.services.images import ImportRequest
from support.image_archives import LAYER, SECOND, Layout, config, docker_archive
from support.image_bench import ImageBench, body
from support.tars import file, tar, tar_of

pytestmark = pytest.mark.root

BIG = tar_of({"big": b"0123456789abcdef" * 100_000})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


async def test_a_full_disk_is_told_and_leaves_nothing(small_disk: Path) -> None:
    bench = ImageBench(small_disk / "root")
    try:
        await bench.load(docker_archive(LAYER, tags=["small:1"]))
        before = bench.leftovers()
        with pytest.raises((Internal, InvalidArgument), match="no space left on device"):
            await bench.load(docker_archive(BIG, tags=["big:1"]))
        assert bench.leftovers() == before
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while stream.write(bytes(4096)):
                pass
        for archive in (docker_archive(SECOND, tags=["x:1"]), docker_archive(LAYER, SECOND)):
            with pytest.raises(BoxshipError, match=r"no space left on device|is full"):
                await bench.load(archive)
        with pytest.raises(BoxshipError, match=r"no space left on device|is full"):
            _ = [m async for m in bench.images.import_(body(SECOND), ImportRequest())]
        assert bench.leftovers() == before
        filler.unlink()
        await bench.load(docker_archive(SECOND, tags=["x:1"]))
        await bench.images.remove("x:1")
        await bench.images.remove("small:1")
        assert bench.is_empty()
    finally:
        bench.store.close()


def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The document with something in it replaced."""
    junk = st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=8),
        st.just([]), st.just({}), st.just("../../etc/passwd"), st.just("sha256:" + "0" * 64), st.floats(),
    )  # fmt: skip
    if draw(st.integers(0, 3)) == 0 or not isinstance(value, dict | list) or not value:
        return draw(junk)
    if isinstance(value, list):
        index = draw(st.integers(0, len(value) - 1))
        return [mutated(draw, one) if at == index else one for at, one in enumerate(value)]
    key = draw(st.sampled_from(sorted(value)))
    return {name: mutated(draw, one) if name == key else one for name, one in value.items()}


@st.composite
def docker_archives(draw: st.DrawFn) -> bytes:
    image: Any = json.loads(config(LAYER, SECOND))
    manifest: Any = [{"Config": "c", "RepoTags": ["x:1"], "Layers": ["1", "2"]}]
    for _ in range(draw(st.integers(0, 2))):
        image = mutated(draw, image)
    if draw(st.booleans()):
        manifest = mutated(draw, manifest)
    members = {"c": json.dumps(image).encode(), "1": LAYER, "2": SECOND,
               "manifest.json": json.dumps(manifest).encode()}  # fmt: skip
    return tar_of(members)


@st.composite
def oci_archives(draw: st.DrawFn) -> bytes:
    layout = Layout()
    entry: Any = layout.image((LAYER, LAYER, ""))
    if draw(st.booleans()):
        entry = layout.index(entry)
    index: Any = {"schemaVersion": 2, "manifests": [entry]}
    which = draw(st.sampled_from(["index", *sorted(layout.blobs)]))
    if which == "index":
        index = mutated(draw, index)
    else:
        try:
            document = json.loads(layout.blobs[which])
        except (UnicodeDecodeError, ValueError):
            document = None
        layout.blobs[which] = json.dumps(mutated(draw, document)).encode()
    files = [file(name, data) for name, data in layout.blobs.items()]
    return tar(file("index.json", json.dumps(index).encode()), *files)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(docker_archives(), oci_archives()))
async def test_archives_of_chance_load_or_leave_nothing(bench: ImageBench, archive: bytes) -> None:
    with contextlib.suppress(BoxshipError):
        await bench.load(archive)
    for image in bench.store.metadata.images.list():
        await bench.images.history(image.id)
        await bench.images.inspect(image.id)
        await bench.images.remove(image.id, force=True)
    assert bench.is_empty(), bench.leftovers()
