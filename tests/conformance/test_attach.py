"""docker attach."""

import time

from support.box import Box
from support.engine import Engine

ECHO = (
    "--",
    "sh",
    "-c",
    "echo up; while read x; do test $x = quit && exit 3; echo got $x; echo err $x >&2; done",
)


def test_attach_joins_both_ways_and_takes_the_exit_code(engine: Engine, box: Box) -> None:
    name = box.start("-i", *ECHO)
    box.wait_for_log(name, "up")
    with engine.started("attach", name) as client:
        assert client.stdin
        assert client.stdout
        assert client.stderr
        time.sleep(0.3)  # that it is attached cannot be seen from outside
        for line in (b"one", b"two"):
            client.stdin.write(line + b"\n")
            client.stdin.flush()
            assert client.stdout.readline() == b"got " + line + b"\n"
            assert client.stderr.readline() == b"err " + line + b"\n"
        client.stdin.write(b"quit\n")
        client.stdin.flush()
        assert client.wait(10) == 3


def test_several_clients_see_the_same(engine: Engine, box: Box) -> None:
    name = box.start("-i", *ECHO)
    box.wait_for_log(name, "up")
    with engine.started("attach", "--no-stdin", name) as one, engine.started("attach", name) as two:
        assert one.stdout
        assert two.stdout
        assert two.stdin
        time.sleep(0.5)  # that they are attached cannot be seen from outside
        two.stdin.write(b"both\n")
        two.stdin.flush()
        assert one.stdout.readline() == two.stdout.readline() == b"got both\n"
        two.stdin.write(b"quit\n")
        two.stdin.flush()
        assert (one.wait(10), two.wait(10)) == (3, 3)


def test_attach_without_stdin_leaves_it_open(engine: Engine, box: Box) -> None:
    name = box.start("-i", *ECHO)
    with engine.started("attach", "--no-stdin", name) as client:
        client.kill()
    assert engine.inspect(name)["State"]["Running"]


def test_signals_are_proxied_unless_told_not_to(engine: Engine, box: Box) -> None:
    script = "trap 'echo int' INT; echo up; while :; do sleep 0.05; done"
    name = box.start("--", "sh", "-c", script)
    box.wait_for_log(name, "up")
    with engine.started("attach", name) as client:
        time.sleep(0.5)
        client.send_signal(2)
        box.wait_for_log(name, "int")
    with engine.started("attach", "--sig-proxy=false", name) as client:
        time.sleep(0.5)
        client.send_signal(2)
        time.sleep(0.3)
    assert engine.ok("logs", name) == "up\nint"


def test_attach_to_a_stopped_one_is_refused(engine: Engine, box: Box) -> None:
    assert engine.fails("attach", box.create()) == (
        "You cannot attach to a stopped container, start it first"
    )


def test_attach_to_a_paused_one_is_refused(engine: Engine, box: Box) -> None:
    name = box.start()
    engine.ok("pause", name)
    assert (
        engine.fails("attach", name) == "You cannot attach to a paused container, unpause it first"
    )


def test_logs_and_stream_give_what_was_and_what_comes(engine: Engine, box: Box) -> None:
    name = box.ended("--", "echo", "was")
    reply = engine.api(
        "POST", f"/containers/{name}/attach", logs="1", stream="0", stdout="1", stderr="1"
    )
    assert reply.status == 200
    assert reply.body == b"\x01\0\0\0\0\0\0\x04was\n"


def test_the_upgrade_is_answered_with_101(engine: Engine, box: Box) -> None:
    name = box.start("-i", *ECHO)
    box.wait_for_log(name, "up")
    connection = engine.connection()
    connection.request(
        "POST",
        f"/v1.51/containers/{name}/attach?stream=1&stdout=1&stdin=1",
        headers={"Connection": "Upgrade", "Upgrade": "tcp"},
    )
    assert connection.sock
    stream = connection.sock
    head = b""
    while b"\r\n\r\n" not in head:
        head += stream.recv(1)
    assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    assert b"Content-Type: application/vnd.docker.multiplexed-stream\r\n" in head
    stream.sendall(b"x\n")
    data = stream.recv(1024)
    while b"got x\n" not in data:
        data += stream.recv(1024)
    assert data.removeprefix(b"\x01\0\0\0\0\0\0\x03up\n") == b"\x01\0\0\0\0\0\0\x06got x\n"
    connection.close()


def test_without_an_upgrade_it_is_hijacked_as_200(engine: Engine, box: Box) -> None:
    name = box.start("-t", "-i", *ECHO)
    connection = engine.connection()
    connection.request("POST", f"/v1.51/containers/{name}/attach?stream=1&stdout=1&stdin=1")
    assert connection.sock
    stream = connection.sock
    head = b""
    while b"\r\n\r\n" not in head:
        head += stream.recv(1)
    assert head.startswith(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    )
    stream.sendall(b"x\n")
    data = b""
    while b"got x\r\n" not in data:
        data += stream.recv(1024)
    connection.close()
