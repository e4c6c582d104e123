"""The blocking HTTP client against a scripted server."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boxship.client.address import parse_address
from boxship.client.errors import ApiError, BadAnswer, CannotConnect, ConnectionFailed
from boxship.client.http import Client
from boxship.client.query import query_of
from boxship.errors import BoxshipError, InvalidArgument

Script = Callable[[socket.socket], None]


class Server:
    """Runs one script for each connection, in order."""

    def __init__(self, path: Path, *scripts: Script) -> None:
        self.url = f"unix://{path}"
        self.seen: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._scripts = scripts
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for script in self._scripts:
            connection, _ = self._listener.accept()
            with connection:
                script(connection)

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    servers: list[Server] = []
    clients: list[Client] = []

    def start(*scripts: Script) -> Client:
        servers.append(Server(tmp_path / f"s{len(servers)}", *scripts))
        clients.append(Client(parse_address(servers[-1].url)))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    for server in servers:
        server.close()


def read_head(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1)
    return data


def answering(*answers: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        for answer in answers:
            read_head(connection)
            connection.sendall(answer)

    return script


def plain(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_one_connection_serves_many_requests(serve: Callable[..., Client]) -> None:
    client = serve(answering(plain(b"[1]"), plain(b""), plain(b'{"a":2}')))
    assert client.get("/x") == [1]
    assert client.get("/x") is None
    assert client.get("/x") == {"a": 2}
    client.close()


def test_chunks(serve: Callable[..., Client]) -> None:
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nTrailer: x\r\n\r\n"
    client = serve(answering(body, plain(b"1")))
    assert b"".join(client.request("GET", "/x").stream()) == b"abcd"
    assert client.get("/x") == 1
    client.close()


def test_a_body_to_the_end_of_the_connection(serve: Callable[..., Client]) -> None:
    client = serve(answering(b"HTTP/1.0 200 OK\r\n\r\nto the end"))
    assert client.request("GET", "/x").text() == "to the end"


def test_an_interim_answer_is_skipped(serve: Callable[..., Client]) -> None:
    client = serve(answering(b"HTTP/1.1 100 Continue\r\n\r\n" + plain(b"3")))
    assert client.get("/x") == 3


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (plain(b'{"message":"No such container: x"}', "404 Not Found"), "No such container: x"),
        (plain(b'{"message":"spaces  "}\n', "500 Oops"), "spaces"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\ntext", "text"),
        (b"HTTP/1.1 503 Bad\r\nContent-Length: 0\r\n\r\n", "request returned 503"),
        (plain(b"[]", "500 Oops"), "[]"),
    ],
)
def test_errors_carry_the_daemons_text(
    serve: Callable[..., Client], answer: bytes, message: str
) -> None:
    with pytest.raises(ApiError) as caught:
        serve(answering(answer)).get("/x")
    assert str(caught.value).startswith(f"Error response from daemon: {message}")


def test_a_closed_idle_connection_is_replaced(serve: Callable[..., Client]) -> None:
    client = serve(answering(plain(b"1")), answering(plain(b"2")))
    assert client.get("/x") == 1
    assert client.get("/x") == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_broken_answer_is_an_error_of_ours(serve: Callable[..., Client], answer: bytes) -> None:
    with pytest.raises((ConnectionFailed, BadAnswer)):
        serve(answering(answer)).request("GET", "/x").read()


def test_a_body_is_streamed_in_chunks(serve: Callable[..., Client]) -> None:
    got: list[bytes] = []

    def script(connection: socket.socket) -> None:
        head = read_head(connection)
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            data += connection.recv(100)
        got.extend((head, data))
        connection.sendall(plain(b"true"))

    client = serve(script)
    response = client.request("POST", "/x", stream=iter([b"ab", b"", b"cde"]))
    assert response.json() is True
    assert b"Transfer-Encoding: chunked" in got[0]
    assert got[1] == b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"


def test_an_early_answer_to_a_long_body_is_heard(serve: Callable[..., Client]) -> None:
    """The daemon refuses and hangs up while we are still sending."""

    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(plain(b'{"message":"disk full"}', "507 Full"))
        connection.shutdown(socket.SHUT_RD)

    with pytest.raises(BoxshipError, match="disk full"):
        serve(script).request("POST", "/x", stream=(b"x" * 65536 for _ in range(200)))


@pytest.mark.parametrize("status", ["101 UPGRADED", "200 OK"])
def test_a_hijacked_stream_can_be_half_closed(serve: Callable[..., Client], status: str) -> None:
    def script(connection: socket.socket) -> None:
        assert b"Upgrade: tcp" in read_head(connection)
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Type: x/y\r\n\r\nearly ".encode())
        data = b""
        while piece := connection.recv(100):
            data += piece
        connection.sendall(b"got " + data)

    connection, kind = serve(script).hijack("/x/attach")
    assert kind == "x/y"
    connection.send(b"input")
    connection.sock.shutdown(1)
    out = b""
    while piece := connection.read_some():
        out += piece
    assert out == b"early got input"
    connection.close()


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(CannotConnect, match="Cannot connect to the Boxship daemon at unix://"):
        Client(parse_address(f"unix://{tmp_path}/none")).get("/x")
    with pytest.raises(CannotConnect, match=r"at tcp://127\.0\.0\.1:1"):
        Client(parse_address("tcp://127.0.0.1:1")).get("/x")


def test_queries() -> None:
    values = {"a": True, "b": None, "c": ["x y", "z"], "d": {"k": {"v": True}}, "e": 5, "f": False}
    assert query_of(values) == "?a=1&c=x%20y&c=z&d=%7B%22k%22%3A%7B%22v%22%3Atrue%7D%7D&e=5&f=0"
    assert query_of({}) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("unix:///a/b", "unix:///a/b"),
        ("tcp://h:1", "tcp://h:1"),
        ("tcp://[::1]:5", "tcp://[::1]:5"),
        ("h", "tcp://h:2375"),
        ("tcp://", "tcp://localhost:2375"),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    assert parse_address(text).text == shown


@pytest.mark.parametrize("text", ["", "ftp://x", "tcp://h:x"])
def test_bad_addresses_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_address(text)
