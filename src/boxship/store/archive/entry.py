"""One member of a tar archive, and the numbers and records its header is made of."""

from typing import Final

from boxship.store.archive.compression import CorruptArchive

BLOCK: Final = 512
REGULAR: Final = b"0"
LINK: Final = b"1"
SYMLINK: Final = b"2"
CHARACTER: Final = b"3"
BLOCK_DEVICE: Final = b"4"
DIRECTORY: Final = b"5"
FIFO: Final = b"6"
XATTR: Final = b"SCHILY.xattr."

_MAX_NUMBER: Final = (1 << 63) - 1


class InvalidHeader(CorruptArchive):
    """A header block that no tar program writes."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("archive/tar: invalid tar header" + (f": {detail}" if detail else ""))


class Entry:
    """A member; names are the raw bytes of the archive. Mutable: a million of them must be cheap.

    `size` is what follows in the archive. A sparse file has `sparse`, its (offset, length) pieces, and
    `real_size`.
    """

    __slots__ = (
        "gid",
        "link",
        "major",
        "minor",
        "mode",
        "mtime_ns",
        "name",
        "real_size",
        "size",
        "sparse",
        "type",
        "uid",
        "xattrs",
    )

    def __init__(  # noqa: PLR0913 - a header has these fields
        self,
        name: bytes,
        type: bytes = REGULAR,  # noqa: A002
        *,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        size: int = 0,
        mtime_ns: int = 0,
        link: bytes = b"",
        major: int = 0,
        minor: int = 0,
        xattrs: dict[bytes, bytes] | None = None,
    ) -> None:
        self.name = name
        self.type = type
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.real_size = size
        self.mtime_ns = mtime_ns
        self.link = link
        self.major = major
        self.minor = minor
        self.xattrs = xattrs
        self.sparse: list[tuple[int, int]] | None = None

    def __repr__(self) -> str:
        return f"Entry({self.name!r}, {self.type!r}, {self.size} bytes)"


def parse_number(field: bytes) -> int:
    """A header number: octal digits, or base 256 when its first bit is set."""
    first = field[0]
    if first & 0x80:
        value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
        if first & 0x40:  # negative: only times may be
            value -= 1 << (8 * len(field) - 1)
        if abs(value) > _MAX_NUMBER:
            raise InvalidHeader("number out of range")
        return value
    text = field.split(b"\0", 1)[0].strip()
    if not text:
        return 0
    if not text.isdigit():  # int() alone would take signs and underscores
        raise InvalidHeader("bad number")
    try:
        return int(text, 8)
    except ValueError as error:
        raise InvalidHeader("bad number") from error


def parse_decimal(text: bytes) -> int:
    """A pax number; raise for anything but digits."""
    if not text.isdigit() or len(text) > 19 or (value := int(text)) > _MAX_NUMBER:
        raise InvalidHeader("bad pax number")
    return value


def parse_time(text: bytes) -> int:
    """A pax time such as `1.5` or `-0.25`, in nanoseconds."""
    negative = text.startswith(b"-")
    seconds, _, fraction = text.lstrip(b"-").partition(b".")
    if (seconds and not seconds.isdigit()) or (fraction and not fraction.isdigit()):
        raise InvalidHeader("bad pax time")
    if len(seconds) > 11 or not (seconds or fraction):
        raise InvalidHeader("bad pax time")
    value = int(seconds or b"0") * 10**9 + int(fraction[:9].ljust(9, b"0"))
    return -value if negative else value


def parse_pax(data: bytes) -> dict[bytes, bytes]:
    """The records of an extended header; an old sparse map is collected under its 0.1 name."""
    records: dict[bytes, bytes] = {}
    pieces: list[bytes] = []
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 12)
        if space < 0 or not data[position:space].isdigit():
            if not data[position:].strip(b"\0"):
                break
            raise InvalidHeader("bad pax record")
        end = position + int(data[position:space])
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals or not key or end > len(data) or data[end - 1 : end] != b"\n" or end <= space:
            raise InvalidHeader("bad pax record")
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            pieces.append(value)  # format 0.0 repeats them, in order
        else:
            records[key] = value
        position = end
    if pieces:
        records[b"GNU.sparse.map"] = b",".join(pieces)
    return records
