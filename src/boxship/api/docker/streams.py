"""The streams of containers: attach, logs and terminal sizes."""

from typing import Final

import msgspec

from boxship.api.docker import parameters, wire
from boxship.api.docker.errors import log_unforeseen, status_of, text_of
from boxship.api.docker.routing import Access, Route
from boxship.errors import BoxshipError, InvalidArgument
from boxship.http import stdcopy
from boxship.http.hijack import RawStream
from boxship.http.request import Request
from boxship.http.response import Answer, Hijack, Output, Response, Stream
from boxship.http.websocket import Socket, WebSocket
from boxship.services import Services
from boxship.services.streams import STDOUT, Attachment, AttachOptions, LogOptions

RAW: Final = "application/vnd.docker.raw-stream"
MULTIPLEXED: Final = "application/vnd.docker.multiplexed-stream"


class HijackedClient:
    """A client on a hijacked connection: raw with a terminal, framed without."""

    def __init__(self, stream: RawStream, *, tty: bool) -> None:
        self._stream = stream
        self._tty = tty

    async def read(self) -> bytes:
        """The client's input."""
        return await self._stream.read()

    async def write(self, stream: int, data: bytes) -> None:
        """Send output."""
        await self._stream.write(data if self._tty else stdcopy.encode(stream, data))


class SocketClient:
    """A client on a websocket: output of both streams, one after the other."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        """The client's input."""
        return await self._socket.read()

    async def write(self, stream: int, data: bytes) -> None:  # noqa: ARG002
        """Send output."""
        await self._socket.write(data)


def hijacked_type(request: Request, *, tty: bool) -> str:
    """Of a connection that becomes a stream: without an upgrade, clients are told what old ones were."""
    return content_type(request, tty=tty) if "Upgrade" in request.headers else RAW


def content_type(request: Request, *, tty: bool) -> str:
    """Clients of API 1.42 and later are told whether the stream has frames."""
    return RAW if tty or request.version < (1, 42) else MULTIPLEXED


def _attach_options(request: Request) -> AttachOptions:
    query = request.query
    return AttachOptions(
        stdin=query.flag("stdin"),
        stdout=query.flag("stdout"),
        stderr=query.flag("stderr"),
        logs=query.flag("logs"),
        stream=query.flag("stream"),
        detach_keys=query.text("detachKeys"),
    )


async def attach(services: Services, request: Request) -> Answer:
    """POST /containers/{name}/attach: Docker has taken the connection over already, and tells errors bare."""
    try:
        attachment = await services.streams.attach(
            request.variables["name"], _attach_options(request)
        )
    except BoxshipError as error:
        return Response(f"{error}\r\n".encode(), status=status_of(error), content_type=RAW)

    async def run(stream: RawStream) -> None:
        await carry(attachment, HijackedClient(stream, tty=attachment.tty))

    return Hijack(
        run, content_type=hijacked_type(request, tty=attachment.tty), unsent=attachment.close
    )


async def carry(attachment: Attachment, client: HijackedClient | SocketClient) -> None:
    """Run an attachment; what fails now is told in the stream, the status has gone."""
    try:
        await attachment.run(client)
    except BoxshipError as error:
        await tell(client, error)
    finally:
        await attachment.close()


async def tell(client: HijackedClient | SocketClient, error: BaseException) -> None:
    """Write an error into the stream, as Docker does once the connection is hijacked."""
    log_unforeseen(error)
    await client.write(STDOUT, f"{text_of(error)}\r\n".encode())


async def attach_websocket(services: Services, request: Request) -> Answer:
    """GET /containers/{name}/attach/ws"""
    options = _attach_options(request)
    if request.version < (1, 42):  # no choice yet
        options = msgspec.structs.replace(options, stdin=True, stdout=True, stderr=True)
    attachment = await services.streams.attach(request.variables["name"], options)

    async def run(socket: Socket) -> None:
        await carry(attachment, SocketClient(socket))

    return WebSocket(run, unsent=attachment.close)


async def logs(services: Services, request: Request) -> Answer:
    """GET /containers/{name}/logs"""
    query = request.query
    if not (query.flag("stdout") or query.flag("stderr")):
        raise InvalidArgument("Bad parameters: you must choose at least one stream")
    options = LogOptions(
        stdout=query.flag("stdout"),
        stderr=query.flag("stderr"),
        follow=query.flag("follow"),
        timestamps=query.flag("timestamps"),
        details=query.flag("details"),
        since_ns=parameters.timestamp_ns(query.text("since")) or 0,
        until_ns=parameters.timestamp_ns(query.text("until")) or 0,
        tail=_tail(query.text("tail")),
    )
    output_of = await services.streams.logs(request.variables["name"], options)

    async def produce(output: Output) -> None:
        await output.start()
        async for stream, data in output_of.chunks:
            await output.write(data if output_of.tty else stdcopy.encode_lines(stream, data))

    return Stream(
        produce, content_type=content_type(request, tty=output_of.tty), source=output_of.chunks
    )


def _tail(text: str) -> int | None:
    try:
        lines = parameters.integer(text)
    except parameters.NotANumber:
        return None  # "all", and whatever else makes no sense
    return lines if lines >= 0 else None


async def resize(services: Services, request: Request) -> Answer:
    """POST /containers/{name}/resize"""
    height = parameters.size(request.query, "h", "height")
    width = parameters.size(request.query, "w", "width")
    await services.streams.resize(request.variables["name"], height, width)
    return wire.nothing(200)


ROUTES = (
    Route("POST", "/containers/{name:.*}/attach", attach, Access.STREAM),
    Route("GET", "/containers/{name:.*}/attach/ws", attach_websocket, Access.STREAM),
    Route("GET", "/containers/{name:.*}/logs", logs, Access.STREAM),
    Route("POST", "/containers/{name:.*}/resize", resize, Access.WRITE),
)
