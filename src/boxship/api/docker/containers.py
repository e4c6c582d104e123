"""Containers: their life, and what they are."""

from typing import Any, Final

import msgspec

from boxship.api.docker import create_versions, parameters, wire
from boxship.api.docker.routing import Access, Route
from boxship.api.docker.views import containers as views
from boxship.errors import InvalidArgument
from boxship.http.request import Request
from boxship.http.response import JSON, Answer, Output, Stream
from boxship.model.config import RunConfig
from boxship.model.container import HostConfig, RestartPolicy
from boxship.model.network import EndpointSettings
from boxship.services import Services
from boxship.services.containers import ContainerListing, ContainerRequest

LARGEST_NO_BODY: Final = 7
"""Bytes: no JSON object that says something is as short."""


async def list_containers(services: Services, request: Request) -> Answer:
    """GET /containers/json"""
    query = request.query
    listing = ContainerListing(
        all=query.flag("all"),
        limit=max(parameters.optional_integer(query, "limit") or 0, 0),
        size=query.flag("size"),
        filters=parameters.filters(query),
    )
    details = await services.containers.list(listing)
    return wire.answer([views.summary(detail, request.version) for detail in details])


async def inspect(services: Services, request: Request) -> Answer:
    """GET /containers/{name:.*}/json"""
    name, size = request.variables["name"], request.query.flag("size")
    detail = await services.containers.inspect(name, size=size)
    return wire.answer(views.inspection(detail, request.version))


async def create(services: Services, request: Request) -> Answer:
    """POST /containers/create"""
    body = await wire.read(request, required=True)
    asked, warnings = create_versions.adapted(_create_request(request, body), request.version)
    created = await services.containers.create(asked)
    return wire.answer({"Id": created.id, "Warnings": [*created.warnings, *warnings]}, 201)


def _create_request(request: Request, body: Any) -> ContainerRequest:
    config = wire.fields(RunConfig, body)
    if not config:
        raise InvalidArgument("config cannot be empty in order to create a container")
    others = wire.object_of(body)
    host_config = wire.decode(HostConfig, others.get("hostconfig"), ".HostConfig")
    runtime = others.get("runtime")
    if isinstance(runtime, str) and not host_config.runtime:  # where docker-py puts it
        host_config = msgspec.structs.replace(host_config, runtime=runtime)
    return ContainerRequest(
        name=request.query.text("name"),
        config=RunConfig(**config),
        host_config=host_config,
        networks=_networks(others.get("networkingconfig")),
        platform=request.query.text("platform"),
    )


def _networks(value: Any) -> dict[str, EndpointSettings]:
    path = ".NetworkingConfig"
    networks = wire.object_of(value, path, "network.NetworkingConfig").get("endpointsconfig")
    if networks is not None and not isinstance(networks, dict):
        raise wire.mismatch(
            networks, f"{path}.EndpointsConfig", "map[string]*network.EndpointSettings"
        )
    return {
        name: wire.decode(EndpointSettings, settings, f"{path}.EndpointsConfig.{name}")
        for name, settings in (networks or {}).items()
    }


