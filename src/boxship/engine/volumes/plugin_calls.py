"""Calls to a plugin: JSON over HTTP, as Docker's plugin protocol v1 has it. Blocking."""

import http.client
import socket
import ssl
import time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from boxship.engine.volumes.discovery import PluginAddress, PluginTLS
from boxship.errors import Internal, NotFound, Unavailable

PATIENCE_S: Final = 10.0
"""How long a plugin that does not answer yet is asked again: it may be starting."""

_ACCEPT: Final = "application/vnd.docker.plugins.v1.2+json"
_LIMIT: Final = 8 << 20
_FIRST_PAUSE_S: Final = 0.1


class PluginRefused(Internal):
    """The plugin answered with an error of its own."""


class PluginClient:
    """One plugin's end. A call is one connection."""

    def __init__(
        self, name: str, address: PluginAddress, *, patience_s: float = PATIENCE_S
    ) -> None:
        self.name = name
        self.address = address
        self._patience_s = patience_s

    def __repr__(self) -> str:
        return f"PluginClient({self.name}, {self.address.url})"

    def call(self, method: str, body: object = None, *, timeout_s: float = 120) -> dict[str, Any]:
        """POST /*method*; raise PluginRefused, NotFound (no such method) or Unavailable."""
        data = b"" if body is None else msgspec.json.encode(body)
        deadline = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return _answer(method, *self._post(method, data, timeout_s))
            except (ConnectionError, FileNotFoundError, socket.gaierror) as error:
                if time.monotonic() + pause_s > deadline:
                    raise Unavailable(self._trouble(method, error)) from error
            except (OSError, http.client.HTTPException) as error:
                raise Unavailable(self._trouble(method, error)) from error
            time.sleep(pause_s)
            pause_s *= 2

    def _trouble(self, method: str, error: Exception) -> str:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        place = self.address.url.partition("://")[2]
        return f'Post "http://{place}/{method}": {reason.lower()}'

    def _post(self, method: str, data: bytes, timeout_s: float) -> tuple[int, bytes]:
        connection = _connection(self.address, timeout_s)
        try:
            headers = {"Accept": _ACCEPT, "Content-Type": _ACCEPT}
            connection.request("POST", f"/{method}", body=data, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(_LIMIT)
        finally:
            connection.close()


def _answer(method: str, status: int, data: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(data) if data.strip() else {}
    except msgspec.DecodeError as error:
        if status == http.HTTPStatus.OK:
            raise Internal(f"{method}: the plugin's answer is no JSON: {error}") from error
        document = {}
    complaint = document.get("Err") if isinstance(document, dict) else None
    if status != http.HTTPStatus.OK:
        text = complaint or data.decode(errors="replace").strip()
        kind = NotFound if status == http.HTTPStatus.NOT_FOUND else PluginRefused
        raise kind(f"{method}: {text}")
    if not isinstance(document, dict):
        raise Internal(f"{method}: the plugin's answer is no JSON object")
    if complaint:
        raise PluginRefused(str(complaint))
    return document


def _connection(address: PluginAddress, timeout_s: float) -> http.client.HTTPConnection:
    url = urlsplit(address.url)
    if url.scheme == "unix":
        return _UnixConnection(unquote(url.path), timeout_s)
    host, port = url.hostname or "localhost", url.port
    if address.tls is not None:
        context = _tls(address.tls)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _tls(settings: PluginTLS) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    if settings.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file or None)
    return context


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("plugin", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the plugin's socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
