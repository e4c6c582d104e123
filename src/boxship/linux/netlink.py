"""rtnetlink (rtnetlink(7)): links, addresses, routes and neighbours, in batches.

Messages are values, made by the functions below; a `RouteSocket` sends many at once and waits for all
answers. The kernel carries on after a message that fails, so a failed batch may have been done in part.
"""

import contextlib
import ipaddress
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from boxship.errors import BoxshipError, Internal, InvalidArgument
from boxship.linux import netlink_wire as wire
from boxship.linux.netlink_wire import Message

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEWLINK, _DELLINK, _GETLINK, _SETLINK = 16, 17, 18, 19
_NEWADDR, _DELADDR, _GETADDR = 20, 21, 22
_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_NEWNEIGH, _DELNEIGH, _GETNEIGH = 28, 29, 30

_REPLACE, _EXCL, _CREATE = 0x100, 0x200, 0x400


_IFF_UP: Final = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER = 1, 3, 4, 10
_IFLA_LINKINFO, _IFLA_NET_NS_FD, _IFLA_IFALIAS, _IFLA_STATS64 = 18, 28, 20, 23
_IFLA_PROTINFO, _IFLA_BRPORT_ISOLATED, _IFLA_BRPORT_MODE = 12, 33, 4
_INFO_KIND, _INFO_DATA, _INFO_SLAVE_DATA, _INFO_SLAVE_KIND = 1, 2, 5, 4
_VETH_PEER: Final = 1
_SCOPE_LINK, _SCOPE_HOST = 253, 254
_NUD_PERMANENT, _NUD_REACHABLE = 0x80, 0x02
_IFA_F_NODAD: Final = 0x02

_LINK: Final = struct.Struct("=BxHiII")
_ADDR: Final = struct.Struct("=BBBBI")
_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_NEIGH: Final = struct.Struct("=BxxxiHBB")
_STATS: Final = struct.Struct("=8Q")