async def start(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/start"""
    if request.has_body and not 0 <= request.content_length <= LARGEST_NO_BODY:
        raise InvalidArgument(
            "starting container with non-empty request body was deprecated since API v1.22 "
            "and removed in v1.24"
        )
    if request.query.text("checkpoint"):
        raise InvalidArgument("checkpoint is only supported in experimental mode")
    await services.containers.start(
        request.variables["name"], detach_keys=request.query.text("detachKeys")
    )
    return wire.nothing()


async def stop(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/stop"""
    await services.containers.stop(
        request.variables["name"],
        signal=_stop_signal(request),
        timeout_s=parameters.optional_integer(request.query, "t"),
    )
    return wire.nothing()


def _stop_signal(request: Request) -> str:
    return request.query.text("signal") if request.version >= (1, 42) else ""


async def restart(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/restart"""
    await services.containers.restart(
        request.variables["name"],
        signal=_stop_signal(request),
        timeout_s=parameters.optional_integer(request.query, "t"),
    )
    return wire.nothing()


async def kill(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/kill"""
    signal = request.query.text("signal") or "SIGKILL"
    await services.containers.kill(request.variables["name"], signal)
    return wire.nothing()


async def pause(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/pause"""
    await services.containers.pause(request.variables["name"])
    return wire.nothing()


async def unpause(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/unpause"""
    await services.containers.unpause(request.variables["name"])
    return wire.nothing()


async def rename(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/rename"""
    new_name = request.query.text("name")
    if not new_name:
        raise InvalidArgument("Neither old nor new names may be empty")
    await services.containers.rename(request.variables["name"], new_name)
    return wire.nothing()


async def update(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/update"""
    body = await wire.read(request)
    policy = wire.object_of(body, "", "container.UpdateConfig").get("restartpolicy")
    resources = wire.decode(HostConfig, body, "UpdateConfig")
    if request.version < (1, 40):
        resources = msgspec.structs.replace(resources, pids_limit=None)
    if request.version >= (1, 42):
        resources = msgspec.structs.replace(resources, kernel_memory=0)
    warnings = await services.containers.update(
        request.variables["name"],
        resources,
        None if policy is None else wire.decode(RestartPolicy, policy, ".RestartPolicy"),
    )
    return wire.answer({"Warnings": list(warnings) or None})


async def wait(services: Services, request: Request) -> Answer:
    """POST /containers/{name:.*}/wait: the headers tell the client that the wait has begun."""
    early = request.version >= (1, 30)
    condition = request.query.text("condition") if early else ""
    condition = condition or "not-running"
    if condition not in ("not-running", "next-exit", "removed"):
        raise InvalidArgument(f'invalid condition: "{condition}"')
    begun = await services.containers.wait(request.variables["name"], condition)

    async def produce(output: Output) -> None:
        if early:
            await output.start()
        result = await begun.result()
        document: dict[str, Any] = {"StatusCode": result.status_code}
        if result.error:
            document["Error"] = {"Message": result.error}
        await output.write(wire.dump(document))

    return Stream(produce, content_type=JSON)


async def remove(services: Services, request: Request) -> Answer:
    """DELETE /containers/{name:.*}"""
    query = request.query
    await services.containers.remove(
        request.variables["name"],
        force=query.flag("force"),
        volumes=query.flag("v"),
        link=query.flag("link"),
    )
    return wire.nothing()


async def prune(services: Services, request: Request) -> Answer:
    """POST /containers/prune"""
    result = await services.containers.prune(parameters.filters(request.query))
    removed = list(result.removed) or None
    return wire.answer({"ContainersDeleted": removed, "SpaceReclaimed": result.reclaimed})


ROUTES = (
    Route("GET", "/containers/json", list_containers, Access.READ),
    Route("POST", "/containers/create", create, Access.WRITE),
    Route("POST", "/containers/prune", prune, Access.WRITE),
    Route("GET", "/containers/{name:.*}/json", inspect, Access.READ),
    Route("POST", "/containers/{name:.*}/start", start, Access.WRITE),
    Route("POST", "/containers/{name:.*}/stop", stop, Access.WRITE),
    Route("POST", "/containers/{name:.*}/restart", restart, Access.WRITE),
    Route("POST", "/containers/{name:.*}/kill", kill, Access.WRITE),
    Route("POST", "/containers/{name:.*}/pause", pause, Access.WRITE),
    Route("POST", "/containers/{name:.*}/unpause", unpause, Access.WRITE),
    Route("POST", "/containers/{name:.*}/rename", rename, Access.WRITE),
    Route("POST", "/containers/{name:.*}/update", update, Access.WRITE),
    Route("POST", "/containers/{name:.*}/wait", wait, Access.STREAM),
    Route("DELETE", "/containers/{name:.*}", remove, Access.WRITE),
)
