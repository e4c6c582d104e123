"""The bytes of netlink(7): headers, attributes, answers; shared by its protocol families. Pure."""

import errno
import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from boxship.errors import (
    AlreadyExists,
    BoxshipError,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
    Unsupported,
)

REQUEST, ACK, DUMP = 0x01, 0x04, 0x300
ERROR, DONE = 2, 3
INTERRUPTED: Final = 0x10
NESTED: Final = 0x8000
SOL_NETLINK: Final = 270
CAP_ACK, EXT_ACK, STRICT_CHECK = 10, 11, 12

HEADER: Final = struct.Struct("=IHHII")
_ATTR: Final = struct.Struct("=HH")
_INT: Final = struct.Struct("=i")
_CAPPED, _ACK_TLVS = 0x100, 0x200

_KINDS: Final[dict[int, type[BoxshipError]]] = {
    errno.EEXIST: AlreadyExists,
    errno.ENODEV: NotFound,
    errno.ENOENT: NotFound,
    errno.ESRCH: NotFound,
    errno.EADDRNOTAVAIL: NotFound,
    errno.EPERM: PermissionDenied,
    errno.EACCES: PermissionDenied,
    errno.EOPNOTSUPP: Unsupported,
    errno.EAFNOSUPPORT: Unsupported,
    errno.EINVAL: InvalidArgument,
    errno.ERANGE: InvalidArgument,
    errno.ENOBUFS: Unavailable,
    errno.ENOMEM: Unavailable,
}


class Message(NamedTuple):
    """A request: its type, flags and body, and what it does, for the error text."""

    type: int
    flags: int
    body: bytes
    what: str


def attr(kind: int, data: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTR.pack(len(data) + 4, kind) + data + b"\0" * (-len(data) % 4)


def split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The messages of a packet: type, flags, sequence number and body."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if length < HEADER.size:
            return
        yield kind, flags, sequence, data[offset + HEADER.size : offset + length]
        offset += (length + 3) & ~3


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in a body, without the flags in their types."""
    offset = 0
    while offset + 4 <= len(data):
        length, kind = _ATTR.unpack_from(data, offset)
        if length < 4:
            return
        yield kind & 0x3FFF, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def text(data: bytes | None) -> str:
    """A string attribute."""
    return (data or b"").rstrip(b"\0").decode(errors="replace")


def error_code(body: bytes) -> int:
    """The errno in an answer of type ERROR; 0 means done."""
    return -int(_INT.unpack_from(body)[0])


def failure(message: Message, code: int, flags: int, body: bytes) -> BoxshipError:
    """The error for an answer of type ERROR."""
    reason = os.strerror(code)
    if flags & _ACK_TLVS:
        # After the error and the header it answers (all of the request too, unless capped) come attributes
        # with the kernel's own words.
        echoed = 16 if flags & _CAPPED else struct.unpack_from("=I", body, 4)[0]
        explanation = text(dict(attributes(body[4 + echoed :])).get(1))
        reason = f"{reason} ({explanation})" if explanation else reason
    return _KINDS.get(code, Internal)(f"cannot {message.what}: {reason}")
