"""Log drivers with the docker CLI: files as Docker's, collectors that hear, and reading back from each."""

import contextlib
import gzip
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.conftest import EXTERNAL
from support.box import BUSYBOX, Box
from support.boxshipd import Boxshipd
from support.engine import Engine, eventually

START_FAILED = "failed to create task for container: failed to initialize logging driver: "


class Collector:
    """A socket in the engine's network that keeps what it hears."""

    def __init__(self, engine: Engine, kind: int) -> None:
        self._socket = engine.new_socket(kind)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.heard: list[bytes] = []
        self._kind = kind
        self._thread = threading.Thread(target=self._listen)
        if kind == socket.SOCK_STREAM:
            self._socket.listen()
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            sock = self._socket
            if self._kind == socket.SOCK_STREAM:
                sock, _ = self._socket.accept()
            with sock:
                while data := sock.recv(1 << 16):
                    self.heard.append(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


@contextlib.contextmanager
def collecting(engine: Engine, kind: int) -> Iterator[Collector]:
    collector = Collector(engine, kind)
    try:
        yield collector
    finally:
        collector.close()


def rows(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.skipif(bool(EXTERNAL), reason="reads boxshipd's files")
def test_json_file_is_docker_s(engine: Engine, box: Box) -> None:
    name = box.ended(
        *("--label", "a=1", "-e", "E=2", "--log-opt", "labels=a", "--log-opt", "env=E"),
        *("--log-opt", "tag={{.Name}}"),
        *("--", "sh", "-c", "echo '<out>'; sleep 0.1; echo err >&2; sleep 0.1; printf 'last\\t'"),
    )
    path = Path(engine.inspect(name)["LogPath"])
    assert path.name == f"{engine.inspect(name)['Id']}-json.log"
    assert path.stat().st_mode & 0o777 == 0o640
    assert b"\\u003cout\\u003e\\n" in path.read_bytes()
    found = rows(path.read_bytes())
    assert [(row["log"], row["stream"]) for row in found] == [
        ("<out>\n", "stdout"),
        ("err\n", "stderr"),
        ("last\t", "stdout"),
    ]
    assert found[0]["attrs"] == {"E": "2", "a": "1", "tag": name}
    assert engine.ok("logs", "--details", "-n", "3", name).startswith(f"E=2,a=1,tag={name} <out>")


@pytest.mark.skipif(bool(EXTERNAL), reason="reads boxshipd's files")
def test_json_file_rotates_and_compresses(engine: Engine, box: Box) -> None:
    options = ("max-size=2k", "max-file=4", "compress=true")
    flags = [word for option in options for word in ("--log-opt", option)]
    name = box.ended(*flags, "--", "seq", "200")
    path = Path(engine.inspect(name)["LogPath"])
    assert {each.name[len(path.name) :] for each in path.parent.glob("*-json.log*")} == {
        *("", ".1.gz", ".2.gz", ".3.gz")
    }
    first = rows(gzip.decompress(Path(f"{path}.3.gz").read_bytes()))[0]["log"]
    assert engine.ok("logs", name).split() == [str(n) for n in range(int(first), 201)]
    assert engine.ok("logs", "-n", "40", name).split() == [str(n) for n in range(161, 201)]


@pytest.mark.skipif(bool(EXTERNAL), reason="our own default")
def test_no_log_fills_the_disk(engine: Engine, box: Box) -> None:
    name = box.ended("--", "sh", "-c", "seq 400000 | sed s/$/-some-more-text-to-make-it-long/")
    assert engine.inspect(name)["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": {}}
    path = Path(engine.inspect(name)["LogPath"])
    assert path.stat().st_size < 11 << 20
    assert Path(f"{path}.1.gz").exists()
    assert engine.ok("logs", "-n", "1", name).startswith("400000-")


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_logs_of_what_is_kept_in_files(engine: Engine, box: Box, driver: str) -> None:
    script = (
        "echo one; sleep 0.05; echo two >&2; sleep 0.05; head -c 40000 /dev/zero | tr '\\0' x; echo"
    )
    name = box.ended("--log-driver", driver, "--", "sh", "-c", script)
    result = engine.docker("logs", name)
    assert (result.stdout, result.stderr) == (f"one\n{'x' * 40000}\n", "two\n")
    stamped = engine.ok("logs", "-t", "-n", "3", name)
    assert stamped.count("Z ") == 3  # a stamp for each piece of 16 KiB, as Docker gives them
    assert engine.ok("logs", "-n", "1", name) == "x" * (40000 - 2 * 16384)


def test_syslog_hears_and_is_read_back(engine: Engine, box: Box) -> None:
    with collecting(engine, socket.SOCK_DGRAM) as collector:
        address = f"syslog-address=udp://127.0.0.1:{collector.port}"
        flags = ("--log-driver", "syslog", "--log-opt", address, "--log-opt", "tag=me")
        name = box.ended(*flags, "--", "sh", "-c", "echo one; sleep 0.1; echo two >&2")
        eventually(lambda: len(collector.heard) == 2)
    assert [data[:4] for data in collector.heard] == [b"<30>", b"<27>"]
    assert collector.heard[0].endswith(b"]: one\n")
    assert b" me[" in collector.heard[0]
    assert engine.ok("logs", name) == "one"


def test_gelf_hears_and_is_read_back(engine: Engine, box: Box) -> None:
    with collecting(engine, socket.SOCK_STREAM) as collector:
        flags = (
            "--log-driver",
            "gelf",
            "--log-opt",
            f"gelf-address=tcp://127.0.0.1:{collector.port}",
        )
        name = box.ended(*flags, "--", "sh", "-c", "echo one; sleep 0.1; echo two")
        eventually(lambda: b"".join(collector.heard).count(b"\0") == 2)
    first, second, _ = b"".join(collector.heard).split(b"\0")
    assert json.loads(first)["short_message"] == "one"
    assert json.loads(second)["_container_name"] == name
    assert engine.ok("logs", name) == "one\ntwo"


def test_fluentd_hears_and_is_read_back(engine: Engine, box: Box) -> None:
    with collecting(engine, socket.SOCK_STREAM) as collector:
        flags = (
            "--log-driver",
            "fluentd",
            "--log-opt",
            f"fluentd-address=127.0.0.1:{collector.port}",
        )
        name = box.ended(*flags, "--", "echo", "one")
        eventually(lambda: collector.heard)
    tag, _, record, _ = msgspec.msgpack.decode(b"".join(collector.heard))
    assert (tag, record["log"]) == (engine.inspect(name)["Id"][:12], "one")
    assert engine.ok("logs", "-f", name) == "one"


def test_a_log_that_is_only_sent_cannot_be_read(engine: Engine, box: Box) -> None:
    flags = ("--log-driver", "syslog", "--log-opt", "syslog-address=udp://127.0.0.1:9")
    name = box.ended(*flags, "--log-opt", "cache-disabled=true", "--", "echo", "one")
    assert engine.fails("logs", name) == (
        "Error response from daemon: configured logging driver does not support reading"
    )


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            ("syslog", "syslog-address=tcp://127.0.0.1:9"),
            "dial tcp 127.0.0.1:9: connect: connection refused",
        ),
        (
            ("fluentd", "fluentd-address=unix:///nope"),
            "dial unix /nope: connect: no such file or directory",
        ),
        (("json-file", "max-size=abc"), "invalid size: 'abc'"),
        (("json-file", "tag={{.Foo}}"), 'template: log-tag:1:2: executing "log-tag" at <.Foo>: '),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_driver_that_cannot_start_stops_the_start(
    engine: Engine, box: Box, flags: tuple[str, str], text: str
) -> None:
    driver, option = flags
    name = box.create("--log-driver", driver, "--log-opt", option, "--", "true")
    said = engine.fails("start", name)
    assert START_FAILED + text in said
    state = engine.inspect(name)["State"]
    assert (state["Status"], state["ExitCode"]) == ("created", 127 if "no such" in text else 128)


def test_docker_s_list_of_drivers(engine: Engine) -> None:
    listed = set(engine.get("/info")["Plugins"]["Log"])
    assert {"fluentd", "gelf", "journald", "json-file", "local", "syslog"} <= listed


def test_a_killed_engine_loses_and_repeats_no_line(daemon: Boxshipd) -> None:
    """kill -9 in the middle of heavy logging and rotation; a follower afterwards sees the sequence."""
    engine = daemon.engine
    script = "i=0; while [ $i -lt 40 ]; do seq $((i*2500+1)) $((i*2500+2500)); sleep 0.05; i=$((i+1)); done"
    options = (
        "--log-opt",
        "max-size=300k",
        "--log-opt",
        "max-file=60",
        "--log-opt",
        "compress=true",
    )
    engine.ok("run", "-d", "--name", "lines", *options, BUSYBOX, "sh", "-c", script)
    for pause in (0.5, 0.3, 0.6):
        time.sleep(pause)
        daemon.kill()
        time.sleep(0.2)
        daemon.start()
    followed = engine.output("logs", "-f", "lines", timeout=60)
    engine.ok("wait", "lines")
    expected = "".join(f"{n}\n" for n in range(1, 100_001)).encode()
    assert engine.output("logs", "lines") == expected
    assert followed == expected


def test_a_follower_crosses_rotations(engine: Engine, box: Box) -> None:
    script = "i=0; while [ $i -lt 40 ]; do seq $((i*1000+1)) $((i*1000+1000)); sleep 0.02; i=$((i+1)); done"
    options = ("--log-opt", "max-size=200k", "--log-opt", "max-file=3")
    name = box.start("-i", *options, "--", "sh", "-c", f"read x; {script}")
    with engine.started("logs", "-f", name) as logs:
        time.sleep(0.5)
        engine.ok("attach", "--sig-proxy=false", name, stdin=b"go\n", timeout=60)
        assert logs.stdout
        text = logs.stdout.read()
        assert logs.wait(30) == 0
    assert text == "".join(f"{n}\n" for n in range(1, 40_001)).encode()


def test_binary_output_comes_back_from_local(engine: Engine, box: Box) -> None:
    data = os.urandom(100_000).replace(b"\n", b"")
    name = box.name()
    engine.output(
        *("run", "-i", "--name", name, "--log-driver", "local", BUSYBOX, "cat"), stdin=data
    )
    assert engine.output("logs", name) == data


@pytest.mark.slow
def test_a_million_lines(engine: Engine, box: Box) -> None:
    name = box.name()
    engine.ok("run", "-d", "--name", name, "--log-opt", "max-size=1g", BUSYBOX, "seq", "1000000")
    engine.ok("wait", name, timeout=100)
    text = engine.output("logs", name, timeout=100)
    assert text == "".join(f"{n}\n" for n in range(1, 1_000_001)).encode()
