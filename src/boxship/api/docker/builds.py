"""Builds with the classic builder's API."""

from collections.abc import Callable
from typing import Any, TypeVar

from boxship.api.docker import parameters, wire
from boxship.api.docker.images import progress_stream
from boxship.api.docker.routing import Access, Route
from boxship.errors import InvalidArgument
from boxship.http.query import Query
from boxship.http.request import Request
from boxship.http.response import Answer
from boxship.model.container import HostConfig, Ulimit
from boxship.services import Services
from boxship.services.builds import BuildRequest

T = TypeVar("T")


async def build(services: Services, request: Request) -> Answer:
    """POST /build"""
    query = request.query
    version = query.text("version")
    if version not in ("", "1", "2"):
        raise InvalidArgument(f'invalid version "{version}"')
    if version == "2":
        raise InvalidArgument("BuildKit is not served by this engine: set DOCKER_BUILDKIT=0")
    return progress_stream(services.builds.build(_request(query), request.chunks()))


def _request(query: Query) -> BuildRequest:
    return BuildRequest(
        dockerfile=query.text("dockerfile"),
        remote=query.text("remote"),
        tags=tuple(query.all("t")),
        build_args=_json_map(query, "buildargs", "error reading build args"),
        labels={
            key: value or ""
            for key, value in _json_map(query, "labels", "error reading labels").items()
        },
        target=query.text("target"),
        no_cache=query.flag("nocache"),
        pull=query.flag("pull"),
        quiet=query.flag("q"),
        remove=query.flag("rm", default=True),
        force_remove=query.flag("forcerm"),
        squash=query.flag("squash"),
        network_mode=query.text("networkmode"),
        platform=query.text("platform"),
        cache_from=_told(
            "error reading cache-from", lambda: parameters.json_list(query, "cachefrom")
        ),
        extra_hosts=tuple(query.all("extrahosts")),
        memory=parameters.number(query, "memory"),
        memory_swap=parameters.number(query, "memswap"),
        cpu_shares=parameters.number(query, "cpushares"),
        cpu_period=parameters.number(query, "cpuperiod"),
        cpu_quota=parameters.number(query, "cpuquota"),
        cpuset_cpus=query.text("cpusetcpus"),
        cpuset_mems=query.text("cpusetmems"),
        cgroup_parent=query.text("cgroupparent"),
        shm_size=parameters.number(query, "shmsize"),
        ulimits=_told("error reading ulimit settings", lambda: _ulimits(query.text("ulimits"))),
        security_opt=tuple(query.all("securityopt")),
    )


def _json_map(query: Query, name: str, failure: str) -> dict[str, str | None]:
    return _told(failure, lambda: parameters.json_map(query, name))


def _told(failure: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except InvalidArgument as error:
        raise InvalidArgument(f"{failure}: {str(error).removeprefix('invalid JSON: ')}") from error


def _ulimits(text: str) -> tuple[Ulimit, ...]:
    if not text:
        return ()
    given: dict[str, Any] = {"Ulimits": wire.parse(text.encode())}
    ulimits: tuple[Ulimit, ...] = wire.fields(HostConfig, given).get("ulimits", ())
    return ulimits


async def prune(services: Services, request: Request) -> Answer:
    """POST /build/prune"""
    query = request.query
    keep = parameters.number(query, "reserved-space") or parameters.number(query, "keep-storage")
    result = await services.builds.prune(
        parameters.filters(query), all=query.flag("all"), keep_bytes=keep
    )
    removed = list(result.removed) or None
    return wire.answer({"CachesDeleted": removed, "SpaceReclaimed": result.reclaimed})


async def cancel(services: Services, request: Request) -> Answer:
    """POST /build/cancel: only BuildKit's builds have IDs; ours end when their client leaves."""
    if not request.query.text("id"):
        raise InvalidArgument("build ID not provided")
    return wire.nothing()


ROUTES = (
    Route("POST", "/build", build, Access.STREAM),
    Route("POST", "/build/prune", prune, Access.WRITE),
    Route("POST", "/build/cancel", cancel, Access.WRITE),
)
