"""Images in the local store."""

from collections.abc import AsyncIterator

from boxship.api.docker import parameters, wire
from boxship.api.docker.errors import log_unforeseen, text_of
from boxship.api.docker.routing import Access, Route
from boxship.api.docker.views import events
from boxship.api.docker.views import images as views
from boxship.errors import BoxshipError, InvalidArgument, Unsupported
from boxship.http.request import Request
from boxship.http.response import JSON, Answer, Output, Stream, pump
from boxship.model.digest import is_digest
from boxship.model.filters import Filters
from boxship.model.progress import Progress
from boxship.model.reference import is_tag, parse_reference
from boxship.services import Services
from boxship.services.images import ImageListing, ImportRequest

TAR = "application/x-tar"


def progress_stream(messages: AsyncIterator[Progress], *, always: bool = False) -> Stream:
    """Messages as they come; an error before the first one is an ordinary error answer.

    With *always* it is a message too: `load` answers 200 before it has looked at the archive.
    """

    async def produce(output: Output) -> None:
        try:
            async for message in messages:
                await output.write(wire.dump(events.progress(message)))
        except BoxshipError as error:
            if not (always or output.started):
                raise
            log_unforeseen(error)
            await output.write(wire.dump(events.progress(Progress(error=text_of(error)))))

    return Stream(produce, content_type=JSON, source=messages)


async def list_images(services: Services, request: Request) -> Answer:
    """GET /images/json"""
    query = request.query
    filters = parameters.filters(query)
    if request.version < (1, 41) and (name := query.text("filter")):
        filters = Filters({**filters.values, "reference": (*filters.get("reference"), name)})
    listing = ImageListing(
        all=query.flag("all"),
        filters=filters,
        shared_size=query.flag("shared-size") and request.version >= (1, 42),
        containers=True,
    )
    details = await services.images.list(listing)
    return wire.answer([views.listed(detail, request.version) for detail in details])


async def inspect(services: Services, request: Request) -> Answer:
    """GET /images/{name}/json"""
    platform = request.query.text("platform")
    detail = await services.images.inspect(request.variables["name"], platform=platform)
    return wire.answer(views.inspection(detail, request.version))


async def history(services: Services, request: Request) -> Answer:
    """GET /images/{name}/history"""
    platform = request.query.text("platform")
    rows = await services.images.history(request.variables["name"], platform=platform)
    return wire.answer(views.history(rows))


async def tag(services: Services, request: Request) -> Answer:
    """POST /images/{name}/tag"""
    repository, new_tag = request.query.text("repo"), request.query.text("tag")
    await services.images.tag(request.variables["name"], repository, new_tag)
    return wire.nothing(201)


async def remove(services: Services, request: Request) -> Answer:
    """DELETE /images/{name}"""
    query, name = request.query, request.variables["name"]
    if not name.strip():
        raise InvalidArgument("image name cannot be blank")
    removed = await services.images.remove(
        name,
        force=query.flag("force"),
        prune_parents=not query.flag("noprune"),
        platforms=query.all("platforms"),
    )
    return wire.answer(views.removals(removed))


async def prune(services: Services, request: Request) -> Answer:
    """POST /images/prune"""
    result = await services.images.prune(parameters.filters(request.query))
    removed = views.removals(result.removed) or None
    return wire.answer({"ImagesDeleted": removed, "SpaceReclaimed": result.reclaimed})


async def load(services: Services, request: Request) -> Answer:
    """POST /images/load"""
    query = request.query
    messages = services.images.load(
        request.chunks(), quiet=query.flag("quiet"), platform=query.text("platform")
    )
    return progress_stream(messages, always=True)


async def save_one(services: Services, request: Request) -> Answer:
    """GET /images/{name}/get"""
    return await _save(services, request, [request.variables["name"]])


async def save(services: Services, request: Request) -> Answer:
    """GET /images/get"""
    return await _save(services, request, request.query.all("names"))


async def _save(services: Services, request: Request, names: list[str]) -> Answer:
    chunks = await services.images.save(names, platform=request.query.text("platform"))
    return Stream(lambda output: pump(chunks, output), content_type=TAR, source=chunks)


async def create(services: Services, request: Request) -> Answer:
    """POST /images/create: an import with `fromSrc`, else a pull."""
    query = request.query
    if source := query.text("fromSrc"):
        if source != "-":
            raise Unsupported("cannot import from a URL: only from the request's body")
        asked = ImportRequest(
            repository=query.text("repo"),
            tag=query.text("tag"),
            message=query.text("message") or f"Imported from {source}",
            changes=tuple(query.all("changes")),
            platform=query.text("platform"),
        )
        return progress_stream(services.images.import_(request.chunks(), asked))
    reference = parse_reference(query.text("fromImage"))
    if (tag := query.text("tag")) and not (is_tag(tag) or is_digest(tag)):
        raise InvalidArgument("invalid tag format")
    raise Unsupported(f"cannot pull {reference.familiar}: this engine has no registry client yet")


async def push(services: Services, request: Request) -> Answer:
    """POST /images/{name}/push"""
    await services.images.get(request.variables["name"])
    raise Unsupported("cannot push: this engine has no registry client yet")


async def search(services: Services, request: Request) -> Answer:
    """GET /images/search"""
    raise Unsupported("cannot search: this engine has no registry client yet")


async def distribution(services: Services, request: Request) -> Answer:
    """GET /distribution/{name}/json"""
    name = request.variables["name"]
    raise Unsupported(f"cannot look up {name}: this engine has no registry client yet")


ROUTES = (
    Route("GET", "/images/json", list_images, Access.READ),
    Route("GET", "/images/get", save, Access.STREAM),
    Route("GET", "/images/search", search, Access.READ),
    Route("POST", "/images/load", load, Access.STREAM),
    Route("POST", "/images/create", create, Access.STREAM),
    Route("POST", "/images/prune", prune, Access.WRITE),
    Route("GET", "/images/{name:.*}/json", inspect, Access.READ),
    Route("GET", "/images/{name:.*}/history", history, Access.READ),
    Route("GET", "/images/{name:.*}/get", save_one, Access.STREAM),
    Route("POST", "/images/{name:.*}/push", push, Access.STREAM),
    Route("POST", "/images/{name:.*}/tag", tag, Access.WRITE),
    Route("DELETE", "/images/{name:.*}", remove, Access.WRITE),
    Route("GET", "/distribution/{name:.*}/json", distribution, Access.READ),
)
