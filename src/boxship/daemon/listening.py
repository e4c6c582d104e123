"""The daemon's listeners: from -H values to sockets and TLS."""

import logging
import socket
import ssl
from pathlib import Path
from typing import Final, NamedTuple

from boxship.daemon.configuration import DaemonConfig
from boxship.errors import InvalidArgument, PermissionDenied
from boxship.http import listeners
from boxship.http.listeners import Address
from boxship.http.tls import server_context

log = logging.getLogger(__name__)

DEFAULT_GROUP: Final = "docker"


class Listening(NamedTuple):
    """An open socket, its TLS, and the file to remove at the end."""

    socket: socket.socket
    context: ssl.SSLContext | None
    path: str = ""


def open_all(config: DaemonConfig) -> list[Listening]:
    """Open every listener, or none."""
    context = tls_context(config)
    opened: list[Listening] = []
    try:
        for text in config.hosts or (f"unix://{config.default_socket}",):
            address = listeners.parse_address(
                text, default_socket=config.default_socket, tls=bool(config.tls)
            )
            opened += _open(address, config, context)
    except BaseException:
        close_all(opened)
        raise
    return opened


def _open(
    address: Address, config: DaemonConfig, context: ssl.SSLContext | None
) -> list[Listening]:
    match address.kind:
        case "unix":
            group = socket_group(config.group)
            return [Listening(listeners.listen_unix(address.path, group=group), None, address.path)]
        case "fd":
            passed = listeners.passed_sockets(address.path)
            return [
                Listening(one, None if one.family == socket.AF_UNIX else context) for one in passed
            ]
        case _:
            require_intent(address, config)
            return [
                Listening(one, context) for one in listeners.listen_tcp(address.host, address.port)
            ]


def require_intent(address: Address, config: DaemonConfig) -> None:
    """Refuse to give root to the network by accident: dockerd only warns, and says it will refuse."""
    if config.tlsverify:
        return
    if config.tls is None and config.tlsverify is None:
        raise PermissionDenied(
            f"binding to {address} without --tlsverify gives root access on this machine to everyone "
            "who has access to your network: set up TLS with client verification, or say "
            "'--tls=false' or '--tlsverify=false' if that is what you want"
        )
    log.warning(
        "Binding to IP address without --tlsverify is insecure and gives root access on this machine "
        "to everyone who has access to your network. host=%s",
        address,
    )


def socket_group(name: str | None) -> int | None:
    """The group that may use the socket; a missing default one is no failure."""
    if name == "":
        return None
    group = listeners.group_id(name or DEFAULT_GROUP)
    if group is None:
        if name is not None:
            raise InvalidArgument(f"group {name} not found")
        log.warning("could not change group of the socket to docker: group docker not found")
    return group


def tls_context(config: DaemonConfig) -> ssl.SSLContext | None:
    """TLS as the flags ask for it."""
    if not config.tls:
        return None
    home = Path.home() / ".docker"
    certificate = Path(config.tlscert or home / "cert.pem")
    key = Path(config.tlskey or home / "key.pem")
    authority = Path(config.tlscacert or home / "ca.pem")
    try:
        return server_context(
            certificate,
            key,
            authority if config.tlscacert or authority.exists() else None,
            verify=bool(config.tlsverify),
        )
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgument(
            f'invalid TLS configuration: could not load X509 key pair (cert: "{certificate}", '
            f'key: "{key}", ca: "{authority}"): {error}'
        ) from error


def close_all(opened: list[Listening]) -> None:
    """Close them and remove the socket files we made."""
    for listening in opened:
        listening.socket.close()
        if listening.path:
            Path(listening.path).unlink(missing_ok=True)
