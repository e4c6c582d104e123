"""HTTP/1.1 as the Docker Engine API uses it: bodies both ways, streams, and hijacked connections."""

from _socket import AF_UNIX, SOCK_STREAM, socket

from boxship.client.address import Address
from boxship.client.chunked import Dechunker
from boxship.client.codec import BadJSON, dumps, loads
from boxship.client.errors import ApiError, BadAnswer, CannotConnect, ConnectionFailed
from boxship.client.query import query_of
from boxship.errors import PermissionDenied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from boxship.client.tls import TlsFiles, TlsStream

API_VERSION = "1.51"
CHUNK = 65536
STREAM_CHUNK = 1 << 18
SHUT_WR = 1


class Connection:
    """One stream to the daemon with what was read ahead of its use."""

    __slots__ = ("_buffer", "sock")

    def __init__(self, sock: "socket | TlsStream") -> None:
        self.sock = sock
        self._buffer = b""

    def send(self, data: "bytes | memoryview") -> None:
        self.sock.sendall(data)

    def read_head(self) -> "tuple[int, str, dict[str, str]]":
        """Status, reason and headers (lower-case names) of the next answer."""
        buffer = self._buffer
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            data = self.sock.recv(CHUNK)
            if not data:
                raise EOFError
            buffer += data
        self._buffer = buffer[end + 4 :]
        lines = buffer[:end].decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        if not version.startswith("HTTP/1."):
            raise BadAnswer(f"malformed HTTP response {lines[0][:64]!r}")
        code, _, reason = rest.partition(" ")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        try:
            return int(code), reason, headers
        except ValueError:
            raise BadAnswer(f"malformed HTTP status code {code[:16]!r}") from None

    def read_some(self, limit: int = CHUNK) -> bytes:
        """What is there, at most *limit* bytes; empty at the end."""
        if self._buffer:
            data, self._buffer = self._buffer[:limit], self._buffer[limit:]
            return data
        return self.sock.recv(limit)

    def put_back(self, data: bytes) -> None:
        """Give back what was read beyond an answer's end."""
        self._buffer = data

    def take_buffer(self) -> bytes:
        """Everything read ahead; the caller reads the socket itself from now on."""
        data, self._buffer = self._buffer, b""
        return data

    def close(self) -> None:
        self.sock.close()


class Response:
    """An answer whose body is read on demand."""

    __slots__ = ("_client", "_left", "_mode", "connection", "headers", "status")

    def __init__(
        self,
        client: "Client",
        connection: Connection,
        status: int,
        headers: "dict[str, str]",
        *,
        bodyless: bool,
    ) -> None:
        self._client = client
        self.connection = connection
        self.status = status
        self.headers = headers
        self._left = 0
        if bodyless or status in {204, 304}:
            self._mode = "done"
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self._mode = "chunked"
        elif "content-length" in headers:
            self._mode = "length"
            length = headers["content-length"]
            if not (length.isascii() and length.isdigit()):
                connection.close()
                raise BadAnswer(f"bad Content-Length {length[:16]!r}")
            self._left = int(length)
        else:
            self._mode = "eof"
        if self._mode == "length" and not self._left:
            self._mode = "done"
        if self._mode == "done":
            self._release()

    def _release(self) -> None:
        self._mode = "done"
        if self.headers.get("connection", "").lower() != "close" and self.status != 101:
            self._client.keep(self.connection)

    def stream(self) -> "Iterator[bytes]":
        """The body in the pieces in which it arrives."""
        try:
            if self._mode == "chunked":
                yield from self._chunks()
            while self._mode != "done":
                data = self._next()
                if data:
                    yield data
        except BaseException:
            self.close()
            raise

    def _next(self) -> bytes:
        if self._mode == "eof":
            data = self.connection.read_some()
            if not data:
                self._mode = "done"
                self.connection.close()
            return data
        data = self.connection.read_some(min(self._left, 1 << 20))
        if not data:
            raise ConnectionFailed("unexpected EOF")
        self._left -= len(data)
        if not self._left:
            self._release()
        return data

    def _chunks(self) -> "Iterator[bytes]":
        """All that one read brings, however many chunks it is in: a log line each, mostly."""
        decoder = Dechunker()
        connection = self.connection
        while True:
            data = connection.read_some(STREAM_CHUNK)
            if not data:
                raise ConnectionFailed("unexpected EOF")
            data = decoder.feed(data)
            done = decoder.done
            if done:
                connection.put_back(decoder.rest)
                self._release()
            if data:
                yield data
            if done:
                return

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.stream())

    def text(self) -> str:
        return self.read().decode("utf-8", "replace")

    def json(self) -> "Any":
        """The whole body as JSON; None when it is empty."""
        body = self.read()
        return loads(body) if body.strip() else None

    def close(self) -> None:
        """Give up the rest of the body."""
        if self._mode != "done":
            self._mode = "done"
            self.connection.close()


