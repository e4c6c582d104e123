"""What a build says, in the classic builder's form: each stage's words in order, whatever ran beside it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from boxship.model.progress import Progress

_LONG_LINE: Final = 16 << 10
_READ_AHEAD: Final = 1 << 20
"""How many characters of a stage's output may wait for the client while it reads that stage."""

_KEPT: Final = 16 << 20
"""How many are kept of a stage whose turn has not come; the rest is left out, as BuildKit does.

Such a stage must not wait for the client: the stage being read may need what this one is doing.
"""

_RED, _NORMAL = "\x1b[91m", "\x1b[0m"


class Transcript:
    """One stage's messages, from the stage that makes them to the one client that reads them."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._queue: asyncio.Queue[Progress | None] = asyncio.Queue()
        self._waiting = 0  # characters in the queue
        self._room = asyncio.Event()
        self._is_read = False
        self._clipped = False
        self._partial: dict[int, bytes] = {}

    def __repr__(self) -> str:
        return f"Transcript({self._waiting} characters wait)"

    async def words(self, text: str) -> None:
        """Say something, as it is."""
        if not self._quiet:
            self._waiting += len(text)
            self._queue.put_nowait(Progress(stream=text))

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
            self._queue.put_nowait(Progress(aux={"ID": image_id}))

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
        if not data or self._quiet:
            return
        while self._is_read and self._waiting > _READ_AHEAD:
            self._room.clear()
            await self._room.wait()
        if not self._is_read and self._waiting > _KEPT:
            await self._clip()
            return
        self._clipped = False
        text = data.decode(errors="replace")
        await self.words(f"{_RED}{text}{_NORMAL}" if stream == 2 else text)

    async def _clip(self) -> None:
        if not self._clipped:
            self._clipped = True
            await self.line(f"[output clipped, log limit {_KEPT >> 20}MiB reached]")

    async def end(self) -> None:
        """Nothing more will be said."""
        self._queue.put_nowait(None)

    async def messages(self) -> AsyncIterator[Progress]:
        """All of it, until the end."""
        self._is_read = True
        while (message := await self._queue.get()) is not None:
            self._waiting -= len(message.stream)
            if self._waiting <= _READ_AHEAD:
                self._room.set()
            yield message
