"""The streams of containers and exec sessions: attach, logs, terminals."""

from collections.abc import AsyncIterator
from typing import Final, Protocol

import msgspec

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2


class ClientStream(Protocol):
    """A client's end of a hijacked connection, whatever carries it."""

    async def read(self) -> bytes:
        """The next bytes of the client's input; b"" when it closed its side."""
        ...

    async def write(self, stream: int, data: bytes) -> None:
        """Send output of STDOUT or STDERR; waits while the client is slow; ConnectionError once gone."""
        ...


class AttachOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What an attach carries: past output (`logs`), output from now on (`stream`), and which streams."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    logs: bool = False
    stream: bool = False
    detach_keys: str = ""


class Attachment(Protocol):
    """An attachment that was granted: from now on it misses nothing."""

    @property
    def tty(self) -> bool:
        """True when there is one raw stream, not two."""
        ...

    async def run(self, client: ClientStream) -> None:
        """Carry bytes both ways until the process ends, the client detaches or goes."""
        ...

    async def close(self) -> None:
        """Give it up without running; harmless after run."""
        ...


class LogOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `logs` is asked for; times in nanoseconds since the epoch, `tail` None for all lines."""

    stdout: bool = False
    stderr: bool = False
    follow: bool = False
    timestamps: bool = False
    details: bool = False
    since_ns: int = 0
    until_ns: int = 0
    tail: int | None = None


class Logs(msgspec.Struct, frozen=True):
    """Log output as chunks of (STDOUT or STDERR, bytes); a chunk holds whole lines, often many."""

    tty: bool
    chunks: AsyncIterator[tuple[int, bytes]]


class Streams(Protocol):
    """Attach, logs and terminal sizes."""

    async def attach(self, name: str, options: AttachOptions) -> Attachment:
        """Join the container's streams, also before it starts."""
        ...

    async def logs(self, name: str, options: LogOptions) -> Logs:
        """Read what it wrote, and with *follow* what it writes until it ends."""
        ...

    async def resize(self, name: str, height: int, width: int) -> None:
        """Set the size of its terminal; raise ContainerNotRunning."""
        ...
