"""The DNS messages that container names need (RFC 1035); pure. All others are passed on as bytes."""

import ipaddress
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from boxship.engine.networks.ipam import Address

A, PTR, AAAA, OPT, ANY = 1, 12, 28, 41, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5
_HEADER: Final = struct.Struct("!6H")
_QR, _AA, _TC, _RD, _RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
_OPCODE: Final = 0x7800
_MAX_NAME: Final = 255
_IN: Final = 1
TTL: Final = 600
PLAIN_SIZE: Final = 512


class Malformed(ValueError):
    """Not a query that can be understood."""


class Query(NamedTuple):
    """One question. `question` is its bytes as sent, to be repeated in the answer."""

    id: int
    flags: int
    name: str  # lower case, without the last dot
    type: int
    question: bytes
    udp_size: int  # what the client takes over UDP


def parse_query(data: bytes) -> Query:
    """Read a query; raise Malformed. Names are bounded and never follow pointers: queries have none."""
    if len(data) < _HEADER.size:
        raise Malformed
    identifier, flags, questions, answers, authorities, additional = _HEADER.unpack_from(data)
    if flags & (_QR | _OPCODE) or questions != 1:
        raise Malformed
    name, offset = _read_name(data, _HEADER.size)
    if len(data) < offset + 4:
        raise Malformed
    kind, klass = struct.unpack_from("!HH", data, offset)
    if klass not in (_IN, ANY):
        raise Malformed
    end = offset + 4
    size = PLAIN_SIZE
    if not answers and not authorities and additional:
        size = _edns_size(data, end)
    return Query(identifier, flags, name, kind, data[_HEADER.size : end], size)


def _read_name(data: bytes, offset: int) -> tuple[str, int]:
    labels: list[str] = []
    length = 0
    while True:
        if offset >= len(data):
            raise Malformed
        size = data[offset]
        offset += 1
        if size == 0:
            return ".".join(labels), offset
        length += size + 1
        if size > 63 or length > _MAX_NAME or offset + size > len(data):
            raise Malformed
        labels.append(data[offset : offset + size].decode("latin-1").lower())
        offset += size


def _edns_size(data: bytes, offset: int) -> int:
    # The OPT record of EDNS0 (RFC 6891): root name, type, and the size where others have the class.
    if data[offset : offset + 3] == b"\0\0\x29" and len(data) >= offset + 5:
        (size,) = struct.unpack_from("!H", data, offset + 3)
        return max(PLAIN_SIZE, int(size))
    return PLAIN_SIZE


def answer(query: Query, addresses: Sequence[Address]) -> bytes:
    """Addresses for a name that is known; those of the other family make an empty answer."""
    version = {A: 4, AAAA: 6}.get(query.type)
    records = [_record(query.type, a.packed) for a in addresses if a.version == version]
    return _reply(query, NOERROR, records)


def pointer(query: Query, names: Sequence[str]) -> bytes:
    """Names for an address."""
    return _reply(query, NOERROR, [_record(PTR, _name(name)) for name in names])


def failure(query: Query, code: int) -> bytes:
    """An answer that says why there is none."""
    return _reply(query, code, [])


def format_error(data: bytes) -> bytes | None:
    """The answer to what is no query; None for what deserves none."""
    if len(data) < _HEADER.size:
        return None
    identifier, flags, *_ = _HEADER.unpack_from(data)
    if flags & _QR:
        return None
    return _HEADER.pack(identifier, _QR | (flags & (_OPCODE | _RD)) | FORMERR, 0, 0, 0, 0)


def fits(reply: bytes, query: Query) -> bytes:
    """The reply if the client takes it over UDP, else one that sends the client to TCP."""
    if len(reply) <= query.udp_size:
        return reply
    flags = _QR | _TC | _RA | (query.flags & _RD)
    return _HEADER.pack(query.id, flags, 1, 0, 0, 0) + query.question


def reverse_address(name: str) -> Address | None:
    """The address in a name such as `2.0.17.172.in-addr.arpa`."""
    labels = name.split(".")
    try:
        if labels[-2:] == ["in-addr", "arpa"] and len(labels) == 6:
            return ipaddress.IPv4Address(".".join(reversed(labels[:4])))
        if labels[-2:] == ["ip6", "arpa"] and len(labels) == 34:
            return ipaddress.IPv6Address(int("".join(reversed(labels[:32])), 16))
    except ValueError:
        return None
    return None


def is_answer_to(data: bytes, identifier: int, query: Query) -> bool:
    """True when bytes from outside answer this very question."""
    if len(data) < _HEADER.size:
        return False
    found, flags, *_ = _HEADER.unpack_from(data)
    end = _HEADER.size + len(query.question)
    echoed = data[_HEADER.size : end].lower() == query.question.lower()
    return found == identifier and bool(flags & _QR) and echoed


def response_code(data: bytes) -> int:
    """The RCODE of a reply."""
    return data[3] & 0xF


def with_id(data: bytes, identifier: int) -> bytes:
    """The same message under another ID."""
    return struct.pack("!H", identifier) + data[2:]


def _reply(query: Query, code: int, records: Sequence[bytes]) -> bytes:
    flags = _QR | _RA | (query.flags & _RD) | code
    header = _HEADER.pack(query.id, flags, 1, len(records), 0, 0)
    return header + query.question + b"".join(records)


def _record(kind: int, data: bytes) -> bytes:
    # 0xC00C points to the name of the question
    return struct.pack("!HHHIH", 0xC00C, kind, _IN, TTL, len(data)) + data


def _name(text: str) -> bytes:
    labels = [label.encode("latin-1", "replace")[:63] for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
