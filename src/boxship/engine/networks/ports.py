"""Published ports: what is asked for, and holding the host's ports so that nobody else takes them."""

import errno
import ipaddress
import os
import re
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from boxship.engine.networks.firewall import Publication
from boxship.errors import Internal, InvalidArgument
from boxship.linux import sysctl
from boxship.model.container import Container
from boxship.model.network import PortBinding, PublishedPort

_KINDS: Final = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_PORT: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.IGNORECASE | re.ASCII)
_EPHEMERAL: Final = (32768, 60999)


class PortTaken(Internal):
    """A container of ours has the port."""

    def __init__(self, host_ip: str, port: int) -> None:
        super().__init__(f"Bind for {_joined(host_ip, port)} failed: port is already allocated")


class CannotBind(Internal):
    """The host does not give us the port."""

    def __init__(self, wanted: PublishedPort, target: str, reason: str) -> None:
        place = (
            f"{_joined(wanted.host_ip, wanted.host_port)}:{_joined(target, wanted.container_port)}"
        )
        super().__init__(f"failed to bind host port for {place}/{wanted.protocol}: {reason}")


class PortRequest(NamedTuple):
    """One container port to be published; ports `first` to `last` will do, 0 is any free one.

    `host_ips` are all given the same port.
    """

    container_port: int
    protocol: str
    host_ips: tuple[str, ...]
    first: int = 0
    last: int = 0


class HeldPort(NamedTuple):
    """A host port that is ours until its socket is closed.

    `translated` by the kernel, `relayed` by us, or both: nothing translates the host's own ::1.
    """

    port: PublishedPort
    target: str
    socket: socket.socket | None  # None where the kernel has no such protocol
    translated: bool
    relayed: bool

    @property
    def publication(self) -> Publication:
        """What the firewall has to do for it."""
        port = self.port
        target = self.target
        return Publication(port.protocol, port.host_ip, port.host_port, target, port.container_port)


class Target(NamedTuple):
    """Where an endpoint can be reached; "" for a family it lacks."""

    ipv4: str
    ipv6: str


def port_requests(container: Container, default_ip: str) -> list[PortRequest]:
    """What -p and -P ask for."""
    host = container.host_config
    wanted: dict[tuple[int, str], tuple[PortBinding, ...]] = {}
    if host.publish_all_ports:
        for text in container.config.exposed_ports or {}:
            wanted[parse_port(text)] = (PortBinding(),)
    for text, bindings in (host.port_bindings or {}).items():
        if bindings is not None:
            wanted[parse_port(text)] = bindings or (PortBinding(),)
    return [
        _request(port, protocol, binding, default_ip)
        for (port, protocol), bindings in sorted(wanted.items())
        for binding in bindings
    ]


def parse_port(text: str) -> tuple[int, str]:
    """A container port such as `80/tcp`."""
    match = _PORT.fullmatch(text)
    if match is None or match[2] or not 0 < int(match[1]) < 65536:
        raise InvalidArgument(f"invalid port specification: {text!r}".replace("'", '"'))
    return int(match[1]), (match[3] or "tcp").lower()


def _request(port: int, protocol: str, binding: PortBinding, default_ip: str) -> PortRequest:
    first, last = 0, 0
    if binding.host_port:
        match = _PORT.fullmatch(binding.host_port)
        if match is None or match[3] or int(match[1]) > 65535 or int(match[2] or 0) > 65535:
            raise InvalidArgument(f'invalid port specification: "{binding.host_port}"')
        first = int(match[1])
        last = int(match[2] or first)
        if last < first:
            raise InvalidArgument(f'invalid port specification: "{binding.host_port}"')
    host_ip = binding.host_ip or default_ip
    if host_ip:
        try:
            ips: tuple[str, ...] = (str(ipaddress.ip_address(host_ip.strip("[]"))),)
        except ValueError:
            raise InvalidArgument(f"invalid IP address: {host_ip}") from None
    else:
        ips = ("0.0.0.0", "::")  # noqa: S104 - this is what publishing means
    return PortRequest(port, protocol, ips, first, last)


