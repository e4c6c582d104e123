"""TLS whose directions close one by one, as Docker's hijacked streams need.

asyncio's own TLS ends the whole connection when the peer closes its side, and the output of
`docker exec -i` is lost. Here an SSL object works on memory buffers between the TCP transport and an
inner protocol, and presents itself to that protocol as a transport.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, cast

log = logging.getLogger(__name__)

READ_SIZE: Final = 1 << 18
HANDSHAKE_S: Final = 60.0


def server_context(
    certificate: Path, key: Path, authority: Path | None, *, verify: bool
) -> ssl.SSLContext:
    """TLS as dockerd serves it; with *verify* only clients with a certificate of *authority* come in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if verify:
        context.verify_mode = ssl.CERT_REQUIRED
        # Python 3.13 and later refuse certificates without key identifiers, which Docker users have
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if authority is not None:
            context.load_verify_locations(authority)
        else:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    return context


class TLSProtocol(asyncio.Protocol):
    """Sits on the TCP connection; after the handshake an inner protocol is made and served.

    With *server_name* it is the client's side, and `opened` tells how the handshake went.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        factory: Callable[[], asyncio.Protocol],
        *,
        server_name: str | None = None,
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._is_client = server_name is not None
        self._ssl = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=not self._is_client,
            server_hostname=server_name,
        )
        self.opened: asyncio.Future[TLSTransport] = asyncio.get_running_loop().create_future()
        self._factory = factory
        self._tcp: asyncio.Transport | None = None
        self._inner: TLSTransport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._ended = False

    def __repr__(self) -> str:
        return f"<TLSProtocol {self._ssl.version()} {'serving' if self._inner else 'handshake'}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tcp = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(HANDSHAKE_S, self._tcp.abort)
        if self._is_client:
            self._handshake(self._tcp)

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        if self._tcp is None or (self._inner is None and not self._handshake(self._tcp)):
            return
        self.deliver()

    def _handshake(self, tcp: asyncio.Transport) -> bool:
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            log.debug("TLS handshake with %s failed: %s", tcp.get_extra_info("peername"), error)
            self._settle(error)
            self._flush()  # the alert tells the peer why
            tcp.close()
            return False
        self._flush()
        if self._deadline is not None:
            self._deadline.cancel()
        self._inner = TLSTransport(self, tcp, self._ssl)
        self._inner.open(self._factory())
        self.opened.set_result(self._inner)
        return True

    def _settle(self, error: Exception) -> None:
        """Tell a waiting client that the handshake failed; nobody waits on the server's side."""
        if not self.opened.done():
            if self._is_client:
                self.opened.set_exception(error)
            else:
                self.opened.cancel()

    def deliver(self) -> None:
        """Hand on what is decrypted, unless the inner protocol asked for a pause."""
        inner = self._inner
        try:
            while inner is not None and inner.is_reading() and not self._ended:
                data = self._ssl.read(READ_SIZE)
                if not data:
                    self._end_of_input()
                    break
                inner.protocol.data_received(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._end_of_input()
        except ssl.SSLError as error:
            log.debug("TLS record refused: %s", error)
            self._abort()
        self._flush()

    def _end_of_input(self) -> None:
        """The peer sent close_notify (Go's CloseWrite): writing goes on unless the inner side objects."""
        if self._inner is None or self._ended:
            return
        self._ended = True
        if not self._inner.protocol.eof_received():
            self._inner.close()

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and pass on."""
        try:
            self._ssl.write(data)
        except ssl.SSLError:
            self._abort()
        self._flush()

    def send_end(self) -> None:
        """Tell the peer that no more comes (close_notify)."""
        with contextlib.suppress(ssl.SSLError):
            self._ssl.unwrap()
        self._flush()

    def _flush(self) -> None:
        if self._tcp is not None and (data := self._outgoing.read()):
            self._tcp.write(data)

    def _abort(self) -> None:
        if self._tcp is not None:
            self._tcp.abort()

    def eof_received(self) -> bool:
        self._end_of_input()
        return (
            self._inner is not None
        )  # a close without close_notify: the write side may still work

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._settle(exc or ConnectionResetError("closed during the TLS handshake"))
        if self._inner is not None:
            self._inner.lost(exc)


class TLSTransport(asyncio.Transport):
    """The decrypted side, as a transport for the inner protocol."""

    def __init__(
        self, outer: TLSProtocol, tcp: asyncio.Transport, ssl_object: ssl.SSLObject
    ) -> None:
        super().__init__()
        self.protocol: Any = None
        self._outer = outer
        self._tcp = tcp
        self._ssl = ssl_object
        self._reading = True
        self._closing = False
        self._write_ended = False

    def open(self, protocol: asyncio.Protocol) -> None:
        """Begin to serve *protocol*."""
        self.protocol = protocol
        protocol.connection_made(self)

    def lost(self, exc: Exception | None) -> None:
        """The TCP connection ended."""
        self._closing = True
        protocol, self.protocol = self.protocol, asyncio.Protocol()
        protocol.connection_lost(exc)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        match name:
            case "peercert":
                return self._ssl.getpeercert()
            case "ssl_object":
                return self._ssl
            case _:
                return self._tcp.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self.protocol
        return protocol

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        self._reading = False
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        if self._reading or self._closing:
            return
        self._reading = True
        self._tcp.resume_reading()
        asyncio.get_running_loop().call_soon(self._outer.deliver)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self._write_ended:
            self._outer.send(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._write_ended:
            self._write_ended = True
            self._outer.send_end()

    def get_write_buffer_size(self) -> int:
        return self._tcp.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._tcp.set_write_buffer_limits(high, low)

    def is_closing(self) -> bool:
        return self._closing or self._tcp.is_closing()

    def close(self) -> None:
        if not self._closing:
            self.write_eof()
            self._closing = True
            self._tcp.close()

    def abort(self) -> None:
        self._closing = True
        self._tcp.abort()
