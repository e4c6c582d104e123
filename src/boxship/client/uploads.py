"""A request's body, sent while the answer is already being read."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from boxship.client.dialling import Line
from boxship.concurrency import Supervisor

CHUNK: Final = 1 << 18


class Upload:
    """Sends what an iterator yields in chunked coding, at the daemon's pace."""

    def __init__(self, line: Line, body: AsyncIterator[bytes], tasks: Supervisor) -> None:
        self._line = line
        self._body = body
        self._failure: Exception | None = None
        self._task = tasks.start(self._run(), name="upload")

    def __repr__(self) -> str:
        return f"<Upload {'done' if self.done else 'under way'}>"

    @property
    def done(self) -> bool:
        """Whether the daemon was sent everything."""
        return self._task.done()

    def check(self) -> None:
        """Raise what made the body end before its time."""
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Send no more: the daemon has answered."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            async for data in self._body:
                view = memoryview(data)
                for start in range(0, len(view), CHUNK):
                    if not await self._send(view[start : start + CHUNK]):
                        return
        except Exception as error:  # noqa: BLE001 - raised again where the answer is awaited
            self._failure = error
            self._line.abort()  # the daemon must not take a part for the whole
            return
        finally:
            if (close := getattr(self._body, "aclose", None)) is not None:
                await close()
        await self._send(memoryview(b""))

    async def _send(self, data: memoryview) -> bool:
        """One chunk, the last when it is empty; False once the daemon listens no more."""
        try:
            self._line.writer.write(b"".join((b"%x\r\n" % len(data), data, b"\r\n")))
            await self._line.writer.drain()
            # an answer that refuses the rest must be read before a write to a closed end loses it
            await asyncio.sleep(0)
        except OSError:
            return False
        return True
