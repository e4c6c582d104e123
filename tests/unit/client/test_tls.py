"""TLS with a half-close, against the standard library's server side."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from boxship.client.address import parse_address
from boxship.client.errors import ConnectionFailed
from boxship.client.http import Client
from boxship.client.tls import TlsFiles


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost that is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


class Echo:
    """Reads a hijacked stream to its close_notify, then answers; needs a client certificate."""

    def __init__(self, certificates: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        self._context.load_verify_locations(certificates / "cert.pem")
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        sock, _ = self._listener.accept()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        with sock:
            with contextlib.suppress(ssl.SSLError, OSError):
                self._talk(sock, tls, incoming, outgoing)
            sock.sendall(outgoing.read())

    def _talk(
        self,
        sock: socket.socket,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> None:
        def pump(action: str, *args: object) -> object:
            while True:
                try:
                    return getattr(tls, action)(*args)
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    data = sock.recv(65536)
                    incoming.write(data) if data else incoming.write_eof()

        pump("do_handshake")
        data = b""
        while b"\r\n\r\n" not in data:
            data += pump("read", 1000)  # type: ignore[operator]
        tls.write(b"HTTP/1.1 101 UPGRADED\r\n\r\n")
        sock.sendall(outgoing.read())
        got = data.partition(b"\r\n\r\n")[2]
        try:
            while piece := pump("read", 65536):
                got += piece  # type: ignore[operator]
        except ssl.SSLZeroReturnError:
            pass
        tls.write(b"got %d" % len(got))

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


def test_output_is_read_after_the_input_has_ended(certificates: Path) -> None:
    server = Echo(certificates)
    cert, key = str(certificates / "cert.pem"), str(certificates / "key.pem")
    client = Client(
        parse_address(f"tcp://localhost:{server.port}", tls=True),
        tls=TlsFiles(ca=cert, cert=cert, key=key),
    )
    connection, _ = client.hijack("/x")
    connection.send(b"x" * 300_000)
    connection.sock.shutdown(1)
    out = b""
    while piece := connection.read_some():
        out += piece
    assert out == b"got 300000"
    connection.close()
    server.close()


def test_an_unknown_authority_is_refused(certificates: Path) -> None:
    server = Echo(certificates)
    cert, key = str(certificates / "cert.pem"), str(certificates / "key.pem")
    client = Client(
        parse_address(f"tcp://localhost:{server.port}", tls=True), tls=TlsFiles(cert=cert, key=key)
    )
    with pytest.raises(ConnectionFailed, match="tls: "):
        client.get("/x")
    server.close()
