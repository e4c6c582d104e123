"""Streams under load and with clients that misbehave: each costs only itself, and nothing stays behind."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.box import BUSYBOX, Box
from support.boxshipd import Boxshipd
from support.engine import Engine, eventually

UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


@contextmanager
def hijacked(engine: Engine, path: str, body: Any = None) -> Iterator[socket.socket]:
    """The raw stream of an attach or exec."""
    connection = engine.connection(timeout=120)
    with closing(connection):
        sent = dict(UPGRADE)
        data = b"" if body is None else body
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request("POST", f"/v1.51{path}", body=data, headers=sent)
        sock = connection.sock
        assert sock is not None
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101"), head
        yield sock


def everything(sock: socket.socket) -> bytes:
    """What comes until the end, frames and all."""
    parts = []
    while data := sock.recv(1 << 16):
        parts.append(data)
    return b"".join(parts)


def content(framed: bytes) -> bytes:
    """The frames' payload."""
    parts, place = [], 0
    while place < len(framed):
        length = int.from_bytes(framed[place + 4 : place + 8], "big")
        parts.append(framed[place + 8 : place + 8 + length])
        place += 8 + length
    return b"".join(parts)


def through(sock: socket.socket, data: bytes) -> bytes:
    """Send, half close, and read what comes back meanwhile."""

    def send() -> None:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    answer = content(everything(sock))
    sender.join()
    return answer


def session(engine: Engine, name: str, *command: str, **fields: Any) -> str:
    attached = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
    reply = engine.post(f"/containers/{name}/exec", {"Cmd": command, **attached, **fields})
    assert reply.status == 201, reply
    return str(reply.json()["Id"])


def figures(engine: Engine) -> tuple[int, int]:
    info = engine.get("/info")
    return info["NFd"], info["NGoroutines"]


