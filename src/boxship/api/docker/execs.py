"""Exec sessions."""

from typing import Any

from boxship.api.docker import parameters, wire
from boxship.api.docker.routing import Access, Route
from boxship.api.docker.streams import RAW, HijackedClient, carry, content_type, tell
from boxship.api.docker.views.containers import exec_session
from boxship.errors import BoxshipError, InvalidArgument
from boxship.http.hijack import RawStream
from boxship.http.request import Request
from boxship.http.response import Answer, Hijack
from boxship.model.container import HostConfig
from boxship.services import Services
from boxship.services.execs import ExecRequest
from boxship.services.streams import Attachment


async def create(services: Services, request: Request) -> Answer:
    """POST /containers/{name}/exec"""
    body = await wire.read(request)
    cmd = wire.object_of(body, "", "container.ExecOptions").get("cmd")
    if cmd is not None and not isinstance(cmd, list):
        raise wire.mismatch(cmd, "ExecOptions.Cmd", "[]string")  # no string for a list here
    fields = wire.fields(ExecRequest, body, "ExecOptions")
    if request.version < (1, 42):
        fields.pop("console_size", None)
    if not fields.get("cmd"):
        raise InvalidArgument("No exec command specified")
    exec_id = await services.execs.create(request.variables["name"], ExecRequest(**fields))
    return wire.answer({"Id": exec_id}, 201)


async def start(services: Services, request: Request) -> Answer:
    """POST /exec/{id}/start: once hijacked, what fails is told in the stream, as Docker does."""
    exec_id = request.variables["id"]
    body = wire.object_of(await wire.read(request), "", "container.ExecStartOptions")
    tty, detach = (_flag(body, name) for name in ("Tty", "Detach"))
    size = _console_size(body)
    if not tty or request.version < (1, 42):
        size = None
    await services.execs.inspect(exec_id, usable=True)  # what fails here is an ordinary answer
    if detach:
        await services.execs.start(exec_id, detach=True, tty=tty, console_size=size)
        return wire.nothing(200)

    async def run(stream: RawStream) -> None:
        client = HijackedClient(stream, tty=tty)
        try:
            attachment = await request.finish(
                services.execs.start(exec_id, detach=False, tty=tty, console_size=size),
                name=f"exec {exec_id}",
                unwanted=_close,
            )
        except BoxshipError as error:
            await tell(client, error)
            return
        if attachment is not None:
            await carry(attachment, client)

    # without an upgrade Docker calls it raw, frames or not
    kind = content_type(request, tty=tty) if "Upgrade" in request.headers else RAW
    return Hijack(run, content_type=kind)


async def _close(attachment: Attachment | None) -> None:
    if attachment is not None:
        await attachment.close()


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name.lower())
    if not isinstance(value, bool | None):
        raise wire.mismatch(value, f"ExecStartOptions.{name}", "bool")
    return value is True


def _console_size(body: dict[str, Any]) -> tuple[int, int] | None:
    given = {"ConsoleSize": body.get("consolesize")}
    return wire.fields(HostConfig, given, "ExecStartOptions").get("console_size")


async def resize(services: Services, request: Request) -> Answer:
    """POST /exec/{id}/resize"""
    height = parameters.size(request.query, "h", "height")
    width = parameters.size(request.query, "w", "width")
    await services.execs.resize(request.variables["id"], height, width)
    return wire.nothing(200)


async def inspect(services: Services, request: Request) -> Answer:
    """GET /exec/{id}/json"""
    return wire.answer(exec_session(await services.execs.inspect(request.variables["id"])))


ROUTES = (
    Route("POST", "/containers/{name:.*}/exec", create, Access.WRITE),
    Route("POST", "/exec/{id:.*}/start", start, Access.WRITE),
    Route("POST", "/exec/{id:.*}/resize", resize, Access.WRITE),
    Route("GET", "/exec/{id:.*}/json", inspect, Access.READ),
)
