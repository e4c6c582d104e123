"""Talking to a process: write to its input while its output comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

from boxship.services.streams import Attachment, ClientStream

DEPTH: Final = 8
"""Pieces of output that wait for a slow reader; then the process does."""


class Piece(NamedTuple):
    """Some output: of STDOUT (1) or STDERR (2), cut wherever it happened to be."""

    stream: int
    data: bytes


class Session:
    """A running process's streams: iterate for its output, `write` for its input."""

    def __init__(
        self,
        client: "_Client",
        *,
        tty: bool,
        resize: Callable[[int, int], Awaitable[None]],
        exit_code: Callable[[], Awaitable[int]],
    ) -> None:
        self._client = client
        self._tty = tty
        self._resize = resize
        self._exit_code = exit_code

    def __repr__(self) -> str:
        return f"<Session {'with' if self.tty else 'without'} a terminal>"

    @property
    def tty(self) -> bool:
        """Whether the process has a terminal: its output is then all STDOUT."""
        return self._tty

    async def write(self, data: bytes) -> None:
        """Send input; waits while the process does not read, ConnectionError once it ended."""
        if not data:
            return
        await self._client.send(data)

    async def write_eof(self) -> None:
        """End the input; output goes on."""
        await self._client.send(b"")

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self

    async def __anext__(self) -> Piece:
        piece = await self._client.receive()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def resize(self, height: int, width: int) -> None:
        """Set the size of the terminal, in characters."""
        await self._resize(height, width)

    async def exit_code(self) -> int:
        """Drop what output is left, wait for the end and return the exit code."""
        async for _ in self:
            pass
        return await self._exit_code()


@contextlib.asynccontextmanager
async def open_session(
    attachment: Attachment,
    *,
    resize: Callable[[int, int], Awaitable[None]],
    exit_code: Callable[[], Awaitable[int]],
) -> AsyncIterator[Session]:
    """Carry bytes while the block runs; leaving it detaches, which ends no process."""
    client = _Client()
    carrying = asyncio.ensure_future(_carry(attachment, client))
    try:
        yield Session(client, tty=attachment.tty, resize=resize, exit_code=exit_code)
    finally:
        carrying.cancel()
        await asyncio.wait([carrying])
        await attachment.close()
    if not carrying.cancelled() and (error := carrying.exception()) is not None:
        raise error


async def _carry(attachment: Attachment, client: "_Client") -> None:
    try:
        await attachment.run(client)
    except asyncio.CancelledError:
        raise  # nobody reads any more
    except BaseException:
        await client.end()
        raise
    await client.end()


class _Client(ClientStream):
    """The end of a stream that this program holds."""

    def __init__(self) -> None:
        self._input: asyncio.Queue[bytes] = asyncio.Queue(DEPTH)
        self._output: asyncio.Queue[Piece | None] = asyncio.Queue(DEPTH)
        self._ended = asyncio.Event()

    async def read(self) -> bytes:
        return await self._input.get()

    async def write(self, stream: int, data: bytes) -> None:
        await self._output.put(Piece(stream, data))

    async def send(self, data: bytes) -> None:
        """Hand input over, unless the process ends first."""
        if self._ended.is_set():
            raise ConnectionResetError("the process has ended")
        putting = asyncio.ensure_future(self._input.put(data))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait([putting, ended], return_when=asyncio.FIRST_COMPLETED)
            if not putting.done():
                raise ConnectionResetError("the process has ended")
        finally:
            putting.cancel()
            ended.cancel()

    async def receive(self) -> Piece | None:
        """The next output; None at the end, again and again."""
        if self._ended.is_set() and self._output.empty():
            return None
        return await self._output.get()

    async def end(self) -> None:
        """There will be no more output."""
        self._ended.set()
        await self._output.put(None)
