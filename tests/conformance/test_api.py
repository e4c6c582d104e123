"""The API itself: versions, malformed requests, unknown things."""

import http.client
import socket
from contextlib import closing
from typing import Any

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine

TOO_OLD = (
    "client version 1.23 is too old. Minimum supported API version is 1.24, "
    "please upgrade your client to a newer version"
)


def test_unknown_paths(engine: Engine) -> None:
    for path in ("/nonesuch", "/containers/x/nonesuch"):
        assert engine.api("GET", path).error == (404, "page not found")
    assert engine.api("GET", "/nonesuch", version="").error == (404, "page not found")


def test_a_wrong_method(engine: Engine) -> None:
    assert engine.api("DELETE", "/version").status in (404, 405)
    assert engine.api("GET", "/containers/create").status in (404, 405)


@pytest.mark.parametrize(
    ("version", "error"),
    [
        ("v1.23", (400, TOO_OLD)),
        ("v1.52", (400, "client version 1.52 is too new. Maximum supported API version is 1.51")),
        ("v2.0", (400, "client version 2.0 is too new. Maximum supported API version is 1.51")),
        ("vx", (404, "page not found")),
    ],
)
def test_versions_out_of_bounds(engine: Engine, version: str, error: tuple[int, str]) -> None:
    reply = engine.api("GET", "/version", version=version)
    # no version was agreed on, so old clients get plain text
    text = reply.body.decode().strip() if version == "v1.23" else reply.message
    assert (reply.status, text) == error


@pytest.mark.parametrize("version", ["v1.24", "v1.40", "v1.51", ""])
def test_versions_within(engine: Engine, version: str) -> None:
    reply = engine.api("GET", "/containers/json", version=version)
    assert reply.status == 200
    assert reply.headers["Api-Version"] == "1.51"


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b"{", {"Content-Type": "application/json"}, (400, "invalid JSON: unexpected EOF")),
        (
            b"",
            {"Content-Type": "application/json"},
            (400, "invalid JSON: got EOF while reading request body"),
        ),
        (
            b'{"Image": 1}',
            {"Content-Type": "application/json"},
            (
                400,
                "invalid JSON: json: cannot unmarshal number into Go struct field .Image of type string",
            ),
        ),
        (b"{}{}", {"Content-Type": "application/json"}, (400, "unexpected content after JSON")),
        (
            b"{}",
            {"Content-Type": "text/plain"},
            (400, "unsupported Content-Type header (text/plain): must be 'application/json'"),
        ),
        (b"{}", {}, (400, "malformed Content-Type header (): mime: no media type")),
        (
            b"{}",
            {"Content-Type": "application/json"},
            (400, "config cannot be empty in order to create a container"),
        ),
        (
            b"null",
            {"Content-Type": "application/json"},
            (400, "config cannot be empty in order to create a container"),
        ),
    ],
    ids=["cut", "empty", "type", "twice", "text", "no type", "no image", "null"],
)
def test_bodies_of_create(
    engine: Engine, body: bytes, headers: dict[str, str], error: tuple[int, str]
) -> None:
    assert engine.api("POST", "/containers/create", body, headers=headers).error == error


def test_create_answers_201_with_an_id(engine: Engine, box: Box) -> None:
    reply = engine.post(f"/containers/create?name={box.name()}", {"Image": BUSYBOX})
    assert (reply.status, reply.headers["Content-Type"]) == (201, "application/json")
    assert reply.json()["Warnings"] == []
    assert len(reply.json()["Id"]) == 64


def test_create_of_an_unknown_image(engine: Engine) -> None:
    assert engine.post("/containers/create", {"Image": "nonesuch"}).error == (
        404,
        "No such image: nonesuch:latest",
    )


VERBS = [
    ("GET", "/containers/nonesuch/json"),
    ("GET", "/containers/nonesuch/top"),
    ("GET", "/containers/nonesuch/logs?stdout=1"),
    ("GET", "/containers/nonesuch/changes"),
    ("GET", "/containers/nonesuch/export"),
    ("GET", "/containers/nonesuch/stats?stream=0"),
    ("GET", "/containers/nonesuch/archive?path=/"),
    ("PUT", "/containers/nonesuch/archive?path=/"),
    ("POST", "/containers/nonesuch/start"),
    ("POST", "/containers/nonesuch/stop"),
    ("POST", "/containers/nonesuch/restart"),
    ("POST", "/containers/nonesuch/kill"),
    ("POST", "/containers/nonesuch/pause"),
    ("POST", "/containers/nonesuch/unpause"),
    ("POST", "/containers/nonesuch/rename?name=x"),
    ("POST", "/containers/nonesuch/wait"),
    ("POST", "/containers/nonesuch/resize?h=1&w=1"),
    ("DELETE", "/containers/nonesuch"),
]