class HostPorts:
    """The ports of this host that our containers hold. Thread-safe."""

    def __init__(self, *, translate: bool, relay: bool) -> None:
        self._translate = translate
        self._relay = relay
        self._held: dict[tuple[str, int], set[str]] = {}  # (protocol, port) → addresses
        self._lock = threading.RLock()
        self._last: dict[str, int] = {}
        self._range = _ephemeral_range()

    def __repr__(self) -> str:
        return f"HostPorts({len(self._held)} held)"

    def allocate(self, requests: Iterable[PortRequest], target: Target) -> list[HeldPort]:
        """Hold a host port for every request, in their order; all or none.

        Those that name a port come first: a port of our choice must not be one that is asked for.
        """
        wanted = list(requests)
        held: list[list[HeldPort]] = [[] for _ in wanted]
        try:
            for index in sorted(range(len(wanted)), key=lambda index: not wanted[index].first):
                with self._lock:
                    held[index] = self._allocate(wanted[index], target)
        except BaseException:
            self.release([each for ports in held for each in ports])
            raise
        return [each for ports in held for each in ports]

    def reclaim(
        self, ports: Iterable[PublishedPort], target: Target
    ) -> tuple[list[HeldPort], list[Internal]]:
        """Hold again what was published before a restart; what cannot be is told, not raised.

        A port that a program took meanwhile still leads to the container, as it did all the time.
        """
        held: list[HeldPort] = []
        failures: list[Internal] = []
        for port in ports:
            request = PortRequest(
                port.container_port, port.protocol, (port.host_ip,), port.host_port, port.host_port
            )
            try:
                with self._lock:
                    held += self._allocate(request, target)
            except Internal as error:
                failures.append(error)
                native = target.ipv6 if ":" in port.host_ip else target.ipv4
                if self._translate and native:
                    held.append(HeldPort(port, native, None, translated=True, relayed=False))
        return held, failures

    def release(self, held: Sequence[HeldPort]) -> None:
        """Give ports back."""
        for each in held:
            if each.socket is not None:
                each.socket.close()
            key = (each.port.protocol, each.port.host_port)
            with self._lock:
                addresses = self._held.get(key, set())
                addresses.discard(each.port.host_ip)
                if not addresses:
                    self._held.pop(key, None)

    def _allocate(self, request: PortRequest, target: Target) -> list[HeldPort]:
        failure: Internal | None = None
        for number in self._candidates(request):
            try:
                held = self._hold(request, number, target)
            except Internal as error:
                failure = failure or error
                continue
            if not request.first:
                self._last[request.protocol] = number
            return held
        raise failure or Internal("all ports are allocated")

    def _candidates(self, request: PortRequest) -> Iterator[int]:
        if request.first:
            yield from range(request.first, request.last + 1)
            return
        # Round and round, as Docker: a port just given back is not given to the next one at once.
        first, last = self._range
        start = self._last.get(request.protocol, first - 1) + 1
        yield from range(start, last + 1)
        yield from range(first, min(start, last + 1))

    def _hold(self, request: PortRequest, number: int, target: Target) -> list[HeldPort]:
        held: list[HeldPort] = []
        several = len(request.host_ips) > 1
        try:
            for host_ip in request.host_ips:
                one = self._hold_one(request, host_ip, number, target, optional=several)
                if one is not None:
                    held.append(one)
        except BaseException:
            self.release(held)
            raise
        return held

    def _hold_one(
        self, request: PortRequest, host_ip: str, number: int, target: Target, *, optional: bool
    ) -> HeldPort | None:
        version = ipaddress.ip_address(host_ip).version
        native = target.ipv4 if version == 4 else target.ipv6
        address = native or target.ipv4 or target.ipv6
        translated = self._translate and bool(native) and host_ip != "::1"
        relayed = self._relay and request.protocol != "sctp"
        relayed = relayed and (not translated or host_ip == "::")
        if not address or not (translated or relayed):
            return None
        if optional and version == 6 and not _has_ipv6():
            return None
        port = PublishedPort(
            container_port=request.container_port,
            protocol=request.protocol,
            host_ip=host_ip,
            host_port=number,
        )
        self._require_free(port)
        bound = _bind(port, address)
        self._held.setdefault((port.protocol, number), set()).add(host_ip)
        return HeldPort(port, address, bound, translated, relayed)

    def _require_free(self, port: PublishedPort) -> None:
        mine = ipaddress.ip_address(port.host_ip)
        for text in self._held.get((port.protocol, port.host_port), ()):
            other = ipaddress.ip_address(text)
            if other.version == mine.version and (
                other == mine or other.is_unspecified or mine.is_unspecified
            ):
                raise PortTaken(port.host_ip, port.host_port)


def _bind(port: PublishedPort, target: str) -> socket.socket | None:
    """Bind the port without serving it: that keeps host programs and their clients away from it."""
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    try:
        holder = socket.socket(family, *_KINDS[port.protocol])
    except OSError as error:
        if port.protocol == "sctp":  # the kernel can translate what it has no sockets for
            return None
        raise CannotBind(port, target, _reason(error)) from error
    try:
        if family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        holder.setblocking(False)  # noqa: FBT003
        _bind_firmly(holder, port)
    except OSError as error:
        holder.close()
        raise CannotBind(port, target, _reason(error)) from error
    return holder


def _bind_firmly(holder: socket.socket, port: PublishedPort) -> None:
    place = (port.host_ip, port.host_port)
    try:
        holder.bind(place)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or port.protocol == "udp":
            raise
        # Perhaps only old connections in TIME_WAIT are in the way. SO_REUSEADDR passes them, but then
        # only a listening socket keeps others from doing the same.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(place)
        holder.listen(1)


def _ephemeral_range() -> tuple[int, int]:
    words = (sysctl.read("net/ipv4/ip_local_port_range") or "").split()
    if len(words) == 2:
        return int(words[0]), int(words[1])
    return _EPHEMERAL


def _has_ipv6() -> bool:
    try:
        probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError:
        return False
    with probe:
        try:
            probe.bind(("::", 0))
        except OSError:
            return False
    return True


def _joined(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _reason(error: OSError) -> str:
    text = os.strerror(error.errno) if error.errno else str(error)
    return text[:1].lower() + text[1:]
