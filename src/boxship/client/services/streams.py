"""The streams of containers and exec sessions."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from boxship.client.answers import Stream
from boxship.client.errors import ConnectionFailed
from boxship.client.exchange import Transport
from boxship.client.hijacking import Hijacked
from boxship.client.services import paths
from boxship.client.stdcopy import Demux
from boxship.concurrency import Supervisor
from boxship.services.streams import STDOUT, AttachOptions, ClientStream, LogOptions, Logs

RAW: Final = "application/vnd.docker.raw-stream"
TOLD_SINCE: Final = (1, 42)
"""The API version from which the media type tells whether a stream has frames."""


class RemoteAttachment:
    """Implements services.streams.Attachment over a raw connection."""

    def __init__(self, stream: Hijacked, tasks: Supervisor, *, tty: bool, stdin: bool) -> None:
        self._stream = stream
        self._tasks = tasks
        self._tty = tty
        self._stdin = stdin

    def __repr__(self) -> str:
        return f"<RemoteAttachment {self._stream!r}>"

    @property
    def tty(self) -> bool:
        """See services.streams."""
        return self._tty

    async def run(self, client: ClientStream) -> None:
        """See services.streams."""
        feeding = self._tasks.start(self._feed(client), name="attachment input")
        try:
            await self._deliver(client)
        finally:
            feeding.cancel()
            self._stream.close()
            await asyncio.wait([feeding])

    async def _deliver(self, client: ClientStream) -> None:
        split = splitter(tty=self._tty)
        while data := await self._read():
            for stream, piece in split(data):
                await client.write(stream, piece)

    async def _read(self) -> bytes:
        try:
            return await self._stream.read()
        except OSError as error:
            raise ConnectionFailed(str(error)) from error

    async def _feed(self, client: ClientStream) -> None:
        try:
            while self._stdin and (data := await client.read()):
                await self._stream.write(data)
            self._stream.write_eof()
        except OSError:
            pass  # the end of the output tells

    async def close(self) -> None:
        """See services.streams."""
        self._stream.close()


def splitter(*, tty: bool) -> Callable[[bytes], Iterable[tuple[int, bytes]]]:
    """Takes a stream's bytes, returns pieces of (STDOUT or STDERR, bytes)."""
    if tty:
        return lambda data: [(STDOUT, data)]
    return Demux().feed


class RemoteStreams:
    """Implements services.streams.Streams."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def attach(self, name: str, options: AttachOptions) -> RemoteAttachment:
        """See services.streams."""
        query = {
            "stdin": options.stdin,
            "stdout": options.stdout,
            "stderr": options.stderr,
            "logs": options.logs,
            "stream": options.stream,
            "detachKeys": options.detach_keys or None,
        }
        tty = await self._tty_of_old(name)
        stream = await self._transport.hijack(paths.container(name, "/attach"), query)
        return RemoteAttachment(
            stream,
            self._transport.tasks,
            tty=stream.media_type == RAW if tty is None else tty,
            stdin=options.stdin,
        )

    async def logs(self, name: str, options: LogOptions) -> Logs:
        """See services.streams."""
        query = {
            "stdout": options.stdout,
            "stderr": options.stderr,
            "follow": options.follow,
            "timestamps": options.timestamps,
            "details": options.details,
            "since": paths.moment(options.since_ns or None),
            "until": paths.moment(options.until_ns or None),
            "tail": "all" if options.tail is None else options.tail,
        }
        tty = await self._tty_of_old(name)
        answer = await self._transport.request("GET", paths.container(name, "/logs"), query)
        if tty is None:
            tty = answer.headers.get("content-type", "") == RAW
        return Logs(tty, Stream(answer, splitter(tty=tty)))

    async def _tty_of_old(self, name: str) -> bool | None:
        """Whether the container has a terminal, asked only where the stream does not tell."""
        if self._transport.version >= TOLD_SINCE:
            return None
        document = await self._transport.json("GET", paths.container(name, "/json"))
        return bool((document.get("Config") or {}).get("Tty"))

    async def resize(self, name: str, height: int, width: int) -> None:
        """See services.streams."""
        query = {"h": height, "w": width}
        await self._transport.json("POST", paths.container(name, "/resize"), query)
