"""Folders in and out, and volumes that outlive their containers."""

import asyncio
import tempfile
from pathlib import Path

import boxship
from boxship.services.volumes import VolumeRequest


async def main(here: Path) -> None:
    async with boxship.connect() as engine:
        volume = await engine.volumes.create(VolumeRequest(labels={"example": "files"}))
        mounted = [f"{volume.name}:/data"]

        async with engine.box("busybox", "sleep", "600", volumes=mounted) as box:
            (here / "site").mkdir()
            (here / "site" / "index.html").write_text("<h1>hello</h1>")
            await box.copy_in(here / "site", "/data")

        async with engine.box("busybox", "sleep", "600", volumes=mounted) as box:
            copied = await box.copy_out("/data/site", here / "out")
            print((copied / "index.html").read_text())

        await engine.volumes.remove(volume.name)


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(Path(folder)))

# > <h1>hello</h1>
