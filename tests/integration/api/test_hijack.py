"""Real Docker clients on hijacked connections."""

import asyncio
import hashlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import docker
import pytest

from boxship.http import stdcopy
from boxship.model.config import RunConfig
from integration.api.conftest import Serving
from support.local_engine import a_container

needs_docker = pytest.mark.skipif(not shutil.which("docker"), reason="needs the docker CLI")


def cli(
    serving: Serving, *arguments: str, data: bytes | None = None
) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "DOCKER_HOST": serving.host, "DOCKER_CONFIG": "/nonexistent"}
    return subprocess.run(
        ["docker", *arguments],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
        input=data,
    )


def running(serving: Serving, name: str, *cmd: str, **config: object) -> None:
    values = {"image": "busybox", "cmd": cmd, "labels": {}, **config}
    serving.engine.add(a_container(name, config=RunConfig(**values)))  # type: ignore[arg-type]
    serving.call(serving.engine.start(name))


@needs_docker
def test_200_megabytes_through_exec_come_back_unchanged(serving: Serving, tmp_path: Path) -> None:
    running(serving, "web", "cat")
    block = os.urandom(1 << 20)
    source = tmp_path / "in"
    with source.open("wb") as file:
        for number in range(200):
            file.write(number.to_bytes(4, "big") + block[4:])
    with source.open("rb") as file:
        environment = {**os.environ, "DOCKER_HOST": serving.host, "DOCKER_CONFIG": "/nonexistent"}
        result = subprocess.run(
            ["docker", "exec", "-i", "web", "cat"],
            stdin=file,
            check=False,
            capture_output=True,
            env=environment,
            timeout=100,
        )
    with source.open("rb") as file:
        expected = hashlib.file_digest(file, "md5").hexdigest()
    assert result.stderr == b""
    assert hashlib.md5(result.stdout).hexdigest() == expected
    assert result.returncode == 7


@needs_docker
def test_output_after_the_end_of_input_is_not_lost(serving: Serving) -> None:
    running(serving, "web", "cat")
    result = cli(
        serving,
        "exec",
        "-i",
        "web",
        "sh",
        "-c",
        "wc -c; sleep 0.3; echo late; echo err >&2",
        data=b"hello",
    )
    assert result.stdout == b"5\nlate\n"
    assert result.stderr == b"err\n"


@needs_docker
def test_a_process_that_leaves_its_input_unread_is_no_connection_error(serving: Serving) -> None:
    running(serving, "web", "cat")
    result = cli(serving, "exec", "-i", "web", "head", "-c", "3", data=b"x" * 5_000_000)
    assert result.stdout == b"xxx"
    assert result.stderr == b""


@needs_docker
def test_a_program_that_cannot_start_is_told_in_the_stream(serving: Serving) -> None:
    running(serving, "web", "cat")
    result = cli(serving, "exec", "web", "nope")
    assert b"executable file not found in $PATH" in result.stdout
    assert b"Error response" not in result.stderr


@needs_docker
def test_attach_carries_both_streams(serving: Serving) -> None:
    running(serving, "web", "sh", "-c", "cat; echo err >&2", open_stdin=True, attach_stdin=True)
    serving.engine.waits["web"] = ended = asyncio.Event()
    serving.loop.call_soon_threadsafe(ended.set)
    result = cli(serving, "attach", "web", data=b"hello\n")
    assert result.stdout == b"hello\n"
    assert result.stderr == b"err\n"


@needs_docker
def test_logs_and_events_of_the_cli(serving: Serving) -> None:
    running(serving, "web", "cat")
    result = cli(serving, "logs", "web")
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")
    environment = {**os.environ, "DOCKER_HOST": serving.host}
    with subprocess.Popen(["docker", "events"], stdout=subprocess.PIPE, env=environment) as events:
        assert events.stdout
        lines = [events.stdout.readline() for _ in range(3)]
        events.terminate()
    assert all(b"container start cccc" in line for line in lines)
    deadline = time.monotonic() + 5
    while "events" not in serving.engine.cancelled and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "events" in serving.engine.cancelled