class Statistics(NamedTuple):
    """An interface's counters."""

    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_errors: int
    tx_errors: int
    rx_dropped: int
    tx_dropped: int


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface; `master` is the index of its bridge or 0, `kind` "" for real devices."""

    index: int
    name: str
    up: bool
    mac: str
    mtu: int
    master: int
    kind: str
    alias: str
    statistics: Statistics | None


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """An address of the interface with this index."""

    index: int
    interface: Interface


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table; no destination is the default route."""

    destination: IPNetwork | None
    gateway: Address | None
    index: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What the kernel knows of an address on a link; "" while it does not know the MAC."""

    index: int
    address: Address
    mac: str


# ---- requests


def add_bridge(name: str, *, mac: str = "", mtu: int = 0, alias: str = "") -> Message:
    """Make a bridge, not yet up."""
    body = _string(_IFLA_IFNAME, name) + _options(mac=mac, mtu=mtu, alias=alias)
    body += wire.attr(_IFLA_LINKINFO, _string(_INFO_KIND, "bridge"))
    return Message(
        _NEWLINK, _CREATE | _EXCL, _LINK.pack(0, 0, 0, 0, 0) + body, f"add bridge {name}"
    )


def add_veth(
    name: str, *, peer: str, netns_fd: int, mac: str = "", mtu: int = 0, master: int = 0
) -> Message:
    """Make a pair: *name* here, up and a port of *master*; *peer* in the other namespace, down.

    The peer is made in place: it never exists here, so its name may be anything there is over there.
    """
    peer_body = _LINK.pack(0, 0, 0, 0, 0) + _string(_IFLA_IFNAME, peer)
    peer_body += _u32(_IFLA_NET_NS_FD, netns_fd) + _options(mac=mac, mtu=mtu)
    data = wire.attr(_INFO_DATA, wire.attr(_VETH_PEER, peer_body))
    body = _string(_IFLA_IFNAME, name) + _options(mtu=mtu, master=master)
    body += wire.attr(_IFLA_LINKINFO, _string(_INFO_KIND, "veth") + data)
    header = _LINK.pack(0, 0, 0, _IFF_UP, _IFF_UP)
    return Message(_NEWLINK, _CREATE | _EXCL, header + body, f"add veth {name}")


def set_link(
    link: int | str,
    *,
    up: bool | None = None,
    name: str = "",
    mac: str = "",
    mtu: int = 0,
    master: int | None = None,
) -> Message:
    """Change an interface, named by index or name; master 0 takes it off its bridge."""
    index, body = (link, b"") if isinstance(link, int) else (0, _string(_IFLA_IFNAME, link))
    if name:
        body += _string(_IFLA_IFNAME, name)
    body += _options(mac=mac, mtu=mtu)
    if master is not None:
        body += _u32(_IFLA_MASTER, master)
    flags, change = (0, 0) if up is None else (_IFF_UP * up, _IFF_UP)
    return Message(_NEWLINK, 0, _LINK.pack(0, 0, index, flags, change) + body, f"set link {link}")


def set_bridge_port(index: int, *, isolated: bool, hairpin: bool) -> Message:
    """Let a bridge port talk only to ports that are not isolated; let frames go back to where from."""
    port = wire.attr(_IFLA_BRPORT_ISOLATED, bytes([isolated]))
    port += wire.attr(_IFLA_BRPORT_MODE, bytes([hairpin]))
    body = _LINK.pack(socket.AF_BRIDGE, 0, index, 0, 0) + wire.attr(
        _IFLA_PROTINFO | wire.NESTED, port
    )
    return Message(_SETLINK, 0, body, f"set bridge port {index}")


def delete_link(link: int | str) -> Message:
    """Remove an interface; a veth takes its peer with it."""
    index, body = (link, b"") if isinstance(link, int) else (0, _string(_IFLA_IFNAME, link))
    return Message(_DELLINK, 0, _LINK.pack(0, 0, index, 0, 0) + body, f"delete link {link}")


def add_address(index: int, interface: Interface, *, broadcast: bool = True) -> Message:
    """Give an interface an address; v6 addresses skip duplicate detection, so they work at once."""
    packed = interface.ip.packed
    body = wire.attr(1, packed) + wire.attr(2, packed)
    if (
        isinstance(interface, ipaddress.IPv4Interface)
        and broadcast
        and interface.network.prefixlen < 31
    ):
        body += wire.attr(4, interface.network.broadcast_address.packed)
    flags = _IFA_F_NODAD if interface.version == 6 else 0
    header = _ADDR.pack(_family(interface.ip), interface.network.prefixlen, flags, 0, index)
    return Message(_NEWADDR, _CREATE | _REPLACE, header + body, f"add address {interface}")


def delete_address(index: int, interface: Interface) -> Message:
    """Take an address away."""
    header = _ADDR.pack(_family(interface.ip), interface.network.prefixlen, 0, 0, index)
    body = wire.attr(1, interface.ip.packed) + wire.attr(2, interface.ip.packed)
    return Message(_DELADDR, 0, header + body, f"delete address {interface}")


def add_route(
    index: int, *, destination: IPNetwork | None = None, gateway: Address | None = None
) -> Message:
    """Route *destination* (None: everything) through a gateway, or straight onto the link."""
    header, body, what = _route(index, destination, gateway)
    return Message(_NEWROUTE, _CREATE | _REPLACE, header + body, f"add route {what}")


def delete_route(
    index: int, *, destination: IPNetwork | None = None, gateway: Address | None = None
) -> Message:
    """Take a route away."""
    header, body, what = _route(index, destination, gateway)
    return Message(_DELROUTE, 0, header + body, f"delete route {what}")


def set_neighbour(index: int, address: Address, mac: str, *, permanent: bool = False) -> Message:
    """Tell the kernel an address's MAC, replacing what it believed."""
    state = _NUD_PERMANENT if permanent else _NUD_REACHABLE
    header = _NEIGH.pack(_family(address), index, state, 0, 0)
    body = wire.attr(1, address.packed) + wire.attr(2, parse_mac(mac))
    return Message(_NEWNEIGH, _CREATE | _REPLACE, header + body, f"set neighbour {address}")


def delete_neighbour(index: int, address: Address) -> Message:
    """Let the kernel forget an address's MAC."""
    header = _NEIGH.pack(_family(address), index, 0, 0, 0)
    return Message(
        _DELNEIGH, 0, header + wire.attr(1, address.packed), f"delete neighbour {address}"
    )


