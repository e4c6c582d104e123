"""A streaming tar reader: ustar, pax, GNU long names, base-256 numbers, sparse files.

Written for speed and for strangers' archives: it reads forward only, holds one chunk, and every lie in a
header ends in CorruptArchive. Texts follow Go's archive/tar where clients see them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from boxship.store.archive.compression import CorruptArchive
from boxship.store.archive.entry import (
    BLOCK,
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    LINK,
    REGULAR,
    SYMLINK,
    XATTR,
    Entry,
    InvalidHeader,
    parse_decimal,
    parse_number,
    parse_pax,
    parse_time,
)

_ZERO: Final = bytes(BLOCK)
_MAX_SPECIAL: Final = 1 << 20  # of a pax header or long name, as in Go
_MAX_PIECES: Final = 1 << 17  # of a sparse file
_FILES: Final = frozenset({REGULAR, b"\0", b"7", b"S"})
_WITHOUT_DATA: Final = frozenset({LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO})


class ByteStream:
    """Chunks as a stream that gives exact reads and zero-copy pieces."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        """Exactly *size* bytes, less only at the end."""
        start = self._position
        if start + size <= len(self._chunk):
            self._position = start + size
            return self._chunk[start : start + size]
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next *size* bytes without copying, less only at the end."""
        while size > 0:
            left = len(self._chunk) - self._position
            if left == 0:
                self._chunk = next(self._chunks, b"")
                self._position = 0
                if not self._chunk:
                    return
                continue
            count = min(left, size)
            start = self._position
            self._position += count
            size -= count
            yield memoryview(self._chunk)[start : start + count]

    def drain(self) -> None:
        """Read to the end: digests cover what lies behind the last member too."""
        self._chunk, self._position = b"", 0
        for _ in self._chunks:
            pass

    def peek(self) -> bytes:
        """What is buffered of the rest; at least one byte unless the stream has ended."""
        if self._position == len(self._chunk):
            self._chunk, self._position = next(self._chunks, b""), 0
        return self._chunk[self._position :]


class TarReader:
    """Iterate for entries; between two of them `data` or `read` gives the bytes of the last one."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._stream = ByteStream(chunks)
        self._left = 0  # data of the present entry that nobody read yet
        self._padding = 0

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self._next()) is not None:
            yield entry
        self._stream.drain()

    def data(self) -> Iterator[memoryview]:
        """The rest of the present entry's bytes, as they are in the archive."""
        for piece in self._stream.pieces(self._left):
            self._left -= len(piece)
            yield piece
        if self._left:
            raise CorruptArchive("unexpected EOF")

    def read(self, size: int) -> bytes:
        """Up to *size* bytes of the present entry."""
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        if len(data) < size and self._left:
            raise CorruptArchive("unexpected EOF")
        return data

    def _next(self) -> Entry | None:
        self._skip()
        name = link = None
        pax: dict[bytes, bytes] = {}
        while True:
            header = self._stream.read(BLOCK)
            if len(header) < BLOCK:
                if header or pax or name or link:
                    raise CorruptArchive("unexpected EOF")
                return None
            kind = header[156:157]
            if header == _ZERO:
                self._check_end()
                return None
            _verify(header)
            if kind == b"x":
                pax = parse_pax(self._special(header))
            elif kind == b"L":
                name = self._special(header).split(b"\0", 1)[0]
            elif kind == b"K":
                link = self._special(header).split(b"\0", 1)[0]
            elif kind == b"g":
                self._special(header)  # global records: Go ignores them too
            elif kind == b"V":
                self._special(header)  # a volume label
            else:
                return self._entry(header, kind, name, link, pax)

    def _entry(
        self,
        header: bytes,
        kind: bytes,
        name: bytes | None,
        link: bytes | None,
        pax: dict[bytes, bytes],
    ) -> Entry:
        entry = Entry(
            name if name is not None else _name(header),
            kind,
            mode=parse_number(header[100:108]) & 0o7777,
            uid=parse_number(header[108:116]),
            gid=parse_number(header[116:124]),
            size=parse_number(header[124:136]),
            mtime_ns=parse_number(header[136:148]) * 10**9,
            link=link if link is not None else header[157:257].split(b"\0", 1)[0],
        )
        if kind in (CHARACTER, BLOCK_DEVICE):
            entry.major = parse_number(header[329:337])
            entry.minor = parse_number(header[337:345])
        if pax:
            _apply_pax(entry, pax)
        if entry.size < 0 or entry.uid < 0 or entry.gid < 0 or b"\0" in entry.name + entry.link:
            raise InvalidHeader
        if kind in _WITHOUT_DATA:
            entry.size = 0
        elif kind in _FILES:
            entry.type = DIRECTORY if kind == b"\0" and entry.name.endswith(b"/") else REGULAR
        self._left = entry.size
        self._padding = -entry.size % BLOCK
        entry.real_size = entry.size
        if kind == b"S":
            self._gnu_sparse(entry, header)
        elif pax and entry.type == REGULAR:
            self._pax_sparse(entry, pax)
        return entry

    def _special(self, header: bytes) -> bytes:
        size = parse_number(header[124:136])
        if not 0 <= size <= _MAX_SPECIAL:
            raise InvalidHeader("extended header too large")
        padded = size + -size % BLOCK
        data = self._stream.read(padded)
        if len(data) < padded:
            raise CorruptArchive("unexpected EOF")
        return data[:size]

    def _skip(self) -> None:
        wanted = self._left + self._padding
        skipped = sum(len(piece) for piece in self._stream.pieces(wanted))
        if skipped < self._left:
            raise CorruptArchive("unexpected EOF")
        self._left = self._padding = 0

    def _check_end(self) -> None:
        second = self._stream.read(BLOCK)
        if second and second != _ZERO[: len(second)]:
            raise InvalidHeader

    def _gnu_sparse(self, entry: Entry, header: bytes) -> None:
        entry.real_size = parse_number(header[483:495])
        pieces, more = _gnu_pieces(header[386:482]), header[482]
        while more:
            block = self._stream.read(BLOCK)
            if len(block) < BLOCK:
                raise CorruptArchive("unexpected EOF")
            pieces += _gnu_pieces(block[:504])
            more = block[504]
            if len(pieces) > _MAX_PIECES:
                raise InvalidHeader("sparse map too large")
        _set_sparse(entry, pieces)

    def _pax_sparse(self, entry: Entry, pax: dict[bytes, bytes]) -> None:
        if pax.get(b"GNU.sparse.major") == b"1":
            pieces = self._sparse_map_in_data()
            entry.size = self._left
        elif b"GNU.sparse.map" in pax:
            numbers = [parse_decimal(text) for text in pax[b"GNU.sparse.map"].split(b",") if text]
            pieces = _pairs(numbers)
        else:
            return
        real = pax.get(b"GNU.sparse.realsize", pax.get(b"GNU.sparse.size", b""))
        entry.name = pax.get(b"GNU.sparse.name", entry.name)
        entry.real_size = parse_decimal(real)
        _set_sparse(entry, pieces)

    def _sparse_map_in_data(self) -> list[tuple[int, int]]:
        """Format 1.0: decimal lines in the data's first blocks."""
        text = bytearray()
        wanted = 1
        while text.count(b"\n") < wanted:
            block = self.read(BLOCK)
            if len(block) < BLOCK:
                raise InvalidHeader("bad sparse map")
            text += block
            first, newline, _ = text.partition(b"\n")
            if newline and wanted == 1:
                wanted = 1 + 2 * parse_decimal(bytes(first))
            if wanted > 2 * _MAX_PIECES:
                raise InvalidHeader("sparse map too large")
        numbers = [parse_decimal(bytes(line)) for line in text.split(b"\n")[1:wanted]]
        return _pairs(numbers)


