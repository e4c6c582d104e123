"""Build an image from a folder, and watch a build as it goes."""

import asyncio
import tempfile
from pathlib import Path

import boxship
from boxship.library.packing import pack_context
from boxship.services.builds import BuildRequest

DOCKERFILE = """\
FROM busybox
ARG WHO=nobody
RUN echo "built for $WHO" > /message
CMD ["cat", "/message"]
"""


async def main(folder: Path) -> None:
    (folder / "Dockerfile").write_text(DOCKERFILE)
    async with boxship.connect() as engine:
        image = await engine.build(folder, build_args={"WHO": "you"})
        print((await engine.run(image)).text)

        (folder / "Dockerfile").write_text("FROM busybox\nRUN exit 9\n")
        try:
            await engine.build(folder)
        except boxship.BuildFailed as error:
            print(error)

        (folder / "Dockerfile").write_text("FROM busybox\nLABEL a=b\n")
        request = BuildRequest(quiet=False)
        async for message in engine.builds.build(request, pack_context(folder, "")):
            if message.stream.startswith("Step"):
                print(message.stream.strip())


with tempfile.TemporaryDirectory() as temporary:
    asyncio.run(main(Path(temporary)))

# > built for you
# > The command '/bin/sh -c exit 9' returned a non-zero code: 9
# > Step 1/2 : FROM busybox
# > Step 2/2 : LABEL a=b