def parse_mac(text: str) -> bytes:
    """Six bytes from `02:42:ac:11:00:02`."""
    try:
        mac = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        mac = b""
    if len(mac) != 6:
        raise InvalidArgument(f"address {text}: invalid MAC address")
    return mac


# ---- the socket


class RouteSocket:
    """A connection to the kernel; it stays in the network namespace it was opened in. Thread-safe."""

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, 0)
        self._socket.setsockopt(wire.SOL_NETLINK, wire.EXT_ACK, 1)
        self._socket.setsockopt(wire.SOL_NETLINK, wire.CAP_ACK, 1)
        with contextlib.suppress(OSError):  # before Linux 4.20
            self._socket.setsockopt(wire.SOL_NETLINK, wire.STRICT_CHECK, 1)
        self._socket.bind((0, 0))
        self._sequence = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RouteSocket(fd={self._socket.fileno()})"

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def request(self, *messages: Message) -> None:
        """Send all at once, wait for every answer, then raise the first failure."""
        if not messages:
            return
        with self._lock:
            failures = self._send_batch(messages)
        if failures:
            raise failures[0]

    def _send_batch(self, messages: tuple[Message, ...]) -> list[BoxshipError]:
        first = self._sequence + 1
        data = bytearray()
        for message in messages:
            data += self._packed(message, wire.ACK)
        self._socket.send(data)
        failures = []
        waiting = len(messages)
        while waiting:
            for kind, flags, sequence, body in wire.split(self._socket.recv(1 << 16)):
                if kind != wire.ERROR or sequence < first:
                    continue
                waiting -= 1
                code = wire.error_code(body)
                if code:
                    failures.append(wire.failure(messages[sequence - first], code, flags, body))
        return failures

    def _dump(self, kind: int, header: bytes) -> list[bytes]:
        message = Message(kind, wire.DUMP, header, "read the network's state")
        bodies: list[bytes] = []
        for _ in range(8):
            with self._lock:
                self._socket.send(self._packed(message, 0))
                bodies, consistent = self._read_dump(message)
            if consistent:
                break
        return bodies

    def _read_dump(self, message: Message) -> tuple[list[bytes], bool]:
        bodies: list[bytes] = []
        consistent = True
        while True:
            for kind, flags, sequence, body in wire.split(self._socket.recv(1 << 17)):
                if sequence != self._sequence:
                    continue
                consistent &= not flags & wire.INTERRUPTED
                if kind == wire.DONE:
                    return bodies, consistent
                if kind == wire.ERROR:
                    raise wire.failure(message, wire.error_code(body), flags, body)
                bodies.append(body)

    def _packed(self, message: Message, flags: int) -> bytes:
        self._sequence += 1
        length = wire.HEADER.size + len(message.body)
        flags |= message.flags | wire.REQUEST
        return wire.HEADER.pack(length, message.type, flags, self._sequence, 0) + message.body

    def index(self, name: str) -> int:
        """The index of an interface; raise NotFound."""
        return self.link(name).index

    def link(self, name: str) -> Link:
        """One interface by name; raise NotFound."""
        body = _LINK.pack(0, 0, 0, 0, 0) + _string(_IFLA_IFNAME, name)
        message = Message(_GETLINK, 0, body, f"find link {name}")
        with self._lock:
            self._socket.send(self._packed(message, 0))
            for kind, flags, sequence, data in wire.split(self._socket.recv(1 << 16)):
                if sequence == self._sequence:
                    if kind == wire.ERROR:
                        raise wire.failure(message, wire.error_code(data), flags, data)
                    return _parse_link(data)
        raise Internal(f"cannot find link {name}: no answer")

    def links(self) -> list[Link]:
        """All interfaces."""
        return [_parse_link(body) for body in self._dump(_GETLINK, _LINK.pack(0, 0, 0, 0, 0))]

    def addresses(self) -> list[LinkAddress]:
        """All addresses of all interfaces."""
        found = []
        for body in self._dump(_GETADDR, _ADDR.pack(0, 0, 0, 0, 0)):
            family, prefix, _, _, index = _ADDR.unpack_from(body)
            attributes = dict(wire.attributes(body[_ADDR.size :]))
            packed = attributes.get(2, attributes.get(1))  # the local end of a point-to-point link
            if family in (socket.AF_INET, socket.AF_INET6) and packed:
                found.append(LinkAddress(index, ipaddress.ip_interface((packed, prefix))))
        return found

    def routes(self) -> list[Route]:
        """The routes of the main table, v4 and v6."""
        found = []
        for body in self._dump(_GETROUTE, _ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0)):
            family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
            attributes = dict(wire.attributes(body[_ROUTE.size :]))
            if table == 254 and kind == 1 and family in (socket.AF_INET, socket.AF_INET6):
                destination = attributes.get(1)
                found.append(
                    Route(
                        ipaddress.ip_network((destination, length)) if destination else None,
                        ipaddress.ip_address(attributes[5]) if 5 in attributes else None,
                        _number(attributes.get(4)),
                    )
                )
        return found

    def neighbours(self) -> list[Neighbour]:
        """What the kernel knows of addresses on its links."""
        found = []
        for body in self._dump(_GETNEIGH, _NEIGH.pack(0, 0, 0, 0, 0)):
            family, index, _, _, _ = _NEIGH.unpack_from(body)
            attributes = dict(wire.attributes(body[_NEIGH.size :]))
            if family in (socket.AF_INET, socket.AF_INET6) and 1 in attributes:
                mac = attributes.get(2, b"").hex(":")
                found.append(Neighbour(index, ipaddress.ip_address(attributes[1]), mac))
        return found