@pytest.mark.parametrize(("method", "path"), VERBS, ids=lambda v: v)
def test_every_verb_knows_unknown_containers(engine: Engine, method: str, path: str) -> None:
    status, message = engine.api(method, path).error
    assert status == 404
    assert (
        message.removeprefix("cannot kill container: nonesuch: ") == "No such container: nonesuch"
    )


def test_start_and_stop_twice_are_304(engine: Engine, box: Box) -> None:
    name = box.create("--", "sleep", "1000")
    assert engine.post(f"/containers/{name}/start").status == 204
    assert engine.post(f"/containers/{name}/start").status == 304
    assert engine.post(f"/containers/{name}/stop?t=0").status == 204
    assert engine.post(f"/containers/{name}/stop?t=0").status == 304
    assert engine.api("DELETE", f"/containers/{name}").status == 204


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ("garbage", (400, "invalid filter")),
        ("[]", (400, "invalid filter")),
        ('{"status":1}', (400, "invalid filter")),
        ('{"status":["running"]}', None),
        ('{"status":{"running":true}}', None),
        ("", None),
    ],
)
def test_filters_come_in_two_forms_only(
    engine: Engine, filters: str, error: tuple[int, str] | None
) -> None:
    reply = engine.api("GET", "/containers/json", filters=filters)
    assert (reply.status if error is None else reply.error) == (error or 200)


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=x", 500), ("all=maybe", 200), ("size=1", 200), ("all=TRUE", 200)],
)
def test_query_values(engine: Engine, query: str, status: int) -> None:
    assert engine.api("GET", f"/containers/json?{query}").status == status


@pytest.mark.parametrize(
    "path", ["/containers/x%00y/json", "/containers/..%2f..%2fetc/json", "/images/%00/json"]
)
def test_odd_names_are_no_more_than_unknown(engine: Engine, path: str) -> None:
    assert engine.api("GET", path).status in (301, 400, 404)


def test_requests_share_a_connection(engine: Engine) -> None:
    connection = engine.connection()
    for _ in range(3):
        connection.request("GET", "/v1.51/_ping")
        assert connection.getresponse().read() == b"OK"
    connection.close()


def raw(engine: Engine, data: bytes) -> bytes:
    with closing(engine.connection(10)) as connection:
        connection.connect()
        stream: socket.socket = connection.sock
        stream.sendall(data)
        return stream.recv(4096)


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"GET /_ping HTTP/9.9\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\n\r\n",
        b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: x\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: " + b"y" * 2_000_000 + b"\r\n\r\n",
    ],
    ids=["garbage", "version", "no host", "length", "long"],
)
def test_broken_http_is_answered_and_survived(engine: Engine, data: bytes) -> None:
    try:
        answer = raw(engine, data)
    except (ConnectionError, TimeoutError):
        answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1.")
    assert engine.api("GET", "/_ping").status == 200


def test_chunked_bodies_are_taken(engine: Engine, box: Box) -> None:
    connection = engine.connection()
    body = iter([b'{"Image":', f'"{BUSYBOX}"}}'.encode()])
    connection.request(
        "POST",
        f"/v1.51/containers/create?name={box.name()}",
        body=body,
        headers={"Content-Type": "application/json"},
        encode_chunked=True,
    )
    response: http.client.HTTPResponse = connection.getresponse()
    assert (response.status, len(response.read()) > 64) == (201, True)
    connection.close()


def test_old_clients_may_send_a_host_config_with_start_only_empty(engine: Engine, box: Box) -> None:
    name = box.create("--", "true")
    reply = engine.post(f"/containers/{name}/start", {"Binds": ["/:/x"]})
    assert reply.error == (
        400,
        "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
    )


HOST_CONFIGS: list[tuple[dict[str, Any], str]] = [
    ({"RestartPolicy": {"Name": "odd"}}, "invalid restart policy"),
    ({"NetworkMode": "container:"}, "invalid"),
    ({"PidMode": "odd"}, "invalid PID mode"),
    ({"IpcMode": "odd"}, "invalid IPC mode"),
    ({"Binds": ["a"]}, "invalid"),
    ({"PortBindings": {"x/tcp": [{}]}}, "invalid"),
    ({"Memory": -5}, ""),
    ({"Isolation": "odd"}, "invalid"),
]


@pytest.mark.parametrize(
    ("host", "text"), HOST_CONFIGS, ids=lambda v: str(v) if isinstance(v, dict) else ""
)
def test_impossible_host_configs_are_refused(
    engine: Engine, box: Box, host: dict[str, Any], text: str
) -> None:
    reply = engine.post(
        f"/containers/create?name={box.name()}", {"Image": BUSYBOX, "HostConfig": host}
    )
    assert reply.status in (400, 500), reply
    assert text in reply.message


def test_healthchecks_are_checked(engine: Engine, box: Box) -> None:
    config = {"Image": BUSYBOX, "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5}}
    assert engine.post(f"/containers/create?name={box.name()}", config).error == (
        400,
        "Interval in Healthcheck cannot be less than 1ms",
    )
