"""One connection to a process's streams for several clients.

A supervisor accepts one connection at each of its wake-ups, between which the process may already have
written: of several connections made before the start the later ones could miss that. So those who attach
early share the first.

Where standard input ends with its first client (Docker's StdinOnce), conmon closes it when any
connection ends, be it one that only listened. There all clients share one connection, which is kept, and
emptied, while nobody listens.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from boxship.runtime.contract import ProcessStreams

BACKLOG: Final = 1 << 20
"""Bytes that one member may lag behind the others before these wait for it, as under Docker."""


class SharedStreams:
    """What the members share: whoever runs out of output reads on, for everybody."""

    def __init__(
        self, streams: ProcessStreams, keep: Callable[[Coroutine[Any, Any, None]], object] | None
    ) -> None:
        self.streams = streams
        self._keep = keep
        self._input_ended = False
        self.members: list[Member] = []
        self.ended = False
        self.reading = asyncio.Lock()
        self.room = asyncio.Event()

    def __repr__(self) -> str:
        return f"SharedStreams({len(self.members)} members)"

    async def read_on(self) -> None:
        """Take the next output and give it to all members; the caller holds `reading`."""
        while any(member.backlog >= BACKLOG for member in self.members):
            self.room.clear()
            await self.room.wait()
        chunk = await self.streams.read()
        if chunk is None:
            self.ended = True
            return
        for member in self.members:
            member.offer(chunk)

    def join(self) -> "Member":
        """One more client, which sees what comes from now on."""
        member = Member(self)
        self.members.append(member)
        return member

    async def end_input(self) -> None:
        """Standard input has come to its end, whoever's it was."""
        self._input_ended = True
        await self.streams.close_stdin()

    def leave(self, member: "Member") -> None:
        """A member's client is gone; after the last one the connection is closed, or kept for others."""
        if member not in self.members:
            return
        self.members.remove(member)
        self.room.set()
        if self.members:
            return
        if self._keep is None or self._input_ended or self.ended:
            self.ended = True
            self.streams.close()
        else:
            self._keep(self._discard())

    async def _discard(self) -> None:
        """Let the process write although nobody listens."""
        while not self.members and not self.ended:
            async with self.reading:
                if not self.members:
                    await self.read_on()


class Member:
    """One client's share; implements runtime.contract.ProcessStreams."""

    def __init__(self, shared: SharedStreams) -> None:
        self._shared = shared
        self._received: deque[tuple[int, bytes]] = deque()
        self.backlog = 0

    def offer(self, chunk: tuple[int, bytes]) -> None:
        """Keep output until it is read."""
        self._received.append(chunk)
        self.backlog += len(chunk[1])

    async def read(self) -> tuple[int, bytes] | None:
        """The next output; None once the process closed its streams."""
        while not self._received:
            async with self._shared.reading:
                if self._received:
                    break  # another member read on meanwhile
                if self._shared.ended:
                    return None
                await self._shared.read_on()
        chunk = self._received.popleft()
        self.backlog -= len(chunk[1])
        self._shared.room.set()
        return chunk

    async def write(self, data: bytes) -> None:
        """Feed standard input."""
        await self._shared.streams.write(data)

    async def close_stdin(self) -> None:
        """End standard input."""
        await self._shared.end_input()

    def close(self) -> None:
        """Leave."""
        self._shared.leave(self)


def share(streams: ProcessStreams, count: int) -> list[ProcessStreams]:
    """As many views of the same streams; the streams themselves for one client."""
    if count == 1:
        return [streams]
    shared = SharedStreams(streams, None)
    return [shared.join() for _ in range(count)]
