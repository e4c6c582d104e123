"""Files in containers: cp, diff, export, commit."""

import base64
from typing import Any

import msgspec

from boxship.api.docker import wire
from boxship.api.docker.routing import Access, Route
from boxship.errors import InvalidArgument
from boxship.http.request import Request
from boxship.http.response import Answer, Response, Stream, pump
from boxship.model.config import RunConfig
from boxship.services import Services
from boxship.services.files import CommitRequest, PathStat
from boxship.wire.times import rfc3339


def _path(request: Request) -> str:
    path = request.query.text("path")
    if not path:
        raise InvalidArgument("bad parameter: pathcannot be empty")  # sic: clients may match on it
    return path


def _stat_header(stat: PathStat) -> dict[str, str]:
    document = {
        "name": stat.name,
        "size": stat.size,
        "mode": stat.mode,
        "mtime": rfc3339(stat.mtime_ns) if stat.mtime_ns else "1970-01-01T00:00:00Z",
        "linkTarget": stat.link_target,
    }
    text = base64.b64encode(msgspec.json.encode(document)).decode()
    return {"X-Docker-Container-Path-Stat": text}


async def stat(services: Services, request: Request) -> Answer:
    """HEAD /containers/{name}/archive"""
    found = await services.files.stat(request.variables["name"], _path(request))
    return Response(headers=_stat_header(found))


async def read_archive(services: Services, request: Request) -> Answer:
    """GET /containers/{name}/archive"""
    archive = await services.files.read_archive(request.variables["name"], _path(request))
    return Stream(
        lambda output: pump(archive.chunks, output),
        content_type="application/x-tar",
        headers=_stat_header(archive.stat),
        source=archive.chunks,
    )


async def write_archive(services: Services, request: Request) -> Answer:
    """PUT /containers/{name}/archive"""
    await services.files.write_archive(
        request.variables["name"],
        _path(request),
        request.chunks(),
        no_overwrite_dir_non_dir=request.query.flag("noOverwriteDirNonDir"),
        copy_uid_gid=request.query.flag("copyUIDGID"),
    )
    return wire.nothing(200)


async def changes(services: Services, request: Request) -> Answer:
    """GET /containers/{name}/changes"""
    found = await services.files.changes(request.variables["name"])
    return wire.answer([{"Path": c.path, "Kind": c.kind} for c in found] or None)


async def export(services: Services, request: Request) -> Answer:
    """GET /containers/{name}/export"""
    chunks = await services.files.export(request.variables["name"])
    return Stream(
        lambda output: pump(chunks, output), content_type="application/octet-stream", source=chunks
    )


async def commit(services: Services, request: Request) -> Answer:
    """POST /commit"""
    query = request.query
    config: dict[str, Any] = wire.fields(RunConfig, await wire.read(request))
    image_id = await services.files.commit(
        query.text("container"),
        CommitRequest(
            repository=query.text("repo"),
            tag=query.text("tag"),
            author=query.text("author"),
            comment=query.text("comment"),
            pause=query.flag("pause", default=True),
            changes=tuple(query.all("changes")),
            config=msgspec.json.encode(config) if config else None,
        ),
    )
    return wire.answer({"Id": image_id}, 201)


ROUTES = (
    Route("HEAD", "/containers/{name:.*}/archive", stat, Access.READ),
    Route("GET", "/containers/{name:.*}/archive", read_archive, Access.STREAM),
    Route("PUT", "/containers/{name:.*}/archive", write_archive, Access.STREAM),
    Route("GET", "/containers/{name:.*}/changes", changes, Access.READ),
    Route("GET", "/containers/{name:.*}/export", export, Access.STREAM),
    Route("POST", "/commit", commit, Access.WRITE),
)
