"""Starting a daemon that nobody has started."""

import os
import signal
import sys
from pathlib import Path

import pytest

from boxship.cli import launcher
from boxship.client.address import parse_address
from boxship.client.http import Client
from boxship.errors import Unavailable

LISTENER = """
import os, socket, sys, time
path = sys.argv[1]
with open(path + ".pids", "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(0.1)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
time.sleep(30)
"""


def client_of(path: Path) -> Client:
    return Client(parse_address(f"unix://{path}"))


def test_it_is_started_once_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run" / "sock"
    command = [sys.executable, "-c", LISTENER, str(path)]
    monkeypatch.setattr(launcher, "_command", lambda: command)
    try:
        assert launcher.start_daemon(client_of(path))
        assert launcher.start_daemon(client_of(path))
        assert len((tmp_path / "run" / "sock.pids").read_text().split()) == 1
    finally:
        for pid in (tmp_path / "run" / "sock.pids").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def test_a_daemon_that_dies_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; sys.exit('no such root')"
    monkeypatch.setattr(launcher, "_command", lambda: [sys.executable, "-c", script])
    with pytest.raises(Unavailable, match="no such root"):
        launcher.start_daemon(client_of(tmp_path / "sock"))


def test_a_remote_daemon_is_not_ours_to_start() -> None:
    assert not launcher.start_daemon(Client(parse_address("tcp://localhost:1")))
