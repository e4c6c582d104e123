"""Loads killed at any moment, and work beside garbage collection."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from boxship.services.images import ImageListing
from boxship.store.gc import image_blobs
from support.image_archives import LAYER, SECOND, docker_archive
from support.image_bench import ImageBench
from support.tars import tar_of

pytestmark = pytest.mark.root

BIG = tar_of({f"dir{n % 40}/file{n}": os.urandom(700) for n in range(1500)})
LOADER = textwrap.dedent("""
    import asyncio, sys, time
    from pathlib import Path
    from support.image_bench import ImageBench

    async def main():
        bench = ImageBench(Path(sys.argv[1]))
        print("ready", flush=True)
        for archive in sys.argv[2:]:
            await bench.load(Path(archive).read_bytes(), size=20_000)
        await bench.images.remove("big:2", force=True)
        print("done", flush=True)

    asyncio.run(main())
""")


def check_consistent(bench: ImageBench) -> None:
    """What rows name is there and complete, and nothing else is."""
    images = bench.store.metadata.images.list()
    wanted: set[str] = set()
    for image in images:
        wanted |= image_blobs(image)
        for layer in image.layers:
            assert bench.store.snapshots.find(layer.chain_id) is not None
    found = {digest for digest, _ in bench.store.content.list()}
    assert found == wanted
    for digest in found:
        bench.store.content.read(digest, 1 << 30)  # verifies
    assert list(bench.store.content.ingest.iterdir()) == []
    snapshots = {snapshot.key for snapshot in bench.store.snapshots.list()}
    assert snapshots == {layer.chain_id for image in images for layer in image.layers}
    assert len(list((bench.root / "snapshots").iterdir())) == len(snapshots)


@pytest.mark.parametrize("seed", range(8))
async def test_a_load_killed_at_any_moment_is_repaired(tmp_path: Path, seed: int) -> None:
    archives = []
    for number in range(3):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(docker_archive(BIG, LAYER, tags=[f"big:{number}"], author=str(number)))
        archives.append(str(path))
    root = tmp_path / "root"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", LOADER, str(root), *archives],
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(random.Random(seed).uniform(0, 0.9))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    bench = ImageBench(root)
    try:
        check_consistent(bench)
        for archive in archives:
            await bench.load(Path(archive).read_bytes())
        check_consistent(bench)
        for number in range(3):
            await bench.images.remove(f"big:{number}")
        assert bench.is_empty()
    finally:
        bench.store.close()


async def test_loads_and_removals_of_shared_layers_do_not_disturb_each_other(
    bench: ImageBench,
) -> None:
    """Ten clients load and remove images of the same layers; each load ends with a whole image."""

    async def client(number: int) -> None:
        archive = docker_archive(LAYER, SECOND, tags=[f"x:{number}"], author=str(number))
        for _ in range(4):
            await bench.load(archive)
            image = await bench.images.get(f"x:{number}")
            for layer in image.layers:
                assert bench.store.content.exists(layer.blob.digest)
                assert bench.store.snapshots.find(layer.chain_id) is not None
            await bench.save(f"x:{number}")
            await bench.images.remove(f"x:{number}")

    async def sweeper() -> None:
        while True:
            bench.store.collector.sweep()
            await asyncio.sleep(0.005)

    sweeping = asyncio.ensure_future(sweeper())
    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(client(number))
    sweeping.cancel()
    assert list(await bench.images.list(ImageListing(all=True))) == []
    bench.store.collector.sweep()
    assert bench.is_empty(), bench.leftovers()
