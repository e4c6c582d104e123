"""Raw streams: what becomes of a connection after attach and exec."""

from typing import TYPE_CHECKING, Final

from boxship.client.dialling import Line

if TYPE_CHECKING:
    from boxship.client.answers import Keeper

CHUNK: Final = 1 << 18


class Hijacked:
    """Bytes both ways, each direction closed on its own."""

    def __init__(self, keeper: "Keeper", line: Line, media_type: str) -> None:
        self._keeper = keeper
        self._line = line
        self.media_type = media_type

    def __repr__(self) -> str:
        return f"<Hijacked {self.media_type}>"

    async def read(self) -> bytes:
        """The next bytes; b"" once the daemon closed its side."""
        return await self._line.reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        """Send; waits while the daemon is slow."""
        self._line.writer.write(data)
        await self._line.writer.drain()

    def write_eof(self) -> None:
        """Say that no more comes; reading goes on."""
        if self._line.writer.can_write_eof():
            self._line.writer.write_eof()

    def close(self) -> None:
        """Give up the connection."""
        self._keeper.drop(self._line)