class Client:
    """Speaks to one daemon."""

    def __init__(
        self,
        address: Address,
        *,
        tls: "TlsFiles | None" = None,
        version: str = "",
        headers: "dict[str, str] | None" = None,
    ) -> None:
        self.address = address
        self._tls = tls
        self._version = version or API_VERSION
        self._fixed = bool(version)
        self._headers = headers or {}
        self._idle: list[Connection] = []
        self.on_unreachable: Callable[[Client], bool] | None = None

    def __repr__(self) -> str:
        return f"Client({self.address.text!r}, v{self._version})"

    @property
    def version(self) -> str:
        """The API version in use."""
        return self._version

    def use_version(self, version: str) -> None:
        """Speak *version* from now on."""
        self._version = version

    def connect(self) -> Connection:
        """A new connection; start the daemon first where the caller arranged for it."""
        try:
            return self._connect()
        except CannotConnect:
            if self.on_unreachable is None or not self.on_unreachable(self):
                raise
            self.on_unreachable = None
            return self._connect()

    def _connect(self) -> Connection:
        where = self.address
        if where.command:
            from boxship.client.ssh import dial

            return Connection(dial(where))
        if where.path:
            sock = socket(AF_UNIX, SOCK_STREAM)
            try:
                sock.connect(where.path)
            except PermissionError:
                sock.close()
                raise PermissionDenied(
                    "permission denied while trying to connect to the Boxship daemon socket at "
                    f"{where.text}: dial unix {where.path}: connect: permission denied"
                ) from None
            except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
                sock.close()
                raise CannotConnect(where.text) from None
            except OSError as error:
                sock.close()
                raise ConnectionFailed(f"error during connect: {where.text}: {error}") from None
            return Connection(sock)
        return self._connect_tcp(where)

    def _connect_tcp(self, where: Address) -> Connection:
        from boxship.client.tcp import dial

        return Connection(dial(where, self._tls))

    def keep(self, connection: Connection) -> None:
        """Put a connection aside for the next request."""
        self._idle.append(connection)

    def request(
        self,
        method: str,
        path: str,
        query: "dict[str, Any] | None" = None,
        *,
        body: object = None,
        stream: "Iterable[bytes] | None" = None,
        headers: "dict[str, str] | None" = None,
        ok: "tuple[int, ...]" = (),
    ) -> Response:
        """Send one request; raise ApiError for a status of 400 or more that is not in *ok*.

        *body* is sent as JSON (bytes as they are), *stream* in chunks as it is produced.
        """
        response = self._send(method, path, query, body, stream, headers)
        if response.status >= 400 and response.status not in ok:
            error = self._error_of(response, path)
            if not self._fixed and stream is None and self._downgrade(error):
                return self.request(method, path, query, body=body, headers=headers, ok=ok)
            raise error
        return response

    def _downgrade(self, error: ApiError) -> bool:
        """Follow an older daemon that names the newest version it speaks."""
        words = "client version", "is too new. Maximum supported API version is "
        if error.status != 400 or not all(part in error.message for part in words):
            return False
        self._version = error.message.rpartition(" ")[2].strip()
        self._fixed = True
        return True

    def _error_of(self, response: Response, path: str) -> ApiError:
        body = response.read()
        message = ""
        if "json" in response.headers.get("content-type", ""):
            try:
                message = str((loads(body) or {}).get("message", ""))
            except (BadJSON, AttributeError):
                message = ""
        message = (message or body.decode("utf-8", "replace")).strip()
        if not message:
            message = (
                f"request returned {response.status} for API route and version {path}, "
                "check if the server supports the requested API version"
            )
        return ApiError(response.status, message)

    def _send(
        self,
        method: str,
        path: str,
        query: "dict[str, Any] | None",
        body: object,
        stream: "Iterable[bytes] | None",
        headers: "dict[str, str] | None",
    ) -> Response:
        content = None
        extra = dict(self._headers)
        if body is not None:
            content = body if isinstance(body, bytes) else _encoded(body)
            extra["Content-Type"] = "application/json"
            extra["Content-Length"] = str(len(content))
        elif stream is not None:
            extra["Transfer-Encoding"] = "chunked"
        elif method == "POST":
            extra["Content-Length"] = "0"
        if headers:
            extra.update(headers)
        head = self._head(method, path + query_of(query or {}), extra)
        while True:
            reused = bool(self._idle)
            connection = self._idle.pop() if reused else self.connect()
            try:
                connection.send(head + content if content else head)
                if stream is not None:
                    _send_chunks(connection, stream)
                while True:
                    status, _, answer = connection.read_head()
                    if status >= 200 or status == 101:
                        break
            except BadAnswer:
                connection.close()
                raise
            except (EOFError, ConnectionError) as error:
                connection.close()
                again = method in {"GET", "HEAD"} or isinstance(error, BrokenPipeError)
                if reused and stream is None and again:
                    continue  # the daemon had closed the idle connection
                raise ConnectionFailed(
                    "error during connect: "
                    f"{method} {self.address.text}{path}: {str(error) or 'EOF'}"
                ) from None
            return Response(self, connection, status, answer, bodyless=method == "HEAD")

    def _head(self, method: str, target: str, headers: "dict[str, str]") -> bytes:
        where = self.address
        host = f"{where.host}:{where.port}" if where.port else "api.moby.localhost"
        lines = [f"{method} {where.prefix}/v{self._version}{target} HTTP/1.1", f"Host: {host}"]
        lines.append("User-Agent: Boxship-Client")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def get(self, path: str, query: "dict[str, Any] | None" = None) -> "Any":
        """GET and parse the answer."""
        return self.request("GET", path, query).json()

    def post(
        self, path: str, query: "dict[str, Any] | None" = None, *, body: object = None
    ) -> "Any":
        """POST and parse the answer, if it has one."""
        return self.request("POST", path, query, body=body).json()

    def delete(self, path: str, query: "dict[str, Any] | None" = None) -> "Any":
        return self.request("DELETE", path, query).json()

    def hijack(
        self, path: str, query: "dict[str, Any] | None" = None, *, body: object = None
    ) -> "tuple[Connection, str]":
        """POST and keep the raw stream (101, or 200 from old daemons) and its media type."""
        upgrade = {"Connection": "Upgrade", "Upgrade": "tcp"}
        response = self.request("POST", path, query, body=body, headers=upgrade)
        return response.connection, response.headers.get("content-type", "")

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()


def _encoded(body: object) -> bytes:
    """JSON in UTF-8; bytes of the command line that are none become U+FFFD, as Go has it."""
    text = dumps(body)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()
    return data + b"\n"


def _send_chunks(connection: Connection, stream: "Iterable[bytes]") -> None:
    """Send a body in chunks; stop early when the daemon hangs up, for its answer says why."""
    try:
        for data in stream:
            if data:
                connection.send(b"%x\r\n%b\r\n" % (len(data), data))
        connection.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        return
