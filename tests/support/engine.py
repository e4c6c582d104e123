"""An engine under test, driven as strangers drive it: docker CLI, docker-py and raw HTTP."""

import ctypes
import http.client
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from docker import DockerClient

VERSION = "v1.51"
CLONE_NEWNET = 0x40000000
T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    stdout: str
    stderr: str
    code: int

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


@dataclass(frozen=True)
class Reply:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["message"])

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.message


@dataclass(frozen=True)
class HostDirectory:
    """A directory as we see it (here) and as the engine does (there)."""

    here: Path
    there: str


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Engine:
    """Where the engine listens, and where its published ports and bind sources are seen.

    *netns* names the network namespace it runs in (empty: ours); *shared* is "HERE:THERE", a directory
    both of us see (empty: it sees our file system).
    """

    host: str
    netns: str = ""
    shared: str = ""

    @cached_property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "BUILDKIT_"))}
        config = Path(tempfile.gettempdir(), "boxship-conformance-docker-config")
        config.mkdir(exist_ok=True)
        return kept | {
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(config),
            "DOCKER_BUILDKIT": "0",
            "DOCKER_CLI_HINTS": "false",
            "LC_ALL": "C",
        }

    def docker(
        self,
        *args: str,
        stdin: bytes | None = None,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run the docker CLI to its end."""
        done = subprocess.run(
            ["docker", *args],
            env=self.environment | dict(env or {}),
            input=b"" if stdin is None else stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Result(
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
            done.returncode,
        )

    def ok(self, *args: str, stdin: bytes | None = None, timeout: float = 60) -> str:
        """Run the docker CLI, which must succeed; its output without the last line end."""
        result = self.docker(*args, stdin=stdin, timeout=timeout)
        assert result.code == 0, f"docker {' '.join(args)}: {result}"
        return result.stdout.removesuffix("\n")

    def fails(self, *args: str, code: int = 1, stdin: bytes | None = None) -> str:
        """Run the docker CLI, which must fail with *code*; what it says."""
        result = self.docker(*args, stdin=stdin)
        assert result.code == code, f"docker {' '.join(args)}: {result}"
        return result.stderr.strip()

    def output(self, *args: str, stdin: bytes = b"", timeout: float = 60) -> bytes:
        """Run the docker CLI, which must succeed; its raw output."""
        command = ["docker", *args]
        done = subprocess.run(
            command,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"docker {' '.join(args)}: {done.stderr!r}"
        return done.stdout

    @contextmanager
    def started(self, *args: str) -> Iterator[subprocess.Popen[bytes]]:
        """A docker CLI that runs beside the test, with pipes; killed at the end."""
        pipe = subprocess.PIPE
        with subprocess.Popen(
            ["docker", *args], env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def inspect(self, name: str) -> Any:
        """What the engine tells about a container."""
        return self.get(f"/containers/{name}/json")

    def connection(self, timeout: float = 60) -> http.client.HTTPConnection:
        kind, _, address = self.host.partition("://")
        if kind == "unix":
            return UnixConnection(address, timeout)
        return http.client.HTTPConnection(address, timeout=timeout)

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        /,
        *,
        headers: Mapping[str, str] | None = None,
        version: str = VERSION,
        **query: Any,
    ) -> Reply:
        """One raw request; a body that is not bytes goes as JSON, a query value likewise if structured.

        A tuple in the query is a parameter given several times.
        """
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        url = f"/{version}{path}" if version else path
        if query:
            texts = {k: v if isinstance(v, tuple) else _text(v) for k, v in query.items()}
            url += "?" + urlencode(texts, doseq=True, quote_via=quote)
        connection = self.connection()
        try:
            connection.request(method, url, body=body, headers=sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def get(self, path: str, /, **query: Any) -> Any:
        reply = self.api("GET", path, **query)
        assert reply.status == 200, reply
        return reply.json()

    def post(self, path: str, body: Any = None, /, **query: Any) -> Reply:
        return self.api("POST", path, body, **query)

    @contextmanager
    def client(self) -> Iterator[DockerClient]:
        """docker-py on this engine."""
        client = DockerClient(base_url=self.host, version="auto", timeout=60)
        try:
            yield client
        finally:
            client.close()

    def in_network(self, call: Callable[[], T]) -> T:
        """Run *call* in a thread that sits in the engine's network namespace; sockets stay there."""
        if not self.netns:
            return call()
        outcome: list[T] = []

        def enter() -> None:
            with Path("/run/netns", self.netns).open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {self.netns}")
            outcome.append(call())

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return outcome[0]

    def connect(self, port: int, host: str = "127.0.0.1") -> socket.socket:
        """A TCP connection to a port that the engine published."""
        return eventually(lambda: self.in_network(lambda: _try_connect(host, port)))

    def new_socket(self, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket in the engine's network namespace."""
        return self.in_network(lambda: socket.socket(socket.AF_INET, kind))

    @contextmanager
    def directory(self) -> Iterator[HostDirectory]:
        """A fresh directory on the engine's host."""
        here, _, there = self.shared.partition(":")
        with tempfile.TemporaryDirectory(prefix="boxship-cf-", dir=here or None) as path:
            made = Path(path)
            made.chmod(0o755)
            yield HostDirectory(made, f"{there}/{made.name}" if there else path)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _try_connect(host: str, port: int) -> socket.socket | None:
    connection = socket.socket()
    connection.settimeout(10)
    try:
        connection.connect((host, port))
    except ConnectionRefusedError:
        connection.close()
        return None
    return connection


def eventually(probe: Callable[[], T | None], *, within: float = 10) -> T:
    """The first true answer of *probe*, which must come soon."""
    deadline = time.monotonic() + within
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"not within {within} s: {probe}"
        time.sleep(0.02)
    return answer