def test_docker_py_execs_on_a_raw_socket(serving: Serving) -> None:
    running(serving, "web", "cat")
    client = docker.DockerClient(base_url=serving.host)
    try:
        container = client.containers.get("web")
        code, output = container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)
        assert (code, output) == (7, (b"out\n", b"err\n"))
        _, stream = container.exec_run("cat", stdin=True, socket=True)
        stream._sock.sendall(b"ping")
        stream._sock.shutdown(socket.SHUT_WR)
        data = b""
        while piece := stream._sock.recv(4096):
            data += piece
        assert [frame.data for frame in stdcopy.Decoder().feed(data)] == [b"ping"]
        stream._sock.close()
        stream._response.close()
        stream.close()
    finally:
        client.close()


def test_a_client_without_upgrade_gets_a_plain_200_and_raw_bytes(serving: Serving) -> None:
    running(serving, "web", "echo", "hello")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(b"POST /containers/web/attach?stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\n\r\n")
        data = b""
        while piece := client.recv(4096):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"application/vnd.docker.raw-stream" in head
    assert body == stdcopy.encode(1, b"hello\n")


def test_output_of_neither_stream_comes_with_the_head(serving: Serving) -> None:
    """docker-py loses what it reads together with the headers."""
    running(serving, "web", "sh", "-c", "echo err >&2; echo out")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(
            b"POST /containers/web/attach?stdout=1&stderr=1&stream=1 HTTP/1.1\r\nHost: d\r\n"
            b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        time.sleep(0.2)  # a client that is slow to read
        head = client.recv(65536)
        data = b""
        while piece := client.recv(4096):
            data += piece
    assert head.endswith(b"\r\n\r\n")
    assert {frame.data for frame in stdcopy.Decoder().feed(data)} == {b"err\n", b"out\n"}


def test_clients_before_api_1_42_are_not_told_of_frames(serving: Serving) -> None:
    running(serving, "web", "cat")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(
            b"POST /v1.41/containers/web/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\n"
            b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        data = client.recv(4096)
        client.sendall(b"hi")
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(4096):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    assert b"application/vnd.docker.raw-stream" in head
    assert body == stdcopy.encode(1, b"hi")


def test_a_client_that_vanishes_releases_its_attachment(serving: Serving) -> None:
    """Also from a container that says nothing, where no write would ever fail."""
    running(serving, "web", "sleep", "1000")
    client = socket.socket(socket.AF_UNIX)
    client.connect(serving.path)
    client.sendall(
        b"POST /containers/web/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\n"
        b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    )
    assert b"101" in client.recv(4096)
    client.close()
    deadline = time.monotonic() + 10
    while not serving.engine.attachments[0].closed and time.monotonic() < deadline:
        time.sleep(0.05)
    assert serving.engine.attachments[0].closed


def test_an_exec_starts_although_its_client_leaves_at_once(serving: Serving) -> None:
    running(serving, "web", "cat")
    client = docker.APIClient(base_url=serving.host, version="1.44")
    exec_id = client.exec_create("web", ["slow"])["Id"]
    client.close()
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(serving.path)
        raw.sendall(
            f"POST /exec/{exec_id}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".encode()
        )
        assert b"101" in raw.recv(4096)
    deadline = time.monotonic() + 10
    while not (attached := serving.engine.attachments) and time.monotonic() < deadline:
        time.sleep(0.05)
    while not attached[0].closed and time.monotonic() < deadline:
        time.sleep(0.05)
    assert serving.engine.sessions[exec_id][0].started
    assert attached[0].closed


def test_attach_over_a_websocket(serving: Serving) -> None:
    running(serving, "web", "cat")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(
            b"GET /containers/web/attach/ws?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b"101 Switching Protocols" in client.recv(4096)
        client.sendall(b"\x82\x85\0\0\0\0hello")  # one masked binary frame
        assert client.recv(4096) == b"\x82\x05hello"


def test_a_slow_reader_of_endless_logs_costs_little(serving: Serving) -> None:
    running(serving, "web", "cat")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(serving.path)
        client.sendall(b"GET /containers/web/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: d\r\n\r\n")
        assert b"200 OK" in client.recv(100)
        time.sleep(0.5)
        before = _memory()
        time.sleep(1)
        after = _memory()
        assert after - before < 8 << 20


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
