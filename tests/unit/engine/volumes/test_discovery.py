"""Where plugins are found, and what calls to them come to."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Self

import pytest
from msgspec.structs import replace

from boxship.engine.volumes.discovery import PluginAddress, PluginFolders, PluginTLS
from boxship.engine.volumes.plugin_calls import PluginClient, PluginRefused
from boxship.errors import Internal, NotFound, Unavailable
from support.certificates import certificates


@pytest.fixture
def folders(tmp_path: Path) -> PluginFolders:
    for name in ("run", "etc", "lib"):
        (tmp_path / name).mkdir()
    return PluginFolders([tmp_path / "run"], [tmp_path / "etc", tmp_path / "lib"])


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes sockets."""
    listeners: list[socket.socket] = []

    def make(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        listeners.append(socket.socket(socket.AF_UNIX))
        listeners[-1].bind(str(path))
        return path

    yield make
    for listener in listeners:
        listener.close()


def test_a_socket_comes_before_a_description(
    tmp_path: Path, folders: PluginFolders, listen: Callable[[str], Path]
) -> None:
    (tmp_path / "etc" / "x.spec").write_text("tcp://there:1\n")
    assert folders.find("x") == PluginAddress("tcp://there:1")
    path = listen("run/x.sock")
    assert folders.find("x") == PluginAddress(f"unix://{path}")


def test_a_socket_may_have_a_folder(folders: PluginFolders, listen: Callable[[str], Path]) -> None:
    path = listen("run/x/x.sock")
    assert folders.find("x") == PluginAddress(f"unix://{path}")


def test_a_description_may_ask_for_tls(tmp_path: Path, folders: PluginFolders) -> None:
    described = {
        "Name": "x",
        "Addr": "https://there:2",
        "TLSConfig": {
            "InsecureSkipVerify": False,
            "CAFile": "/ca",
            "CertFile": "/c",
            "KeyFile": "/k",
        },
    }
    (tmp_path / "lib" / "x.json").write_text(json.dumps(described))
    tls = PluginTLS(ca_file="/ca", cert_file="/c", key_file="/k")
    assert folders.find("x") == PluginAddress("https://there:2", tls)


@pytest.mark.parametrize("name", ["x", "", "..", "../etc/x", "a/b"])
def test_what_is_not_there_is_not_found(folders: PluginFolders, name: str) -> None:
    with pytest.raises(NotFound, match="not found"):
        folders.find(name)


@pytest.mark.parametrize(("suffix", "text"), [("spec", "nowhere"), ("json", "{"), ("json", "{}")])
def test_bad_descriptions(tmp_path: Path, folders: PluginFolders, suffix: str, text: str) -> None:
    (tmp_path / "etc" / f"x.{suffix}").write_text(text)
    with pytest.raises(Internal):
        folders.find("x")


def test_a_file_in_the_place_of_a_socket_is_none(tmp_path: Path, folders: PluginFolders) -> None:
    (tmp_path / "run" / "x.sock").touch()
    with pytest.raises(NotFound):
        folders.find("x")


class Answering:
    """A plugin on a TCP port that gives one answer."""

    def __init__(self, status: int, body: bytes, tls: ssl.SSLContext | None = None) -> None:
        seen: list[tuple[str, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                seen.append((self.path, self.rfile.read(length)))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self.seen = seen
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"tcp://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_call_is_a_post(folders: PluginFolders) -> None:
    with Answering(200, b'{"Mountpoint": "/x"}') as plugin:
        client = PluginClient("x", PluginAddress(plugin.url))
        assert client.call("VolumeDriver.Path", {"Name": "v"}) == {"Mountpoint": "/x"}
    assert plugin.seen == [("/VolumeDriver.Path", b'{"Name":"v"}')]


def test_a_plugin_behind_tls(tmp_path: Path) -> None:
    """It shows its certificate and wants ours; a plugin that somebody else signed is not spoken to."""
    certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "server/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "server/cert.pem", tmp_path / "server/key.pem")
    client = tmp_path / "client"
    ours = PluginTLS(cert_file=str(client / "cert.pem"), key_file=str(client / "key.pem"))
    with Answering(200, b"{}", context) as plugin:
        known = replace(ours, ca_file=str(client / "ca.pem"))
        assert PluginClient("x", PluginAddress(plugin.url, known)).call("V.M") == {}
        careless = replace(ours, insecure_skip_verify=True)
        assert PluginClient("x", PluginAddress(plugin.url, careless)).call("V.M") == {}
        with pytest.raises(Unavailable, match=r"certificate"):
            PluginClient("x", PluginAddress(plugin.url, ours), patience_s=0).call("V.M")


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (200, b'{"Err": "no room"}', PluginRefused, "no room"),
        (500, b'{"Err": "no room"}', PluginRefused, "V.M: no room"),
        (500, b"oops\n", PluginRefused, "V.M: oops"),
        (404, b"404 page not found\n", NotFound, "V.M: 404 page not found"),
        (200, b"oops", Internal, "V.M: the plugin's answer is no JSON"),
        (200, b"[]", Internal, "V.M: the plugin's answer is no JSON object"),
    ],
)
def test_complaints(status: int, body: bytes, kind: type[Exception], text: str) -> None:
    with Answering(status, body) as plugin:
        client = PluginClient("x", PluginAddress(plugin.url))
        with pytest.raises(kind) as refusal:
            client.call("V.M", {})
    assert str(refusal.value).startswith(text)


def test_nobody_at_home() -> None:
    client = PluginClient("x", PluginAddress("unix:///nowhere/x.sock"), patience_s=0)
    with pytest.raises(Unavailable, match=r'Post "http:///nowhere/x.sock/V.M": no such file'):
        client.call("V.M")
