"""What a process said and how it ended."""

from typing import Final

import msgspec

from boxship.errors import BoxshipError
from boxship.services.streams import STDERR, STDOUT, ClientStream

SHOWN: Final = 400
"""How much of a failed process's last words its error repeats, in characters."""


class Output(msgspec.Struct, frozen=True):
    """The output of a process that has ended; with a terminal everything is in `stdout`."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""

    @property
    def text(self) -> str:
        """`stdout` as text, without the last line end."""
        return self.stdout.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")


class ProcessFailed(BoxshipError):
    """A process that was to succeed ended with another exit code than 0; `output` has all it said."""

    def __init__(self, command: tuple[str, ...], output: Output) -> None:
        words = (output.stderr or output.stdout).decode("utf-8", "replace").strip()
        said = f": {words[-SHOWN:]}" if words else ""
        super().__init__(f"{' '.join(command) or 'container'} exited with {output.exit_code}{said}")
        self.output = output


class Collector(ClientStream):
    """A client that sends a fixed input and keeps all the output."""

    def __init__(self, stdin: bytes = b"") -> None:
        self._stdin = stdin
        self._kept: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}

    async def read(self) -> bytes:
        """The input, then its end."""
        data, self._stdin = self._stdin, b""
        return data

    async def write(self, stream: int, data: bytes) -> None:
        """Keep output."""
        self._kept[stream].append(data)

    def output(self, exit_code: int) -> Output:
        """All that was kept."""
        return Output(exit_code, b"".join(self._kept[STDOUT]), b"".join(self._kept[STDERR]))
