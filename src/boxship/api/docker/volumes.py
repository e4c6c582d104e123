"""Volumes."""

from boxship.api.docker import absent, parameters, wire
from boxship.api.docker.routing import Access, Route
from boxship.api.docker.views import volumes as views
from boxship.errors import InvalidArgument, Unavailable
from boxship.http.request import Request
from boxship.http.response import Answer
from boxship.model.filters import Filters
from boxship.services import Services
from boxship.services.volumes import VolumeRequest


def _filters(request: Request) -> Filters:
    try:
        return parameters.filters(request.query)
    except InvalidArgument as error:
        raise InvalidArgument(f"error reading volume filters: {error}") from error


async def list_volumes(services: Services, request: Request) -> Answer:
    """GET /volumes"""
    details = await services.volumes.list(_filters(request))
    volumes = [views.volume(detail.volume) for detail in details]
    return wire.answer({"Volumes": volumes, "Warnings": None})


async def inspect(services: Services, request: Request) -> Answer:
    """GET /volumes/{name}"""
    return wire.answer(views.volume(await services.volumes.inspect(request.variables["name"])))


async def create(services: Services, request: Request) -> Answer:
    """POST /volumes/create"""
    body = wire.object_of(await wire.read(request), "", "volume.CreateOptions")
    if body.get("clustervolumespec") is not None:
        raise Unavailable(absent.NO_MANAGER)
    options = body.pop("driveropts", None)
    fields = wire.fields(VolumeRequest, body, "CreateOptions")
    fields["options"] = wire.string_map(options, "CreateOptions.DriverOpts")
    volume = await services.volumes.create(VolumeRequest(**fields))
    return wire.answer(views.volume(volume), 201)


async def remove(services: Services, request: Request) -> Answer:
    """DELETE /volumes/{name}"""
    force = request.query.flag("force")
    await services.volumes.remove(request.variables["name"], force=force)
    return wire.nothing()


async def prune(services: Services, request: Request) -> Answer:
    """POST /volumes/prune: before API 1.42, named volumes too."""
    filters = parameters.filters(request.query)
    if request.version < (1, 42):
        filters = Filters({**filters.values, "all": ("true",)})
    result = await services.volumes.prune(filters)
    return wire.answer({"VolumesDeleted": list(result.removed), "SpaceReclaimed": result.reclaimed})


async def update(services: Services, request: Request) -> Answer:
    """PUT /volumes/{name}: for volumes of a swarm."""
    raise Unavailable("volume update only valid for cluster volumes, but swarm is unavailable")


ROUTES = (
    Route("GET", "/volumes", list_volumes, Access.READ),
    Route("POST", "/volumes/create", create, Access.WRITE),
    Route("POST", "/volumes/prune", prune, Access.WRITE),
    Route("GET", "/volumes/{name:.*}", inspect, Access.READ),
    Route("PUT", "/volumes/{name:.*}", update, Access.WRITE),
    Route("DELETE", "/volumes/{name:.*}", remove, Access.WRITE),
)
