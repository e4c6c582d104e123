"""The engine as a whole: ping, version, info, events, disk usage."""

from typing import Final

from boxship.api.docker import parameters, wire
from boxship.api.docker.routing import Access, Route
from boxship.api.docker.views import events as event_views
from boxship.api.docker.views import system as views
from boxship.errors import InvalidArgument, Unsupported
from boxship.http.request import Request
from boxship.http.response import JSON, Answer, Output, Response, Stream
from boxship.services import Services

KINDS: Final = frozenset({"container", "image", "volume", "build-cache"})

PING_HEADERS: Final = {
    "Builder-Version": "1",  # 2 when BuildKit is served
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}


async def ping(services: Services, request: Request) -> Answer:
    """GET and HEAD /_ping"""
    body = b"OK" if request.method == "GET" else b""
    return Response(body, content_type="text/plain; charset=utf-8", headers=dict(PING_HEADERS))


async def options(services: Services, request: Request) -> Answer:
    """OPTIONS of any path"""
    return Response()


async def version(services: Services, request: Request) -> Answer:
    """GET /version"""
    return wire.answer(views.version(await services.system.info()))


async def info(services: Services, request: Request) -> Answer:
    """GET /info"""
    return wire.answer(views.info(await services.system.info(), request.version))


async def disk_usage(services: Services, request: Request) -> Answer:
    """GET /system/df"""
    kinds = frozenset(request.query.all("type") if request.version >= (1, 42) else ())
    for kind in sorted(kinds - KINDS):
        raise InvalidArgument(f"unknown object type: {kind}")
    usage = await services.system.disk_usage(kinds)
    return wire.answer(views.disk_usage(usage, request.version, kinds or KINDS))


async def events(services: Services, request: Request) -> Answer:
    """GET /events"""
    query = request.query
    since = parameters.timestamp_ns(query.text("since"))
    until = parameters.timestamp_ns(query.text("until"))
    if since is not None and until is not None and since > until:
        raise InvalidArgument(
            f"`since` time ({query.text('since')}) cannot be after `until` time ({query.text('until')})"
        )
    found = await services.events.subscribe(
        parameters.filters(query), since_ns=since, until_ns=until
    )

    async def produce(output: Output) -> None:
        await output.start()
        async for event in found:
            await output.write(wire.dump(event_views.event(event)))

    return Stream(produce, content_type=JSON, source=found)


async def authenticate(services: Services, request: Request) -> Answer:
    """POST /auth"""
    raise Unsupported("cannot log in: this engine has no registry client yet")


ROUTES = (
    Route("GET", "/_ping", ping, Access.READ),
    Route("HEAD", "/_ping", ping, Access.READ),
    Route("OPTIONS", "/{any:.*}", options, Access.READ),
    Route("GET", "/version", version, Access.READ),
    Route("GET", "/info", info, Access.READ),
    Route("GET", "/events", events, Access.STREAM),
    Route("GET", "/system/df", disk_usage, Access.READ),
    Route("POST", "/auth", authenticate, Access.READ),
)
