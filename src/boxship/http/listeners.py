"""Addresses a server listens on, in Docker's spelling, and the sockets behind them."""

import contextlib
import grp
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from boxship.errors import InvalidArgument, Unavailable

PORT: Final = 2375
TLS_PORT: Final = 2376
FIRST_PASSED_FD: Final = 3
KEEPALIVE_S: Final = 15  # as Go's servers have it


class Address(NamedTuple):
    """`unix` with a path, `tcp` with host and port, or `fd` with a number, a name or nothing."""

    kind: str
    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.kind == "tcp":
            host = f"[{self.host}]" if ":" in self.host else self.host
            return f"tcp://{host}:{self.port}"
        return f"{self.kind}://{self.path}"


def parse_address(text: str, *, default_socket: str, tls: bool) -> Address:
    """Read the value of a `-H`, with Docker's defaults and words."""
    text = text.strip()
    if not text:
        return (
            Address("tcp", host="localhost", port=TLS_PORT)
            if tls
            else Address("unix", default_socket)
        )
    kind, separator, rest = text.partition("://")
    if not separator:
        kind, rest = "tcp", text
    match kind:
        case "unix":
            return Address("unix", rest or default_socket)
        case "fd":
            return Address("fd", rest)
        case "tcp":
            return _parse_tcp(text, rest, tls=tls)
        case _:
            raise InvalidArgument(f"invalid bind address format: {text}")


def _parse_tcp(text: str, rest: str, *, tls: bool) -> Address:
    host, port = rest, ""
    if rest.startswith("["):
        host, bracket, port = rest[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise InvalidArgument(f"invalid bind address format: {text}")
        port = port.removeprefix(":")
    elif ":" in rest:
        host, _, port = rest.rpartition(":")
    if "/" in port or "/" in host:
        raise InvalidArgument(f"invalid bind address ({text}): should not contain a path element")
    default = TLS_PORT if tls else PORT
    if port and not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise InvalidArgument(f"invalid bind address format: {text}")
    return Address("tcp", host=host or "localhost", port=int(port) if port else default)


@contextlib.contextmanager
def _private_umask() -> Iterator[None]:
    """The socket must not be reachable before its mode is set."""
    old = os.umask(0o777)
    try:
        yield
    finally:
        os.umask(old)


def listen_unix(path: str, *, group: int | None, mode: int = 0o660) -> socket.socket:
    """A socket file only root and *group* may use; a stale one is replaced, a live one refused."""
    _remove_stale(path)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _private_umask():
            listener.bind(path)
        if group is not None:
            os.chown(path, -1, group)
        Path(path).chmod(mode)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise Unavailable(f"can't create unix socket {path}: {error.strerror or error}") from error
    listener.setblocking(False)  # noqa: FBT003 - the socket API
    return listener


def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(Path(path).lstat().st_mode):
            raise Unavailable(f"can't create unix socket {path}: a file is in the way")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            Path(path).unlink(missing_ok=True)
            return
        except OSError as error:
            raise Unavailable(f"can't create unix socket {path}: {error}") from error
    raise Unavailable(f"can't create unix socket {path}: another process listens on it")


def listen_tcp(host: str, port: int) -> list[socket.socket]:
    """Sockets on every address of *host*; port 0 lets the kernel choose."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise Unavailable(f"listen tcp: lookup {host}: {error.strerror}") from error
    listeners: list[socket.socket] = []
    for family, _, _, _, address in dict.fromkeys(found):
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _notice_dead_peers(listener)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(1024)
        except OSError as error:
            listener.close()
            if family == socket.AF_INET6 and len(found) > 1:
                continue  # no IPv6 here: the IPv4 address is enough
            for other in listeners:
                other.close()
            where = f"{address[0]}:{port}"
            raise Unavailable(f"listen tcp {where}: bind: {error.strerror}") from error
        listener.setblocking(False)  # noqa: FBT003 - the socket API
        listeners.append(listener)
    return listeners


def _notice_dead_peers(listener: socket.socket) -> None:
    """Accepted connections inherit this: a client whose machine vanished is gone in minutes, not hours."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S)


def passed_sockets(selector: str) -> list[socket.socket]:
    """Sockets that systemd passed us: all of them, or the one of that number or name."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        raise Unavailable(
            "no sockets found via socket activation: make sure the service was started by systemd"
        )
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    descriptors = range(FIRST_PASSED_FD, FIRST_PASSED_FD + count)
    if selector and selector != "*":
        descriptors_wanted = [
            fd
            for fd in descriptors
            if selector == str(fd)
            or names[fd - FIRST_PASSED_FD : fd - FIRST_PASSED_FD + 1] == [selector]
        ]
    else:
        descriptors_wanted = list(descriptors)
    if not descriptors_wanted:
        raise Unavailable("failed to find passed socket: " + (selector or "none was passed"))
    sockets = [socket.socket(fileno=os.dup(fd)) for fd in descriptors_wanted]
    for passed in sockets:
        passed.setblocking(False)  # noqa: FBT003 - the socket API
    return sockets


def group_id(name: str) -> int | None:
    """The number of a group given by name or number; None if there is none of that name."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return int(name) if name.isascii() and name.isdigit() else None
