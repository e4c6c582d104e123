"""TLS with client certificates, and streams whose sides close one by one through it."""

import datetime as dt
import hashlib
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from boxship.http.tls import server_context
from boxship.model.config import RunConfig
from integration.api.conftest import Serving
from support.local_engine import a_container


class Authority:
    """A certificate authority as Docker's documentation makes one: no key identifiers."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self.name, self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = self._write(f"{name}.pem", builder.sign(self.key, hashes.SHA256()))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = (
            self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
        )
        certificate = self._write(f"{name}-cert.pem", builder.sign(self.key, hashes.SHA256()))
        key_file = self.folder / f"{name}-key.pem"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, key_file


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


@pytest.fixture
def port(serving: Serving, authority: Authority) -> int:
    certificate, key = authority.issue("server")
    context = server_context(certificate, key, authority.file, verify=True)
    port = serving.call(serving.listen_tcp(context))
    assert isinstance(port, int)
    serving.engine.add(
        a_container("web", config=RunConfig(image="busybox", cmd=("cat",), labels={}))
    )
    serving.call(serving.engine.start("web"))
    return port


def docker(
    port: int, authority: Authority, name: str, *arguments: str, data: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    certificate, key = authority.issue(name)
    return subprocess.run(
        [
            *(
                "docker",
                "-H",
                f"tcp://127.0.0.1:{port}",
                "--tlsverify",
                "--tlscacert",
                str(authority.file),
            ),
            *("--tlscert", str(certificate), "--tlskey", str(key), *arguments),
        ],
        env={**os.environ, "DOCKER_CONFIG": "/nonexistent"},
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not shutil.which("docker"), reason="needs the docker CLI")
def test_exec_with_half_close_through_tls(port: int, authority: Authority) -> None:
    data = os.urandom(20 << 20)
    result = docker(
        port,
        authority,
        "client",
        "exec",
        "-i",
        "web",
        "sh",
        "-c",
        "cat; sleep 0.2; echo end >&2",
        data=data,
    )
    assert hashlib.sha256(result.stdout).digest() == hashlib.sha256(data).digest()
    assert result.stderr == b"end\n"


@pytest.mark.skipif(not shutil.which("docker"), reason="needs the docker CLI")
def test_logs_through_tls(port: int, authority: Authority) -> None:
    result = docker(port, authority, "client", "logs", "web")
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")


def fetch(port: int, context: ssl.SSLContext) -> bytes:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain) as client,
    ):
        client.sendall(b"GET /_ping HTTP/1.1\r\nHost: other.example\r\n\r\n")
        return client.recv(4096)


def refused(port: int, context: ssl.SSLContext) -> bool:
    try:
        return fetch(port, context) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_a_client_without_a_certificate_is_turned_away(port: int) -> None:
    assert refused(port, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_a_certificate_of_another_authority_is_turned_away(port: int, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    certificate, key = Authority(tmp_path / "other", "evil").issue("client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(certificate, key)
    assert refused(port, context)


def test_a_certificate_of_ours_comes_in(port: int, authority: Authority) -> None:
    certificate, key = authority.issue("client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(certificate, key)
    assert fetch(port, context).startswith(b"HTTP/1.1 200 OK")


def test_plain_http_on_the_tls_port_is_no_harm(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
        assert b"200 OK" not in client.recv(4096)
