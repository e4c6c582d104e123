"""boxshipd as a program: flags, lock, listeners, signals."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from conformance.conftest import EXTERNAL
from support.box import BUSYBOX
from support.boxshipd import Boxshipd, boxshipd
from support.certificates import certificates
from support.engine import Engine, Result, eventually


def run(daemon: Boxshipd, *flags: str) -> "subprocess.CompletedProcess[str]":
    """A second boxshipd that must end by itself."""
    return subprocess.run(
        [*daemon.command(), *flags], capture_output=True, text=True, timeout=30, check=False
    )


def test_a_second_daemon_on_the_same_roots_is_refused(daemon: Boxshipd) -> None:
    second = run(daemon)
    assert second.returncode == 1
    assert str(daemon.pid) in second.stderr or "already" in second.stderr
    assert daemon.engine.api("GET", "/_ping").status == 200


def test_an_unknown_flag_is_refused(daemon: Boxshipd) -> None:
    second = run(daemon, "--nonesuch")
    assert second.returncode != 0
    assert "unknown flag: --nonesuch" in second.stderr


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("{", "unable to configure the Docker daemon with file"),
        (
            '{"nonesuch": 1}',
            "the following directives don't match any configuration option: nonesuch",
        ),
        (
            '{"bip": "10.1.2.1/24"}',
            "the following directives are specified both as a flag and in the configuration file",
        ),
    ],
)
def test_a_bad_configuration_is_refused(
    daemon: Boxshipd, tmp_path: Path, config: str, text: str
) -> None:
    file = tmp_path / "daemon.json"
    file.write_text(config)
    second = run(daemon, "--config-file", str(file))
    assert second.returncode != 0
    assert text in second.stderr


def test_two_daemons_live_side_by_side(daemon: Boxshipd) -> None:
    with boxshipd() as other:
        assert other.engine.ok("ps", "-aq") == ""
        daemon.engine.ok("run", "-d", "--name", "one", "--network", "none", BUSYBOX, "sleep", "100")
        assert other.engine.ok("ps", "-aq") == ""
        assert other.engine.ok("images", "-q") == ""
        assert other.address != daemon.address
        daemon.engine.ok("rm", "-f", "one")


def test_the_socket_and_pid_file_come_and_go(daemon: Boxshipd) -> None:
    assert (daemon.root / "pid").read_text().strip() == str(daemon.pid)
    assert (daemon.root / "sock").stat().st_mode & 0o777 == 0o660
    daemon.stop()
    assert not (daemon.root / "sock").exists()
    assert not (daemon.root / "pid").exists()


def test_stale_socket_and_pid_file_do_not_hinder(daemon: Boxshipd) -> None:
    daemon.kill()
    assert (daemon.root / "sock").exists()
    daemon.start()
    assert daemon.engine.ok("run", "--rm", "--network", "none", BUSYBOX, "echo", "up") == "up"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def only_boxshipd() -> None:
    if EXTERNAL:
        pytest.skip("for boxshipd only")


def test_it_also_listens_on_tcp() -> None:
    only_boxshipd()
    port = free_port()
    with boxshipd("-H", f"tcp://127.0.0.1:{port}", "--tls=false"):
        assert "Server" in Engine(f"tcp://127.0.0.1:{port}").ok("version")


def test_tls_lets_in_only_whom_the_authority_signed(tmp_path: Path) -> None:
    only_boxshipd()
    certificates(tmp_path / "good")
    certificates(tmp_path / "strange")
    server, port = tmp_path / "good/server", free_port()
    flags = ("--tlsverify", "--tlscacert", f"{server}/ca.pem", "--tlscert", f"{server}/cert.pem")
    with boxshipd("-H", f"tcp://127.0.0.1:{port}", *flags, "--tlskey", f"{server}/key.pem"):
        engine = Engine(f"tcp://127.0.0.1:{port}")

        def version(client: Path, ca: Path) -> Result:
            pair = ("--tlscert", f"{client}/cert.pem", "--tlskey", f"{client}/key.pem")
            return engine.docker("--tlsverify", "--tlscacert", f"{ca}/ca.pem", *pair, "version")

        assert version(tmp_path / "good/client", server).code == 0
        assert version(tmp_path / "strange/client", server).code == 1
        assert version(tmp_path / "good/client", tmp_path / "strange/server").code == 1
        assert engine.docker("version").code == 1


def test_a_hang_up_reloads_the_configuration(tmp_path: Path) -> None:
    only_boxshipd()
    file = tmp_path / "daemon.json"
    file.write_text(json.dumps({"labels": ["a=1"]}))
    with boxshipd("--config-file", str(file)) as daemon:
        assert daemon.engine.get("/info")["Labels"] == ["a=1"]
        file.write_text(json.dumps({"labels": ["a=2"]}))
        os.kill(daemon.pid, signal.SIGHUP)
        eventually(lambda: daemon.engine.get("/info")["Labels"] == ["a=2"])


def test_a_stop_is_quick_even_with_clients(daemon: Boxshipd) -> None:
    engine = daemon.engine
    engine.ok("run", "-d", "--name", "quiet", "--network", "none", BUSYBOX, "sleep", "1000")
    with (
        engine.started("events"),
        engine.started("logs", "-f", "quiet"),
        engine.started("attach", "quiet"),
    ):
        time.sleep(0.5)
        begun = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begun < 10


def test_another_runtime_may_be_registered(daemon: Boxshipd) -> None:
    runtimes = daemon.engine.get("/info")["Runtimes"]
    for name in runtimes:
        assert (
            daemon.engine.ok(
                "run", "--rm", "--runtime", name, "--network", "none", BUSYBOX, "echo", name
            )
            == name
        )
