"""One connection to a process's streams for several clients.

A supervisor accepts one connection at each of its wake-ups, between which the process may already have
written: of several connections made before the start the later ones could miss that. So those who attach
early share the first.
"""

import asyncio
from collections import deque
from typing import Final

from boxship.runtime.contract import ProcessStreams

BACKLOG: Final = 1 << 20
"""Bytes that one member may lag behind the others before these wait for it, as under Docker."""


class SharedStreams:
    """What the members share: whoever runs out of output reads on, for everybody."""

    def __init__(self, streams: ProcessStreams) -> None:
        self.streams = streams
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

    def leave(self, member: "Member") -> None:
        """A member's client is gone; the last one closes the connection."""
        if member in self.members:
            self.members.remove(member)
            self.room.set()
            if not self.members:
                self.streams.close()


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
        await self._shared.streams.close_stdin()

    def close(self) -> None:
        """Leave."""
        self._shared.leave(self)


def share(streams: ProcessStreams, count: int) -> list[ProcessStreams]:
    """As many views of the same streams; the streams themselves for one client."""
    if count == 1:
        return [streams]
    shared = SharedStreams(streams)
    shared.members = [Member(shared) for _ in range(count)]
    return list(shared.members)
