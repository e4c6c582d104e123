"""Networks."""

from boxship.api.docker import parameters, wire
from boxship.api.docker.routing import Access, Route
from boxship.api.docker.views import networks as views
from boxship.errors import InvalidArgument
from boxship.http.request import Request
from boxship.http.response import Answer
from boxship.model.network import EndpointSettings
from boxship.services import Services
from boxship.services.networks import NetworkRequest


async def list_networks(services: Services, request: Request) -> Answer:
    """GET /networks"""
    details = await services.networks.list(parameters.filters(request.query))
    return wire.answer([views.network(d, request.version, containers=False) for d in details])


async def inspect(services: Services, request: Request) -> Answer:
    """GET /networks/{name}"""
    detail = await services.networks.inspect(request.variables["name"])
    return wire.answer(views.network(detail, request.version, containers=True))


async def create(services: Services, request: Request) -> Answer:
    """POST /networks/create"""
    body = await wire.read(request)
    folded = wire.object_of(body, "", "network.CreateRequest")
    config_from = folded.pop("configfrom", None)
    fields = wire.fields(NetworkRequest, folded)
    if not fields.get("name", "").strip():
        raise InvalidArgument("invalid name: name is empty")
    if config_from is not None:
        network = wire.object_of(config_from).get("network") or ""
        fields |= wire.fields(NetworkRequest, {"ConfigFrom": network})
    if not fields.get("driver"):
        fields.pop("driver", None)
    network_id = await services.networks.create(NetworkRequest(**fields))
    return wire.answer({"Id": network_id, "Warning": ""}, 201)


async def remove(services: Services, request: Request) -> Answer:
    """DELETE /networks/{name}"""
    await services.networks.remove(request.variables["name"])
    return wire.nothing()


def _container(body: dict[str, object], options: str) -> str:
    container = body.get("container")
    if not isinstance(container, str | None):
        raise wire.mismatch(container, f"{options}.Container", "string")
    if not container:
        raise InvalidArgument('invalid name or ID supplied: ""')
    return container


async def connect(services: Services, request: Request) -> Answer:
    """POST /networks/{name}/connect"""
    body = wire.object_of(await wire.read(request), "", "network.ConnectOptions")
    settings = wire.decode(EndpointSettings, body.get("endpointconfig"), ".EndpointConfig")
    await services.networks.connect(
        request.variables["name"], _container(body, "ConnectOptions"), settings
    )
    return wire.nothing(200)


async def disconnect(services: Services, request: Request) -> Answer:
    """POST /networks/{name}/disconnect"""
    body = wire.object_of(await wire.read(request), "", "network.DisconnectOptions")
    force = body.get("force") is True
    container = _container(body, "DisconnectOptions")
    await services.networks.disconnect(request.variables["name"], container, force=force)
    return wire.nothing(200)


async def prune(services: Services, request: Request) -> Answer:
    """POST /networks/prune"""
    result = await services.networks.prune(parameters.filters(request.query))
    return wire.answer({"NetworksDeleted": list(result.removed) or None})


ROUTES = (
    Route("GET", "/networks", list_networks, Access.READ),
    Route("GET", "/networks/", list_networks, Access.READ),
    Route("POST", "/networks/create", create, Access.WRITE),
    Route("POST", "/networks/prune", prune, Access.WRITE),
    Route("GET", "/networks/{name:.*}", inspect, Access.READ),
    Route("DELETE", "/networks/{name:.*}", remove, Access.WRITE),
    Route("POST", "/networks/{name:.*}/connect", connect, Access.WRITE),
    Route("POST", "/networks/{name:.*}/disconnect", disconnect, Access.WRITE),
)
