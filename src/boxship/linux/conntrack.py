"""Connection tracking: forgetting flows whose translation no longer holds (ctnetlink)."""

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from boxship.errors import BoxshipError
from boxship.linux import netlink_wire as wire

_NETLINK_NETFILTER: Final = 12
_GET, _DELETE = 0x101, 0x102  # the conntrack subsystem's messages
_TUPLE_ORIGINAL, _TUPLE_REPLY, _ID, _ZONE = 1, 2, 12, 18
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_IP_SOURCE = {4: 1, 6: 3}
_IP_DESTINATION = {4: 2, 6: 4}
_PROTO_NUMBER, _PROTO_SOURCE_PORT, _PROTO_DESTINATION_PORT = 1, 2, 3
_HEADER: Final = struct.Struct("!BBH")  # family, version, resource


class Flow(NamedTuple):
    """One tracked flow, as its first packet saw it; `replier` is who answers really."""

    version: int
    protocol: int
    destination: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int
    replier: ipaddress.IPv4Address | ipaddress.IPv6Address
    key: bytes  # what names it to the kernel


def forget(wanted: Callable[[Flow], bool]) -> int:
    """Delete the flows that *wanted* picks, in the calling thread's namespace; return how many."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_NETFILTER) as connection:
        connection.bind((0, 0))
        flows = [flow for flow in _dump(connection) if wanted(flow)]
        for flow in flows:
            family = socket.AF_INET if flow.version == 4 else socket.AF_INET6
            _ask(connection, _DELETE, wire.ACK, _HEADER.pack(family, 0, 0) + flow.key)
            with contextlib.suppress(BoxshipError):  # it ended by itself meanwhile
                for _ in _answers(connection):
                    pass
        return len(flows)


def _dump(connection: socket.socket) -> list[Flow]:
    _ask(connection, _GET, wire.DUMP, _HEADER.pack(socket.AF_UNSPEC, 0, 0))
    flows = []
    for body in _answers(connection):
        flow = _parse(body[0], body[_HEADER.size :])
        if flow is not None:
            flows.append(flow)
    return flows


def _ask(connection: socket.socket, kind: int, flags: int, body: bytes) -> None:
    length = wire.HEADER.size + len(body)
    connection.send(wire.HEADER.pack(length, kind, flags | wire.REQUEST, 1, 0) + body)


def _answers(connection: socket.socket) -> Iterator[bytes]:
    message = wire.Message(0, 0, b"", "read tracked connections")
    while True:
        for kind, flags, _, body in wire.split(connection.recv(1 << 17)):
            if kind == wire.DONE:
                return
            if kind == wire.ERROR:
                if code := wire.error_code(body):
                    raise wire.failure(message, code, flags, body)
                return
            yield body


def _parse(family: int, body: bytes) -> Flow | None:
    version = {socket.AF_INET: 4, socket.AF_INET6: 6}.get(socket.AddressFamily(family))
    attributes = dict(wire.attributes(body))
    original = dict(wire.attributes(attributes.get(_TUPLE_ORIGINAL, b"")))
    reply = dict(wire.attributes(attributes.get(_TUPLE_REPLY, b"")))
    proto = dict(wire.attributes(original.get(_TUPLE_PROTO, b"")))
    if version is None or _PROTO_DESTINATION_PORT not in proto:
        return None
    there = dict(wire.attributes(original[_TUPLE_IP]))[_IP_DESTINATION[version]]
    back = dict(wire.attributes(reply[_TUPLE_IP]))[_IP_SOURCE[version]]
    key = wire.attr(_TUPLE_ORIGINAL | wire.NESTED, attributes[_TUPLE_ORIGINAL])
    for kind in (_ID, _ZONE):
        key += wire.attr(kind, attributes[kind]) if kind in attributes else b""
    return Flow(
        version=version,
        protocol=proto[_PROTO_NUMBER][0],
        destination=ipaddress.ip_address(there),
        port=int.from_bytes(proto[_PROTO_DESTINATION_PORT], "big"),
        replier=ipaddress.ip_address(back),
        key=key,
    )
