"""What a build says, in the classic builder's form: each stage's words in order, whatever ran beside it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from boxship.model.progress import Progress

_DEPTH: Final = 512
_RED, _NORMAL = "\x1b[91m", "\x1b[0m"


class Transcript:
    """One stage's messages; a stage that is ahead of what the client reads waits."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._queue: asyncio.Queue[Progress | None] = asyncio.Queue(_DEPTH)
        self._broken: dict[int, bytes] = {}

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

    async def output(self, stream: int, data: bytes) -> None:
        """What a process wrote; standard error in red."""
        data = self._broken.pop(stream, b"") + data
        whole = _whole_characters(data)
        if whole < len(data):
            self._broken[stream] = data[whole:]
        text = data[:whole].decode(errors="replace")
        if text:
            await self.words(f"{_RED}{text}{_NORMAL}" if stream == 2 else text)

    async def end(self) -> None:
        """Nothing more will be said."""
        await self._queue.put(None)

    async def messages(self) -> AsyncIterator[Progress]:
        """All of it, until the end."""
        while (message := await self._queue.get()) is not None:
            yield message


def _whole_characters(data: bytes) -> int:
    """How many bytes of *data* are complete UTF-8: a read may end within a character."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return len(data) - back if length > back else len(data)
    return len(data)
