"""Addresses and sockets."""

import os
import socket
import stat
from pathlib import Path

import pytest

from boxship.errors import InvalidArgument, Unavailable
from boxship.http.listeners import listen_tcp, listen_unix, parse_address, passed_sockets


@pytest.mark.parametrize(
    ("text", "tls", "expected"),
    [
        ("", False, "unix:///s"),
        ("", True, "tcp://localhost:2376"),
        ("unix://", False, "unix:///s"),
        ("unix:///x/y", False, "unix:///x/y"),
        ("fd://", False, "fd://"),
        ("fd://web", False, "fd://web"),
        ("tcp://", False, "tcp://localhost:2375"),
        ("tcp://:80", False, "tcp://localhost:80"),
        ("tcp://0.0.0.0", True, "tcp://0.0.0.0:2376"),
        ("tcp://[::1]:99", False, "tcp://[::1]:99"),
        ("tcp://[::1]", False, "tcp://[::1]:2375"),
        ("1.2.3.4:5", False, "tcp://1.2.3.4:5"),
    ],
)
def test_addresses(text: str, *, tls: bool, expected: str) -> None:
    assert str(parse_address(text, default_socket="/s", tls=tls)) == expected


@pytest.mark.parametrize(
    "text", ["npipe://x", "tcp://a:b", "tcp://[::1", "tcp://a:70000", "tcp://a:1/x", "tcp://[::1]x"]
)
def test_bad_addresses(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid bind address"):
        parse_address(text, default_socket="/s", tls=False)


def test_a_socket_is_for_its_group_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sock"
    with listen_unix(str(path), group=None):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_a_stale_socket_is_replaced_and_a_live_one_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    listen_unix(path, group=None).close()
    with listen_unix(path, group=None), pytest.raises(Unavailable, match="another process listens"):
        listen_unix(path, group=None)


def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    path.write_text("precious")
    with pytest.raises(Unavailable, match="in the way"):
        listen_unix(str(path), group=None)
    assert path.read_text() == "precious"


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Unavailable, match="Address already in use"):
            listen_tcp("127.0.0.1", other.getsockname()[1])


def test_sockets_meant_for_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    monkeypatch.setenv("LISTEN_FDS", "1")
    with pytest.raises(Unavailable, match="socket activation"):
        passed_sockets("")


def test_none_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "0")
    with pytest.raises(Unavailable, match="none was passed"):
        passed_sockets("")
