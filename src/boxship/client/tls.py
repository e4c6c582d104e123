"""TLS over a plain socket, with a half-close that leaves the other direction open.

`ssl.SSLSocket` cannot send its close_notify and go on reading, which is how a client of a hijacked
stream says that its stdin has ended; so the records are moved by hand here.
"""

import ssl
from _thread import allocate_lock
from contextlib import suppress

from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812

CHUNK = 65536


class TlsFiles:
    """Which certificates to use, and whether the daemon's must be right."""

    __slots__ = ("ca", "cert", "key", "verify")

    def __init__(self, *, ca: str = "", cert: str = "", key: str = "", verify: bool = True) -> None:
        self.ca = ca
        self.cert = cert
        self.key = key
        self.verify = verify


def context_of(files: TlsFiles) -> ssl.SSLContext:
    """The client context that *files* ask for."""
    for path in (files.ca, files.cert, files.key):
        _check_file(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Python 3.13 verifies RFC 5280 to the letter, which the usual Docker certificates are not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if files.verify:
        if files.ca:
            context.load_verify_locations(files.ca)
        else:
            context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if files.cert or files.key:
        context.load_cert_chain(files.cert, files.key)
    return context


def _check_file(path: str) -> None:
    """OpenSSL does not say which of its files is missing."""
    if not path:
        return
    try:
        with open(path, "rb"):
            return
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise InvalidArgument(
            f"Failed to initialize: unable to resolve docker endpoint: open {path}: {reason}"
        ) from None


class TlsStream:
    """The few socket calls our client makes, over TLS.

    One thread may read while another writes: `_lock` guards OpenSSL's state, `_sending` keeps the
    records on the wire in order, and neither is held while a read waits.
    """

    def __init__(self, sock: "Socket", files: TlsFiles, host: str) -> None:
        self._sock = sock
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._lock = allocate_lock()
        self._sending = allocate_lock()
        self._tls = context_of(files).wrap_bio(self._in, self._out, server_hostname=host)
        self._drive_handshake()

    def _drive_handshake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLError:
                self._flush()  # the alert tells the daemon why
                raise
            else:
                self._flush()
                return

    def _flush(self, *, wait: bool = True) -> None:
        if not self._sending.acquire(wait):
            return  # the writer that holds it sends this too
        try:
            while self._out.pending:
                with self._lock:
                    data = self._out.read()
                self._sock.sendall(data)
        finally:
            self._sending.release()

    def _fill(self) -> None:
        data = self._sock.recv(CHUNK)
        with self._lock:
            if data:
                self._in.write(data)
            else:
                self._in.write_eof()

    def recv(self, size: int) -> bytes:
        while True:
            try:
                with self._lock:
                    return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._flush(wait=False)
                self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def sendall(self, data: "bytes | memoryview") -> None:
        view = memoryview(data)
        while view:
            with self._lock:
                sent = self._tls.write(view[:CHUNK])
            view = view[sent:]
            self._flush()

    def shutdown(self, _how: int) -> None:
        """Send close_notify; reading goes on."""
        # raised as the peer has not closed yet: the notice is written
        with suppress(ssl.SSLError), self._lock:
            self._tls.unwrap()
        self._flush()

    def fileno(self) -> int:
        return self._sock.fileno()

    def settimeout(self, seconds: "float | None") -> None:
        self._sock.settimeout(seconds)

    def close(self) -> None:
        self._sock.close()
