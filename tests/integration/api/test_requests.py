"""Requests that are odd, hostile or cut short."""

import contextlib
import json
import socket
import threading
import time

import pytest

from integration.api.conftest import Serving
from support.local_engine import a_container


def talk(serving: Serving, data: bytes, *, close: bool = True) -> bytes:
    """Send bytes, read all that comes back."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(serving.path)
        with contextlib.suppress(BrokenPipeError):  # the answer may come before all is sent
            client.sendall(data)
        received = b""
        while piece := client.recv(65536):
            received += piece
            if close and b"\r\n\r\n" in received and _complete(received):
                break
        return received


def _complete(received: bytes) -> bool:
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return b"chunked" not in head.lower() or body.endswith(b"0\r\n\r\n")


def request(
    serving: Serving, target: str, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    lines = [f"{method} {target} HTTP/1.1", "Host: docker"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    received = talk(serving, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    head, _, content = received.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    return int(status.split()[1]), dict(f.split(": ", 1) for f in fields), content


def message(content: bytes) -> str:
    text: str = json.loads(content)["message"]
    return text


def test_ping_tells_what_clients_negotiate_by(serving: Serving) -> None:
    status, headers, content = request(serving, "/_ping")
    assert (status, content) == (200, b"OK")
    expected = {
        "Api-Version": "1.51",
        "Docker-Experimental": "false",
        "Ostype": "linux",
        "Builder-Version": "1",
        "Swarm": "inactive",
    }
    assert expected.items() <= headers.items()
    status, head_headers, content = request(serving, "/_ping", "HEAD")
    assert (status, content) == (200, b"")
    assert expected.items() <= head_headers.items()


@pytest.mark.parametrize("prefix", ["", "/v1.24", "/v1.51"])
def test_versions_we_speak(serving: Serving, prefix: str) -> None:
    status, _, content = request(serving, f"{prefix}/version")
    assert (status, json.loads(content)["MinAPIVersion"]) == (200, "1.24")


def test_versions_we_do_not_speak(serving: Serving) -> None:
    status, headers, content = request(serving, "/v1.23/info")
    assert status == 400
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert content.decode() == (
        "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n"
    )
    status, headers, content = request(serving, "/v1.99/info")
    assert (status, headers["Content-Type"]) == (400, "application/json")
    assert (
        message(content) == "client version 1.99 is too new. Maximum supported API version is 1.51"
    )


@pytest.mark.parametrize(
    "target", ["/nope", "/v1.51/nope", "/containers/x/y/z", "/session", "/v1.51", "/v9"]
)
def test_unknown_pages(serving: Serving, target: str) -> None:
    status, _, content = request(serving, target)
    assert (status, message(content)) == (404, "page not found")


def test_wrong_method_is_an_unknown_page(serving: Serving) -> None:
    assert request(serving, "/info", "POST")[0] == 404


def test_paths_are_cleaned_by_a_redirect(serving: Serving) -> None:
    for target in ("/containers/../info?a=b", "//info?a=b", "/containers/%2e%2e%2finfo?a=b"):
        status, headers, _ = request(serving, target)
        assert (status, headers["Location"]) == (301, "/info?a=b")


def test_a_redirect_cannot_inject_headers(serving: Serving) -> None:
    status, headers, _ = request(serving, "//a%0d%0aX-Evil:%20yes")
    assert (status, headers["Location"]) == (301, "/a%0D%0AX-Evil%3A%20yes")
    assert "X-Evil" not in headers


def test_broken_escapes(serving: Serving) -> None:
    for target in ("/images/json?%zz=1", "/images/json?a=%zz"):
        status, _, content = request(serving, target)
        assert (status, message(content)) == (400, 'invalid URL escape "%zz"')


@pytest.mark.parametrize(
    "filters",
    [
        "x",
        "[]",
        '{"x":1}',
        '{"x":[1]}',
        '{"a":' * 50_000,
        "[" * 60_000,
        '{"a":["' + "x" * 70_000 + '"]}',
    ],
)
def test_bad_filters(serving: Serving, filters: str) -> None:
    quoted = filters.replace('"', "%22").replace("[", "%5b").replace("{", "%7b")
    if len(quoted) > 250_000:
        quoted = quoted[:250_000]
    status, _, content = request(serving, f"/containers/json?filters={quoted}")
    assert status == 400
    assert message(content) == "invalid filter"


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", "", "invalid JSON: got EOF while reading request body"),
        (
            b"{}",
            "text/plain",
            "unsupported Content-Type header (text/plain): must be 'application/json'",
        ),
        (b"{}", "application/json", "config cannot be empty in order to create a container"),
        (
            b'{"Image":1}',
            "application/json",
            "invalid JSON: json: cannot unmarshal number into Go struct field .Image of type string",
        ),
        (
            b"{bad",
            "application/json",
            "invalid JSON: invalid character 'b' looking for beginning of object key string",
        ),
        (b'{"Image":"x"}{}', "application/json", "unexpected content after JSON"),
        (b'{"Image":"nope"', "application/json", "invalid JSON: unexpected EOF"),
        (
            b'{"Image":"x","HostConfig":{"Memory":"x"}}',
            "application/json; charset=utf-8",
            "invalid JSON: json: cannot unmarshal string into Go struct field .HostConfig.Memory of type int64",
        ),
        (
            b'{"Image":"x","HostConfig":{"Memory":1.5}}',
            "application/json",
            "invalid JSON: json: cannot unmarshal number 1.5 into Go struct field .HostConfig.Memory of type int64",
        ),
        (b"[" * 100_000, "application/json", None),
    ],
)
def test_bad_bodies(serving: Serving, body: bytes, content_type: str, expected: str | None) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    status, _, content = request(serving, "/containers/create", "POST", body, **headers)
    assert status == 400
    assert expected is None or message(content) == expected


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(serving: Serving) -> None:
    data = (
        b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99999999999\r\n\r\n{"
    )
    assert b" 400 " in talk(serving, data).split(b"\r\n")[0]


def test_keys_in_any_case_and_the_last_one_wins(serving: Serving) -> None:
    body = b'{"image":"a","IMAGE":"busybox","hostCONFIG":{"memory":1,"MeMory":2},"Labels":null}'
    status, _, content = request(
        serving, "/containers/create?name=odd", "POST", body, Content_Type="application/json"
    )
    assert status == 201, content
    container = serving.engine.find("odd")
    assert (container.config.image, container.host_config.memory) == ("busybox", 2)


def test_conflicting_lengths_are_no_second_request(serving: Serving) -> None:
    """Request smuggling: two readings of where a request ends."""
    smuggled = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    for headers in (
        b"Content-Length: 0\r\nContent-Length: 32\r\n",
        b"Content-Length: 32\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: +32\r\n",
        b"Content-Length: 0x20\r\n",
    ):
        received = talk(
            serving, b"POST /info HTTP/1.1\r\nHost: d\r\n" + headers + b"\r\n" + smuggled
        )
        assert received.count(b"HTTP/1.") == 1, headers
        assert b" 400 " in received.split(b"\r\n")[0], headers


def test_h2c_upgrade_is_not_taken(serving: Serving) -> None:
    data = b"GET /info HTTP/1.1\r\nHost: d\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n\r\n"
    assert talk(serving, data).startswith(b"HTTP/1.1 200 OK\r\n")
    assert b" 400 " in talk(serving, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").split(b"\r\n")[0]


def test_endless_headers_are_refused(serving: Serving) -> None:
    many = b"".join(b"X-%d: y\r\n" % number for number in range(1000))
    assert b" 400 " in talk(serving, b"GET /info HTTP/1.1\r\n" + many + b"\r\n").split(b"\r\n")[0]
    long = b"GET /info HTTP/1.1\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n"
    assert b" 400 " in talk(serving, long).split(b"\r\n")[0]


def test_long_queries_are_served(serving: Serving) -> None:
    """Build arguments and labels travel there."""
    assert request(serving, f"/info?labels={'x' * 200_000}")[0] == 200


def test_pipelined_requests_are_answered_in_order(serving: Serving) -> None:
    data = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /nope HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
    received = talk(serving, data, close=False)
    assert received.index(b"200 OK") < received.index(b"404 Not Found")


def test_expect_continue(serving: Serving) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(
            b"POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hello")
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += client.recv(4096)
        assert b"Loaded 5 bytes" in received


def test_load_answers_200_and_tells_even_the_first_error_in_its_stream(serving: Serving) -> None:
    """Docker has answered before it looks at the archive; docker-py counts on the message."""
    status, _, content = request(serving, "/images/load", "POST", b"1")
    assert status == 200
    assert b'{"errorDetail":{"message":"too early"},"error":"too early"}\n' in content


def test_an_error_after_the_first_message_is_the_last_message(serving: Serving) -> None:
    status, _, content = request(serving, "/images/load", "POST", b"12")
    assert status == 200
    assert b'{"errorDetail":{"message":"too late"},"error":"too late"}\n' in content


def test_a_tar_that_breaks_is_cut_off_not_finished(serving: Serving) -> None:
    serving.engine.add(a_container("web"))
    received = talk(serving, b"GET /containers/web/export HTTP/1.1\r\nHost: d\r\n\r\n", close=False)
    assert b"begin" in received
    assert not received.endswith(b"0\r\n\r\n")


def test_a_cut_off_upload_is_no_whole_one(serving: Serving) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(b"POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\nhalf")
        time.sleep(0.2)
    time.sleep(0.3)
    assert serving.engine.uploaded == 4
    assert serving.server
    assert serving.server.statistics()["streams"] == 0


def test_a_verb_goes_on_when_its_client_leaves(serving: Serving) -> None:
    serving.engine.add(a_container("web"))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(b"POST /containers/web/stop HTTP/1.1\r\nHost: d\r\n\r\n")
        while not serving.engine.stopping.is_set():
            time.sleep(0.01)
    time.sleep(0.6)
    assert (serving.engine.stopped, serving.engine.cancelled) == (["web"], [])


def test_wait_answers_its_headers_at_once(serving: Serving) -> None:
    serving.engine.add(a_container("web"))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(b"POST /containers/web/wait HTTP/1.1\r\nHost: d\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
        serving.loop.call_soon_threadsafe(serving.engine.waits["web"].set)
        assert b'{"StatusCode":0}\n' in client.recv(4096)


def test_many_idle_connections_do_not_hold_up_others(serving: Serving) -> None:
    idle = [socket.socket(socket.AF_UNIX) for _ in range(300)]
    try:
        for client in idle:
            client.connect(serving.path)
            client.sendall(b"GET /inf")
        start = time.monotonic()
        assert request(serving, "/_ping")[0] == 200
        assert time.monotonic() - start < 1
    finally:
        for client in idle:
            client.close()


def test_web_pages_cannot_reach_us_over_tcp(serving: Serving) -> None:
    port = serving.call(serving.listen_tcp())
    assert isinstance(port, int)

    def ask(*lines: str) -> bytes:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall("\r\n".join(("GET /info HTTP/1.1", *lines, "", "")).encode())
            return client.recv(4096).split(b"\r\n")[0]

    assert b"200" in ask(f"Host: 127.0.0.1:{port}")
    assert b"200" in ask(f"Host: localhost:{port}")
    assert b"403" in ask(f"Host: attacker.example:{port}")
    assert b"403" in ask(f"Host: 127.0.0.1:{port}", "Origin: http://attacker.example")
    assert b"400" in ask("X: y")


def test_closing_ends_streams_and_lets_verbs_finish(serving: Serving) -> None:
    serving.engine.add(a_container("web"))
    answers: list[bytes] = []

    def ask(line: bytes) -> None:
        answers.append(talk(serving, line + b" HTTP/1.1\r\nHost: d\r\n\r\n", close=False))

    threads = [
        threading.Thread(target=ask, args=(line,))
        for line in (b"GET /events", b"POST /containers/web/stop")
    ]
    for thread in threads:
        thread.start()
    while not serving.engine.stopping.is_set() or (not answers and not serving.server):
        time.sleep(0.01)
    time.sleep(0.1)
    serving.call(serving.close())
    for thread in threads:
        thread.join(5)
    assert serving.engine.stopped == ["web"]
    assert any(b"204 No Content" in answer for answer in answers)
    serving.call(serving.open())


@pytest.mark.parametrize("pause", [0, 0.1])
def test_a_client_that_ends_its_side_still_gets_its_answer(serving: Serving, pause: float) -> None:
    """`printf … | nc -N -U`, and `docker system dial-stdio` with its input ended."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(serving.path)
        client.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
        time.sleep(pause)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while piece := client.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"OK")


def test_a_client_that_ends_its_side_in_the_middle_of_a_request_is_let_go(serving: Serving) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(serving.path)
        client.sendall(
            b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\n{"
        )
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
