"""The application: from a request to its route's handler and back."""

import asyncio
from collections.abc import Awaitable
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
from boxship.concurrency import Supervisor
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
        self._verbs = Supervisor("api")
        self._running: set[asyncio.Task[Answer | Exception]] = set()
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
            return _moved(request, cleaned)
        request.version, path = versions.split(request.path)
        match = self._router.find(request.method, path)
        if match is None:
            return _not_found()
        if refusal := versions.refusal(request.version):
            raise refusal
        route, request.variables = match
        answer = await self._call(route, request)
        answer.headers = {**self._headers, **answer.headers}
        return answer

    async def _call(self, route: Route, request: Request) -> Answer:
        handling = route.handler(self._services, request)
        if route.access is not Access.WRITE:
            return await handling
        # a verb that began goes on when its client leaves: half a stop or remove helps nobody
        verb = self._verbs.start(_outcome(handling), name=f"{route.method} {request.path}")
        self._running.add(verb)
        verb.add_done_callback(self._running.discard)
        outcome: Answer | Exception = await asyncio.shield(verb)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

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
        return response

    async def close(self, timeout_s: float) -> None:
        """Let verbs that began finish, as long as *timeout_s*; then cancel them."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)
        await self._verbs.close()


async def _outcome(handling: Awaitable[Answer]) -> Answer | Exception:
    """What a verb came to, as a value: its failure is the client's to hear of, not the supervisor's."""
    try:
        return await handling
    except Exception as error:  # noqa: BLE001 - raised again where the client is answered
        return error


def _moved(request: Request, path: str) -> Response:
    query = f"?{request.raw_query}" if request.raw_query else ""
    return Response(status=301, headers={"Location": quote(path) + query})


def _not_found() -> Response:
    return wire.answer({"message": "page not found"}, 404)


def build_app(services: Services, *, product: str) -> DockerAPI:
    """The API on these services."""
    return DockerAPI(services, product=product)
