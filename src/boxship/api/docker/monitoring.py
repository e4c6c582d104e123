"""Looking at running containers: top and stats."""

from boxship.api.docker import wire
from boxship.api.docker.routing import Access, Route
from boxship.api.docker.views.stats import stats as stats_view
from boxship.errors import InvalidArgument
from boxship.http.request import Request
from boxship.http.response import JSON, Answer, Output, Stream
from boxship.services import Services


async def top(services: Services, request: Request) -> Answer:
    """GET /containers/{name}/top"""
    ps_args = request.query.text("ps_args") or "-ef"
    table = await services.monitoring.top(request.variables["name"], ps_args)
    return wire.answer({"Processes": table.processes, "Titles": table.titles})


async def stats(services: Services, request: Request) -> Answer:
    """GET /containers/{name}/stats"""
    stream = request.query.flag("stream", default=True)
    one_shot = request.query.flag("one-shot") and request.version >= (1, 41)
    if stream and one_shot:
        raise InvalidArgument("cannot have stream=true and one-shot=true")
    samples = await services.monitoring.stats(
        request.variables["name"], stream=stream, one_shot=one_shot
    )

    async def produce(output: Output) -> None:
        if stream:
            await output.start()
        async for sample in samples:
            await output.write(wire.dump(stats_view(sample)))

    return Stream(produce, content_type=JSON, source=samples)


ROUTES = (
    Route("GET", "/containers/{name:.*}/top", top, Access.READ),
    Route("GET", "/containers/{name:.*}/stats", stats, Access.STREAM),
)
