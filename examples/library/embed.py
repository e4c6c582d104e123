"""An engine in this process: no daemon, no socket. Needs root.

Usage: embed.py DATA-ROOT IMAGE-ARCHIVE [BRIDGE-ADDRESS]
"""

import asyncio
import sys

import boxship


async def main(data_root: str, archive: str, bridge_address: str = "") -> None:
    config = boxship.EngineConfig(bip=bridge_address)  # "" picks a free subnet
    async with boxship.Engine(data_root, config=config) as engine:
        (image,) = await engine.load(archive)
        print((await engine.run(image, "echo", "from within")).text)
        box = await engine.start(image, "sleep", "600", name="lasting")

    # the engine is closed, its containers go on; the next one finds them again
    async with boxship.Engine(data_root, config=config) as engine:
        box = await engine.get("lasting")
        print((await box.exec("echo", "still there")).text)
        await box.remove(force=True)
        await engine.images.remove(image)


asyncio.run(main(*sys.argv[1:]))

# > from within
# > still there