def test_binary_data_goes_both_ways(engine: Engine, box: Box) -> None:
    data = os.urandom(3 << 20)
    name = box.start()
    with hijacked(engine, f"/exec/{session(engine, name, 'cat')}/start", b"{}") as sock:
        assert through(sock, data) == data
    cat = box.name()
    body = {"Image": BUSYBOX, "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True}
    assert engine.post("/containers/create", body, name=cat).status == 201
    with hijacked(engine, f"/containers/{cat}/attach?stream=1&stdin=1&stdout=1") as sock:
        assert engine.post(f"/containers/{cat}/start").status == 204
        assert through(sock, data) == data
    assert engine.ok("wait", cat) == "0"


def test_who_only_listened_may_leave(engine: Engine, box: Box) -> None:
    """conmon would close standard input when any client of a StdinOnce container leaves."""
    name = box.name()
    script = "echo up; while read x; do echo got $x; done; echo end"
    body = {"Image": BUSYBOX, "Cmd": ["sh", "-c", script], "OpenStdin": True, "StdinOnce": True}
    assert engine.post("/containers/create", body, name=name).status == 201
    assert engine.post(f"/containers/{name}/start").status == 204
    for _ in range(2):
        with hijacked(engine, f"/containers/{name}/attach?stream=1&stdout=1"):
            pass
    with hijacked(engine, f"/containers/{name}/attach?stream=1&stdout=1&stdin=1") as typing:
        with hijacked(engine, f"/containers/{name}/attach?stream=1&stdout=1") as listening:
            typing.sendall(b"one\n")
            assert listening.recv(100)[8:] == b"got one\n"
        time.sleep(0.1)
        assert engine.inspect(name)["State"]["Running"]
        typing.sendall(b"two\n")
        typing.shutdown(socket.SHUT_WR)
        assert content(everything(typing)) == b"got one\ngot two\nend\n"
    assert engine.ok("logs", name) == "up\ngot one\ngot two\nend"


def test_attaching_ends_with_the_input_where_others_may_type_on(engine: Engine, box: Box) -> None:
    name = box.start("-i", "--", "sh", "-c", "while read x; do echo got $x; done")
    for word in (b"one", b"two"):
        with hijacked(engine, f"/containers/{name}/attach?stream=1&stdout=1&stdin=1") as sock:
            sock.sendall(word + b"\n")
            assert sock.recv(100)[8:] == b"got " + word + b"\n"
            sock.shutdown(socket.SHUT_WR)
            assert everything(sock) == b""
    assert engine.inspect(name)["State"]["Running"]


def test_nothing_asked_for_is_nothing_carried(engine: Engine, box: Box) -> None:
    name = box.start()
    with hijacked(engine, f"/containers/{name}/attach?stream=1") as sock:
        assert everything(sock) == b""


def test_a_client_that_never_reads_costs_only_itself(engine: Engine, box: Box) -> None:
    name = box.name()
    script = "i=0; while :; do head -c 100000 /dev/zero; i=$((i+1)); echo $i > /n; done"
    engine.ok("create", "--name", name, BUSYBOX, "sh", "-c", script)
    with hijacked(engine, f"/containers/{name}/attach?stream=1&stdout=1"):
        engine.ok("start", name)
        time.sleep(1)
        count = int(engine.ok("exec", name, "cat", "/n"))
        time.sleep(0.5)
        assert int(engine.ok("exec", name, "cat", "/n")) == count  # it waits, as under Docker
        begun = time.monotonic()
        engine.ok("kill", name)  # whose end must be noticed all the same
        assert engine.inspect(name)["State"]["Status"] == "exited"
        assert time.monotonic() - begun < 9


@pytest.mark.skipif("BOXSHIP_TEST_HOST" in os.environ, reason="looks at our supervisors")
def test_input_that_nobody_reads_takes_no_time(engine: Engine, box: Box) -> None:
    """conmon tries a write that cannot succeed again and again, a whole CPU's worth."""
    name = box.start("-i", "--", "sh", "-c", "exec <&-; sleep 100")
    pid = engine.inspect(name)["State"]["Pid"]
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    def ticks() -> int:
        fields = Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    with hijacked(engine, f"/containers/{name}/attach?stream=1&stdout=1&stdin=1") as sock:
        time.sleep(0.2)
        sock.sendall(b"for nobody\n")
        time.sleep(1)
        before = ticks()
        time.sleep(1)
        assert ticks() - before < 10


@pytest.mark.slow
def test_a_thousand_attachments_leave_nothing(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "-i", "--name", "host", BUSYBOX, "cat")
    before = figures(engine)
    for number in range(1000):
        with hijacked(engine, "/containers/host/attach?stream=1&stdout=1&stdin=1") as sock:
            sock.sendall(b"%d\n" % number)
            if number % 2:  # the others are gone before their echo comes
                seen = b""
                while b"%d\n" % number not in seen:
                    seen += sock.recv(1000)
    eventually(
        lambda: all(now <= then + 3 for now, then in zip(figures(engine), before, strict=True))
    )
    assert engine.inspect("host")["State"]["Running"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_sessions_at_once(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "host", BUSYBOX, "sleep", "10000")
    before = figures(engine)
    first = resident_kib(daemon.pid)
    count, at_once = 1000, 8
    open_streams: list[tuple[int, socket.socket, Any]] = []
    lock = threading.Lock()

    def begin(numbers: range) -> None:
        for number in numbers:
            stream = hijacked(engine, f"/exec/{session(engine, 'host', 'cat')}/start", b"{}")
            sock = stream.__enter__()
            sock.sendall(b"%d\n" % number)
            assert sock.recv(100)[8:] == b"%d\n" % number
            with lock:
                open_streams.append((number, sock, stream))

    threads = [
        threading.Thread(target=begin, args=(range(start, count, at_once),))
        for start in range(at_once)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(open_streams) == count
    assert len(engine.inspect("host")["ExecIDs"]) == count
    peak = resident_kib(daemon.pid)
    for number, sock, stream in open_streams:
        sock.sendall(b"again\n")
        sock.shutdown(socket.SHUT_WR)
        assert content(everything(sock)) == b"again\n", number
        stream.__exit__(None, None, None)
    eventually(lambda: not engine.inspect("host")["ExecIDs"], within=60)
    eventually(
        lambda: all(now <= then + 3 for now, then in zip(figures(engine), before, strict=True)),
        within=30,
    )
    assert peak - first < 100 * count, (first, peak)  # KiB
    assert resident_kib(daemon.pid) < peak + 4000


def resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
