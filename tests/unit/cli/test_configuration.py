"""config.json, contexts, credentials, and which daemon is meant."""

import base64
import json
import os
import stat
from pathlib import Path

import pytest

from boxship.cli import credentials
from boxship.cli.config import load
from boxship.cli.contexts import Store
from boxship.cli.flags import parse
from boxship.cli.global_flags import GLOBAL
from boxship.cli.hosts import DEFAULT_HOST, Endpoint
from boxship.cli.main import run
from boxship.cli.running import Context
from boxship.errors import BoxshipError, InvalidArgument


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("DOCKER_", "BOXSHIP_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def endpoint(*argv: str) -> Endpoint:
    return Context(parse(GLOBAL, list(argv))).endpoint()


def test_without_a_name_it_is_our_own_daemon() -> None:
    found = endpoint()
    assert (found.host, found.named) == (DEFAULT_HOST, False)


def test_the_order_of_the_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Store(str(tmp_path / ".docker")).create("there", "", "tcp://there:1", {}, skip_verify=False)
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "there"}')
    assert endpoint().host == "tcp://there:1"
    monkeypatch.setenv("BOXSHIP_HOST", "tcp://ours:1")
    assert endpoint().host == "tcp://ours:1"
    monkeypatch.setenv("DOCKER_HOST", "tcp://theirs:1")
    assert endpoint().host == "tcp://theirs:1"
    assert endpoint("-H", "tcp://flag:1").host == "tcp://flag:1"
    assert endpoint("-c", "there").host == "tcp://there:1"
    with pytest.raises(BoxshipError, match="cannot specify both --host and --context"):
        endpoint("-c", "there", "-H", "x")


def test_an_unknown_context_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "nosuch")
    with pytest.raises(BoxshipError, match='context "nosuch": context not found'):
        endpoint()


def test_tls_by_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://x:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with pytest.raises(InvalidArgument, match=r"open .*/ca\.pem: no such file or directory"):
        endpoint()
    for part in ("ca", "cert"):
        (tmp_path / f"{part}.pem").write_text("")
    found = endpoint().tls
    assert found is not None
    assert (found.verify, found.ca, found.cert, found.key) == (
        True,
        f"{tmp_path}/ca.pem",
        f"{tmp_path}/cert.pem",
        "",
    )


def test_a_broken_config_is_named_and_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("{")
    assert run(["-H", "unix:///nonexistent", "ps"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"WARNING: Error parsing config file ({tmp_path}/.docker/config.json)")
    assert "Cannot connect to the Boxship daemon" in error
    assert run(["context", "use", "default"]) == 1
    assert (tmp_path / ".docker" / "config.json").read_text() == "{"


def test_saving_keeps_what_we_do_not_know(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"plugins": {"x": {"y": "1"}}, "auths": {}}')
    config = load(str(tmp_path))
    assert credentials.store(config, "r:5000", {"username": "u", "password": "p:w"})
    values = json.loads((tmp_path / "config.json").read_text())
    assert values["plugins"] == {"x": {"y": "1"}}
    assert base64.b64decode(values["auths"]["r:5000"]["auth"]) == b"u:p:w"
    assert stat.S_IMODE((tmp_path / "config.json").stat().st_mode) == 0o600
    found = credentials.get(load(str(tmp_path)), "r:5000")
    assert (found["username"], found["password"]) == ("u", "p:w")
    credentials.erase(config, "r:5000")
    assert credentials.get(load(str(tmp_path)), "r:5000") == {}


HELPER = """#!/bin/sh
case "$1" in
  get) read -r server; [ -f "$STORE/$server" ] && cat "$STORE/$server" || { echo "credentials not found in native keychain"; exit 1; } ;;
  store) cat > "$STORE/r" ;;
  erase) read -r server; rm -f "$STORE/$server" ;;
esac
"""


def test_a_helper_keeps_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("STORE", str(tmp_path))
    (tmp_path / "config.json").write_text('{"credsStore": "test"}')
    config = load(str(tmp_path))
    assert credentials.get(config, "r") == {}
    assert not credentials.store(config, "r", {"username": "u", "password": "secret"})
    assert "secret" not in (tmp_path / "config.json").read_text()
    assert credentials.get(config, "r")["password"] == "secret"
    credentials.erase(config, "r")
    assert credentials.get(config, "r") == {}


def test_contexts_live_where_docker_keeps_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["context", "create", "one", "--docker", "host=tcp://a:1", "--description", "d"]) == 0
    )
    meta = list((tmp_path / ".docker" / "contexts" / "meta").glob("*/meta.json"))
    assert json.loads(meta[0].read_text()) == {
        "Name": "one",
        "Metadata": {"Description": "d"},
        "Endpoints": {"docker": {"Host": "tcp://a:1", "SkipTLSVerify": False}},
    }
    assert run(["context", "use", "one"]) == 0
    assert run(["context", "show"]) == 0
    assert capsys.readouterr().out == "one\none\none\n"
    assert run(["context", "rm", "one"]) == 1
    assert run(["context", "rm", "-f", "one"]) == 0
    assert not meta[0].exists()
    for bad in ("default", "", "a/b", "../x"):
        assert run(["context", "create", bad, "--docker", "host=x"]) == 1


def test_a_context_goes_through_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca").write_text("authority")
    settings = f"host=tcp://a:1,ca={tmp_path}/ca"
    assert run(["context", "create", "one", "--docker", settings]) == 0
    assert run(["context", "export", "one"]) == 0
    assert stat.S_IMODE((tmp_path / "one.dockercontext").stat().st_mode) == 0o600
    assert run(["context", "export", "one"]) == 1  # never over an older file
    assert run(["context", "import", "two", "one.dockercontext"]) == 0
    store = Store(str(tmp_path / ".docker"))
    assert store.get("two")["Endpoints"]["docker"]["Host"] == "tcp://a:1"
    assert Path(store.tls_files("two")["ca"]).read_text() == "authority"
    (tmp_path / "junk").write_text("x" * 2000)
    assert run(["context", "import", "three", "junk"]) == 1
    assert "invalid context: no metadata found" in capsys.readouterr().err
