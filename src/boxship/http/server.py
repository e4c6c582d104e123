"""The HTTP server: listeners on one side, an application on the other.

Built on aiohttp's low-level server without its router and middlewares: our table of routes is quicker,
and an answer may take the raw connection.
"""

import asyncio
import ipaddress
import logging
import socket
import ssl
from typing import Final, Protocol, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from boxship.errors import PermissionDenied
from boxship.http.hijack import hung_up
from boxship.http.request import Endpoint, Request
from boxship.http.response import Answer, Finished, Response
from boxship.http.tls import TLSProtocol

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
HALF_CLOSED_S: Final = 1.0
"""How long a client that has ended its side waits for its answer to begin and end."""

LIMITS: Final = {
    "max_line_size": 1 << 18,  # build arguments travel in the query
    "max_field_size": 1 << 17,  # registry credentials travel in headers
    "max_headers": 128,
    "keepalive_timeout": 300.0,  # also the time to send the first request: dockerd's header timeout
    "read_bufsize": 1 << 20,
    "lingering_time": 5.0,
    "auto_decompress": False,  # a context's own compression is the builder's to look at
    "access_log": None,
    "logger": logging.getLogger("boxship.http.protocol"),
}


class _StrangersNonsense(logging.Filter):
    """Keeps malformed requests from filling the log with tracebacks: their sender gets a 400."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


logging.getLogger("boxship.http.protocol").addFilter(_StrangersNonsense())


class Application(Protocol):
    """What a server serves."""

    async def handle(self, request: Request) -> Answer:
        """Answer a request, or raise."""
        ...

    def failure(self, error: Exception, request: Request | None) -> Response:
        """The answer for an exception of `handle`, or of the answer before its first byte."""
        ...


class Connection(RequestHandler):
    """One client. It may end its side after its request and still read the answer, as `nc -N` does."""

    half_closed = False

    def eof_received(self) -> bool:  # type: ignore[override]
        """No request comes after this one; who takes long to answer finds the client gone, as in Go."""
        if self.transport is None or hung_up(self.transport.get_extra_info("socket")):
            return False
        self.half_closed = True
        self.close()  # once what was asked has been answered
        asyncio.get_running_loop().call_later(HALF_CLOSED_S, self._hang_up)
        return True

    def _hang_up(self) -> None:
        transport = self.transport
        if transport is not None and transport.get_protocol() is self:
            transport.close()


class _Connections(web.Server):
    """Makes a Connection of each client."""

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Server:
    """Serves one application on any number of sockets."""

    def __init__(self, application: Application, *, hosts: frozenset[str] = frozenset()) -> None:
        self._application = application
        self._hosts = hosts | {"localhost", socket.gethostname().lower()}
        self._listening: list[asyncio.Server] = []
        self._http: list[web.Server] = []
        self._streams: set[asyncio.Task[object]] = set()

    def __repr__(self) -> str:
        return f"<Server {self.statistics()}>"

    def statistics(self) -> dict[str, int]:
        """Connections open, requests served, answers being streamed."""
        return {
            "listeners": len(self._listening),
            "connections": sum(len(http.connections) for http in self._http),
            "requests": sum(http.requests_count for http in self._http),
            "streams": len(self._streams),
        }

    async def listen(self, listener: socket.socket, context: ssl.SSLContext | None = None) -> None:
        """Accept connections from a listening socket, with TLS when given a context."""
        local = listener.family == socket.AF_UNIX
        endpoint = Endpoint(str(listener.getsockname()), local, encrypted=context is not None)

        async def handle(raw: BaseRequest) -> web.StreamResponse:
            return await self._handle(raw, endpoint)

        http = _Connections(handle, handler_cancellation=True, **LIMITS)  # type: ignore[arg-type]
        self._http.append(http)
        loop = asyncio.get_running_loop()
        if context is None:
            server = await loop.create_server(http, sock=listener, backlog=BACKLOG)
        else:
            server = await loop.create_server(
                lambda: TLSProtocol(context, http), sock=listener, backlog=BACKLOG
            )
        self._listening.append(server)

    async def _handle(self, raw: BaseRequest, endpoint: Endpoint) -> web.StreamResponse:
        request: Request | None = None
        try:
            request = Request(raw, endpoint)
            self._check_origin(request)
            answer = await self._application.handle(request)
            return await self._send(answer, request)
        except ConnectionError:
            return Finished()  # the client went away
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            return await self._fail(error, raw, request)

    async def _send(self, answer: Answer, request: Request) -> web.StreamResponse:
        if not answer.long_lived:
            return await answer.send(request)
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._streams.add(task)
        try:
            return await answer.send(request)
        finally:
            self._streams.discard(task)

    async def _fail(
        self, error: Exception, raw: BaseRequest, request: Request | None
    ) -> web.StreamResponse:
        response = self._application.failure(error, request)
        if request is not None and request.begun:
            log.info("answer to %s %s cut off: %s", raw.method, raw.path, error)
            if raw.transport is not None:
                raw.transport.abort()
            return Finished()
        headers = dict(response.headers)
        if response.content_type:
            headers["Content-Type"] = response.content_type
        answer = web.Response(body=response.body or None, status=response.status, headers=headers)
        await answer.prepare(raw)
        await answer.write_eof()
        return answer

    def _check_origin(self, request: Request) -> None:
        """Keep web pages from using a browser to reach us over TCP (DNS rebinding, forged requests)."""
        if request.endpoint.local or request.endpoint.encrypted:
            return
        host = request.headers.get("Host", "")
        if not self._is_known(_host_name(host)):
            raise PermissionDenied(f"unknown host {host[:200]!r}")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise PermissionDenied("requests from web pages are refused")

    def _is_known(self, host: str) -> bool:
        if host.lower() in self._hosts:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    async def close(self, timeout_s: float = 10.0) -> None:
        """Stop accepting, end streams now and give other requests *timeout_s* to finish."""
        for server in self._listening:
            server.close()
        for task in list(self._streams):
            task.cancel()
        await asyncio.gather(*(http.shutdown(timeout_s) for http in self._http))


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
