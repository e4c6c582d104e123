"""What a build says, in the classic builder's form: each stage's words in order, whatever ran beside it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from boxship.model.progress import Progress

_DEPTH: Final = 512
_LONG_LINE: Final = 16 << 10
_RED, _NORMAL = "\x1b[91m", "\x1b[0m"


class Transcript:
    """One stage's messages; a stage that is ahead of what the client reads waits."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._queue: asyncio.Queue[Progress | None] = asyncio.Queue(_DEPTH)
        self._partial: dict[int, bytes] = {}

    async def words(self, text: str) -> None:
        """Say something, as it is."""
        if not self._quiet:
            await self._queue.put(Progress(stream=text))

    async def line(self, text: str) -> None:
        """Say a line."""
        await self.words(f"{text}\n")

    async def step(self, number: int, total: int, original: str) -> None:
        """Announce a step, in two messages as Docker does."""
        await self.words(f"Step {number}/{total} : {original}")
        await self.words("\n")

    async def result(self, image_id: str) -> None:
        """Tell programs which image a stage made."""
        if not self._quiet:
            await self._queue.put(Progress(aux={"ID": image_id}))

    async def output(self, stream: int, data: bytes) -> None:
        """What a process wrote, by whole lines; standard error in red."""
        data = self._partial.pop(stream, b"") + data
        whole = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if whole == 0 and len(data) > _LONG_LINE:
            whole = len(data)
        if whole < len(data):
            self._partial[stream] = data[whole:]
        await self._write(stream, data[:whole])

    async def flush(self) -> None:
        """The process ended: what it wrote of a line is all there is of it."""
        for stream in sorted(self._partial):
            await self._write(stream, self._partial.pop(stream))

    async def _write(self, stream: int, data: bytes) -> None:
        if data:
            text = data.decode(errors="replace")
            await self.words(f"{_RED}{text}{_NORMAL}" if stream == 2 else text)

    async def end(self) -> None:
        """Nothing more will be said."""
        await self._queue.put(None)

    async def messages(self) -> AsyncIterator[Progress]:
        """All of it, until the end."""
        while (message := await self._queue.get()) is not None:
            yield message
