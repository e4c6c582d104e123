"""boxshipd as a process: start, signals, sockets, locks."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

TESTS = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "support.local_daemon"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{TESTS.parent / 'src'}:{TESTS}"}


class Run:
    """One daemon process."""

    def __init__(self, root: Path, *flags: str, environment: dict[str, str] | None = None) -> None:
        self.root = root
        self.socket = root / "run" / "boxship.sock"
        self._log = root / "log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *self.roots(root), *flags],
                env=ENVIRONMENT | (environment or {}),
                stdin=subprocess.DEVNULL,
                stderr=log,
                stdout=log,
            )

    @staticmethod
    def roots(root: Path) -> list[str]:
        if not (root / "daemon.json").exists():
            (root / "daemon.json").write_text("{}")
        return [
            *("--data-root", f"{root}/data", "--exec-root", f"{root}/run"),
            *("--pidfile", f"{root}/pid", "--config-file", f"{root}/daemon.json"),
        ]

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        eventually(lambda: text in self.log or self.process.poll() is not None)
        assert text in self.log, self.log

    def ready(self) -> "Run":
        self.wait_for("API listen on")
        return self

    def ping(self) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.socket))
            client.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
            return client.makefile("rb").read()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(20)


def eventually(condition: Callable[[], bool], within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def starting(*flags: str, root: Path = tmp_path, **how: dict[str, str]) -> Run:
        root.mkdir(exist_ok=True)
        runs.append(Run(root, *flags, **how))
        return runs[-1]

    yield starting
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait()


def refused(tmp_path: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *Run.roots(tmp_path), *flags],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_serves_and_stops_cleanly(start: Callable[..., Run]) -> None:
    run = start().ready()
    assert b"200 OK" in run.ping()
    assert run.socket.stat().st_mode & 0o777 == 0o660
    assert (run.root / "pid").read_text() == str(run.process.pid)
    assert run.end() == 0
    assert not run.socket.exists()
    assert not (run.root / "pid").exists()
    assert "engine closed" in run.log


def test_it_stops_at_once_although_clients_stream(start: Callable[..., Run]) -> None:
    run = start().ready()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(run.socket))
        client.sendall(b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n")
        assert b"200 OK" in client.recv(4096)
        begin = time.monotonic()
        assert run.end() == 0
        assert time.monotonic() - begin < 5


def test_a_second_daemon_keeps_off_our_data(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start().ready()
    result = refused(tmp_path, "--pidfile", f"{tmp_path}/pid2", "-H", f"unix://{tmp_path}/sock2")
    assert result.returncode == 1
    assert f"another engine (PID {run.process.pid}) is using it" in result.stderr
    result = refused(tmp_path, "--data-root", f"{tmp_path}/data2")
    assert f"process with PID {run.process.pid} is still running" in result.stderr
    assert b"200 OK" in run.ping()


def test_it_starts_again_after_kill_9(start: Callable[..., Run]) -> None:
    run = start().ready()
    run.process.kill()
    run.process.wait()
    assert run.socket.exists()
    again = start()
    eventually(lambda: again.log.count("API listen on") == 2)
    assert b"200 OK" in again.ping()


def test_daemons_side_by_side(start: Callable[..., Run], tmp_path: Path) -> None:
    runs = [start(root=tmp_path / str(number)) for number in range(2)]
    assert all(b"200 OK" in run.ready().ping() for run in runs)
    assert [run.end() for run in runs] == [0, 0]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--foo"], "unknown flag: --foo\nSee 'boxshipd --help'.\n"),
        (["--log-level", "zz"], "invalid logging level: zz\n"),
        (["--group", "no-such-group"], "group no-such-group not found\n"),
        (["-H", "tcp://127.0.0.1:0"], "without --tlsverify gives root access"),
        (["--tls", "--tlscert", "/nope", "--validate"], "invalid TLS configuration"),
    ],
)
def test_refusals(tmp_path: Path, flags: list[str], message: str) -> None:
    result = refused(tmp_path, *flags)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run" / "boxship.sock").exists()


def test_validate(tmp_path: Path) -> None:
    result = refused(tmp_path, "--validate")
    assert (result.returncode, result.stderr) == (0, "configuration OK\n")
    assert not (tmp_path / "data").exists()


def test_tcp_by_intent(start: Callable[..., Run]) -> None:
    run = start("-H", "tcp://127.0.0.1:0", "--tls=false").ready()
    port = int(run.log.rpartition("('127.0.0.1', ")[2].partition(")")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/_ping")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"OK")
    connection.close()
    assert "is insecure and gives root access" in run.log


def test_hang_up_reads_the_file_again(start: Callable[..., Run]) -> None:
    run = start().ready()
    (run.root / "daemon.json").write_text(json.dumps({"labels": ["a=b"], "debug": True}))
    run.process.send_signal(signal.SIGHUP)
    run.wait_for("engine reloaded: ('a=b',)")
    (run.root / "daemon.json").write_text("{bad")
    run.process.send_signal(signal.SIGHUP)
    run.wait_for("Error reconfiguring the daemon")
    assert b"200 OK" in run.ping()


def test_systemd_hears_of_our_life(start: Callable[..., Run], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        run = start(environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert systemd.recv(100) == b"READY=1"
        run.process.send_signal(signal.SIGHUP)
        assert systemd.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert systemd.recv(100) == b"READY=1"
        run.process.terminate()
        assert systemd.recv(100) == b"STOPPING=1"
        run.process.wait(20)


def test_sockets_from_systemd(tmp_path: Path) -> None:
    path = tmp_path / "activated"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        os.set_inheritable(listener.fileno(), True)
        script = f'exec 3<&{listener.fileno()}; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-c", script, "x", *COMMAND, *Run.roots(tmp_path), "-H", "fd://"],
                env=ENVIRONMENT,
                pass_fds=[listener.fileno()],
                stderr=log,
            )
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))  # accepted when the daemon is up
                client.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
                client.settimeout(20)
                assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
        finally:
            process.terminate()
            assert process.wait(20) == 0
    assert path.exists()


def test_json_logs(start: Callable[..., Run]) -> None:
    run = start("--log-format", "json").ready()
    lines = [line for line in run.log.splitlines() if line.startswith("{")]
    assert {"level", "msg", "time", "module"} == json.loads(lines[0]).keys()
    with contextlib.suppress(ProcessLookupError):
        run.end()
