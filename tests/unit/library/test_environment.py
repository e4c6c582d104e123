"""Which daemon the environment means."""

from pathlib import Path

import pytest

import boxship
from boxship.errors import InvalidArgument


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOXSHIP_HOST", "DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name, raising=False)


def test_who_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert boxship.connect().address == "unix:///run/boxship/boxship.sock"
    monkeypatch.setenv("BOXSHIP_HOST", "unix:///b.sock")
    assert boxship.connect().address == "unix:///b.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker:2375")
    assert boxship.connect().address == "tcp://docker:2375"
    assert boxship.connect("unix:///c.sock").address == "unix:///c.sock"


def test_missing_certificates_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with pytest.raises(InvalidArgument, match=r"ca\.pem: no such file"):
        boxship.connect()
    boxship.connect("unix:///c.sock")  # named: the environment is not asked
