"""The application: from a request to its route's handler and back."""

from typing import Final
from urllib.parse import quote

from boxship.api.docker import (
    absent,
    builds,
    containers,
    errors,
    execs,
    files,
    images,
    monitoring,
    networks,
    streams,
    system,
    versions,
    volumes,
    wire,
)
from boxship.api.docker.routing import Access, Route
from boxship.api.docker.verbs import Verbs
from boxship.http import routing
from boxship.http.request import Request
from boxship.http.response import Answer, Response
from boxship.services import Services

ROUTES: Final[tuple[Route, ...]] = (
    *system.ROUTES,
    *containers.ROUTES,
    *streams.ROUTES,
    *execs.ROUTES,
    *files.ROUTES,
    *monitoring.ROUTES,
    *images.ROUTES,
    *builds.ROUTES,
    *networks.ROUTES,
    *volumes.ROUTES,
    *absent.ROUTES,
)


class DockerAPI:
    """Serves the Docker Engine API on services."""

    def __init__(self, services: Services, *, product: str) -> None:
        self._services = services
        self._router = routing.Router((route.method, route.path, route) for route in ROUTES)
        self._verbs = Verbs()
        self._headers = {
            "Api-Version": versions.text(versions.MAXIMUM),
            "Docker-Experimental": "false",
            "Ostype": "linux",
            "Server": product,
        }

    def __repr__(self) -> str:
        return f"<DockerAPI {self._router!r}>"

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        if (cleaned := routing.clean(request.path)) != request.path:
            return self._named(_moved(request, cleaned))
        asked, path = versions.split(request.path)
        match = self._router.find(request.method, path)
        if match is None:
            return self._named(wire.answer({"message": "page not found"}, 404))
        request.version = versions.parse(asked)
        route, request.variables = match
        request.finish = self._verbs.finish
        answer = await self._call(route, request)
        answer.headers = {**self._headers, **answer.headers}
        return answer

    def _named(self, answer: Response) -> Response:
        answer.headers["Server"] = self._headers["Server"]
        return answer

    async def _call(self, route: Route, request: Request) -> Answer:
        handling = route.handler(self._services, request)
        if route.access is not Access.WRITE:
            return await handling
        name = f"{route.method} {request.path}"
        return await self._verbs.finish(handling, name=name)

    def failure(self, error: Exception, request: Request | None) -> Response:  # noqa: ARG002
        """Docker's answer to an error."""
        if isinstance(error, versions.ClientTooOld):
            response = Response(
                f"{error}\n".encode(), status=400, content_type="text/plain; charset=utf-8"
            )
            response.headers["X-Content-Type-Options"] = "nosniff"
        else:
            response = errors.error_response(error)
        response.headers = {**self._headers, **response.headers}
        if isinstance(error, versions.ClientTooOld | versions.ClientTooNew):
            del response.headers["Docker-Experimental"]  # Docker asks for the version first
        return response

    async def close(self, timeout_s: float) -> None:
        """Let verbs that began finish, as long as *timeout_s*; then cancel them."""
        await self._verbs.close(timeout_s)


def _moved(request: Request, path: str) -> Response:
    query = f"?{request.raw_query}" if request.raw_query else ""
    return Response(status=301, headers={"Location": quote(path) + query})


def build_app(services: Services, *, product: str) -> DockerAPI:
    """The API on these services."""
    return DockerAPI(services, product=product)
