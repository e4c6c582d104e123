"""Connections over TCP, plain or TLS; apart from the unix socket because they need more modules."""

from _socket import SOCK_STREAM, gaierror, getaddrinfo, socket

from boxship.client.address import Address
from boxship.client.errors import CannotConnect, ConnectionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.client.tls import TlsFiles, TlsStream


def dial(where: Address, tls: "TlsFiles | None") -> "socket | TlsStream":
    """Connect to the first address of the host that answers."""
    try:
        found = getaddrinfo(where.host, where.port, 0, SOCK_STREAM)
    except gaierror as error:
        raise ConnectionFailed(
            f"error during connect: dial tcp: lookup {where.host}: {error.strerror}"
        ) from None
    refused: OSError | None = None
    for family, kind, protocol, _, place in found:
        sock = socket(family, kind, protocol)
        try:
            sock.connect(place)
        except OSError as error:
            sock.close()
            refused = error
            continue
        return _secured(sock, where, tls) if tls is not None else sock
    if isinstance(refused, ConnectionRefusedError):
        raise CannotConnect(where.text)
    raise ConnectionFailed(f"error during connect: dial {where.text}: {refused}")


def _secured(sock: socket, where: Address, tls: "TlsFiles") -> "TlsStream":
    import ssl

    from boxship.client.tls import TlsStream

    try:
        return TlsStream(sock, tls, where.host)
    except ssl.SSLError as error:
        sock.close()
        raise ConnectionFailed(
            f"error during connect: {where.text}: tls: {error.reason or error}"
        ) from None
    except OSError as error:
        sock.close()
        raise ConnectionFailed(f"error during connect: {where.text}: {error}") from None
    except BaseException:
        sock.close()
        raise