# ---- bytes


def _string(kind: int, text: str) -> bytes:
    data = text.encode()
    if kind == _IFLA_IFNAME and not 0 < len(data) < 16:
        raise InvalidArgument(f"interface name {text!r} must have 1 to 15 bytes")
    return wire.attr(kind, data + b"\0")


def _u32(kind: int, value: int) -> bytes:
    return wire.attr(kind, value.to_bytes(4, "little" if struct.pack("=H", 1)[0] else "big"))


def _options(*, mac: str = "", mtu: int = 0, alias: str = "", master: int = 0) -> bytes:
    body = wire.attr(_IFLA_ADDRESS, parse_mac(mac)) if mac else b""
    body += _u32(_IFLA_MTU, mtu) if mtu else b""
    body += _string(_IFLA_IFALIAS, alias) if alias else b""
    return body + (_u32(_IFLA_MASTER, master) if master else b"")


def _route(
    index: int, destination: IPNetwork | None, gateway: Address | None
) -> tuple[bytes, bytes, str]:
    family = socket.AF_INET
    if (destination or gateway) is not None:
        version = destination.version if destination is not None else gateway.version  # type: ignore[union-attr]
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
    length = 0 if destination is None else destination.prefixlen
    scope = 0 if gateway is not None or family == socket.AF_INET6 else _SCOPE_LINK
    header = _ROUTE.pack(family, length, 0, 0, 254, 3, scope, 1, 0)  # main table, boot, unicast
    body = b"" if destination is None else wire.attr(1, destination.network_address.packed)
    body += b"" if gateway is None else wire.attr(5, gateway.packed)
    what = f"{destination or 'default'}" + (f" via {gateway}" if gateway else "")
    return header, body + _u32(4, index), what


def _family(address: Address) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _number(data: bytes | None) -> int:
    return 0 if data is None else int(struct.unpack("=I", data)[0])


def _parse_link(body: bytes) -> Link:
    _, _, index, flags, _ = _LINK.unpack_from(body)
    attributes = dict(wire.attributes(body[_LINK.size :]))
    info = dict(wire.attributes(attributes.get(_IFLA_LINKINFO, b"")))
    counters = attributes.get(_IFLA_STATS64)
    return Link(
        index=index,
        name=wire.text(attributes.get(_IFLA_IFNAME)),
        up=bool(flags & _IFF_UP),
        mac=attributes.get(_IFLA_ADDRESS, b"").hex(":"),
        mtu=_number(attributes.get(_IFLA_MTU)),
        master=_number(attributes.get(_IFLA_MASTER)),
        kind=wire.text(info.get(_INFO_KIND)),
        alias=wire.text(attributes.get(_IFLA_IFALIAS)),
        statistics=Statistics(*_STATS.unpack_from(counters)) if counters else None,
    )