def _verify(header: bytes) -> None:
    field = header[148:156]
    wanted = parse_number(field)
    actual = sum(header) - sum(field) + 256
    if actual != wanted:
        # some old programs summed signed characters
        high = sum(1 for byte in header[:148] + header[156:] if byte > 127)
        if actual - 256 * high != wanted:
            raise InvalidHeader


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    if header[345] and header[257:263] == b"ustar\0":
        return header[345:500].split(b"\0", 1)[0] + b"/" + name
    return name


def _apply_pax(entry: Entry, pax: dict[bytes, bytes]) -> None:
    for key, value in pax.items():
        if key.startswith(XATTR):
            if entry.xattrs is None:
                entry.xattrs = {}
            entry.xattrs[key[len(XATTR) :]] = value
        elif not value:
            continue  # an empty value takes a record back
        elif key == b"path":
            entry.name = value
        elif key == b"linkpath":
            entry.link = value
        elif key == b"size":
            entry.size = parse_decimal(value)
        elif key == b"uid":
            entry.uid = parse_decimal(value)
        elif key == b"gid":
            entry.gid = parse_decimal(value)
        elif key == b"mtime":
            entry.mtime_ns = parse_time(value)


def _gnu_pieces(block: bytes) -> list[tuple[int, int]]:
    pieces = []
    for start in range(0, len(block) - 23, 24):
        if not block[start]:
            break
        offset = parse_number(block[start : start + 12])
        pieces.append((offset, parse_number(block[start + 12 : start + 24])))
    return pieces


def _pairs(numbers: list[int]) -> list[tuple[int, int]]:
    if len(numbers) % 2 or len(numbers) > 2 * _MAX_PIECES:
        raise InvalidHeader("bad sparse map")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _set_sparse(entry: Entry, pieces: list[tuple[int, int]]) -> None:
    end = 0
    for offset, length in pieces:
        if offset < end or length < 0:
            raise InvalidHeader("bad sparse map")
        end = offset + length
    if end > entry.real_size or sum(length for _, length in pieces) != entry.size:
        raise InvalidHeader("bad sparse map")
    entry.sparse = pieces
