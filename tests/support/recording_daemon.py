"""A socket that speaks just enough of the Engine API to note what a client asks for.

It keeps no state: every request is recorded and answered from a table, so that the same command line
given to two programs can be compared by what they send.
"""

import json
import re
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlsplit

ID = "c0ffee" + "0" * 58
IMAGE = "sha256:" + "1" * 64
VERSION = re.compile(r"^/v1\.\d+")

CONTAINER: dict[str, Any] = {
    "Id": ID,
    "Name": "/web",
    "Image": IMAGE,
    "Config": {"Tty": False, "OpenStdin": True, "Labels": {}},
    "State": {"Status": "running", "Running": True, "Paused": False, "Restarting": False},
    "HostConfig": {},
    "NetworkSettings": {"Ports": {}, "Networks": {}},
}
ANSWERS: list[tuple[str, str, int, Any]] = [
    ("POST", r"/containers/create", 201, {"Id": ID, "Warnings": []}),
    ("POST", r"/containers/[^/]+/wait", 200, {"StatusCode": 0}),
    ("POST", r"/containers/[^/]+/exec", 201, {"Id": "e" * 64}),
    ("GET", r"/exec/[^/]+/json", 200, {"ID": "e" * 64, "Running": False, "ExitCode": 0}),
    ("GET", r"/containers/json", 200, []),
    ("GET", r"/containers/[^/]+/json", 200, CONTAINER),
    ("GET", r"/containers/[^/]+/changes", 200, []),
    ("GET", r"/containers/[^/]+/top", 200, {"Titles": ["PID"], "Processes": []}),
    ("POST", r"/containers/[^/]+/update", 200, {"Warnings": []}),
    ("POST", r"/containers/prune", 200, {"ContainersDeleted": [], "SpaceReclaimed": 0}),
    ("POST", r"/images/prune", 200, {"ImagesDeleted": [], "SpaceReclaimed": 0}),
    ("POST", r"/volumes/prune", 200, {"VolumesDeleted": [], "SpaceReclaimed": 0}),
    ("POST", r"/networks/prune", 200, {"NetworksDeleted": []}),
    ("POST", r"/build/prune", 200, {"CachesDeleted": [], "SpaceReclaimed": 0}),
    ("GET", r"/images/json", 200, []),
    ("GET", r"/images/search", 200, []),
    ("GET", r"/images/.+/history", 200, []),
    ("GET", r"/images/.+/json", 200, {"Id": IMAGE}),
    ("DELETE", r"/images/.+", 200, []),
    ("POST", r"/commit", 201, {"Id": IMAGE}),
    ("GET", r"/volumes", 200, {"Volumes": [], "Warnings": None}),
    ("POST", r"/volumes/create", 201, {"Name": "vol", "Driver": "local"}),
    ("GET", r"/volumes/.+", 200, {"Name": "vol"}),
    ("GET", r"/networks", 200, []),
    ("POST", r"/networks/create", 201, {"Id": "n" * 64, "Warning": ""}),
    ("GET", r"/networks/.+", 200, {"Id": "n" * 64, "Name": "net"}),
    ("GET", r"/events", 200, None),
    (
        "GET",
        r"/info",
        200,
        {"OSType": "linux", "IndexServerAddress": "https://index.docker.io/v1/"},
    ),
    ("GET", r"/version", 200, {"Version": "28.5.2", "ApiVersion": "1.51", "Os": "linux"}),
    ("POST", r"/auth", 200, {"Status": "Login Succeeded", "IdentityToken": ""}),
]


class Request(NamedTuple):
    """What a client sent; the API version is left out."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body.strip() else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "RecordingDaemon"

    def log_message(self, *_args: object) -> None:
        """Nobody reads it."""

    def address_string(self) -> str:
        return "unix"

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self) -> None:
        target = urlsplit(self.path)
        path = VERSION.sub("", unquote(target.path))
        body = self._body()
        if path == "/_ping":
            self._send(200, "application/json", b"")
            return
        headers = {k.lower(): v for k, v in self.headers.items()}
        query = sorted(parse_qsl(target.query, keep_blank_values=True))
        self.server.requests.append(Request(self.command, path, query, headers, body))
        if re.fullmatch(r"/(containers/[^/]+/attach|exec/[^/]+/start)", path):
            self._hijack(headers)
            return
        for method, pattern, status, answer in self.server.answers:
            if method == self.command and re.fullmatch(pattern, path):
                text = b"" if answer is None else json.dumps(answer).encode()
                self._send(status, "application/json", text)
                return
        status = 204 if self.command in {"POST", "DELETE", "PUT"} else 200
        self._send(status, "application/json", b"")

    def _hijack(self, headers: dict[str, str]) -> None:
        if "upgrade" not in headers:
            self._send(200, "application/json", b"")
            return
        self.wfile.write(
            b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
            b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        self.close_connection = True

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Api-Version", "1.51")
        self.send_header("Ostype", "linux")
        self.send_header("Builder-Version", "1")
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815 - the base class's names


class RecordingDaemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on *path* while used as a context; `requests` is what came."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Handler)
        self.url = f"unix://{path}"
        self.requests: list[Request] = []
        self.answers = list(ANSWERS)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_args: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_args: object) -> None:
        """A client that hangs up is no news."""

    def take(self) -> list[Request]:
        """The requests so far; forgets them."""
        requests, self.requests = self.requests, []
        return requests
