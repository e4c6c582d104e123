"""Compression, recognised by its first bytes and undone in this process, never by a program."""

import bz2
import lzma
import sys
from collections.abc import Iterator
from typing import Any, Final, Protocol

from isal import isal_zlib

from boxship.errors import InvalidArgument, Unsupported

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHUNK: Final = 1 << 18
_OUTPUT: Final = 1 << 20  # a bomb grows by this much at a time, and a ceiling stops it
_XZ_MEMORY: Final = 256 << 20
_ZSTD_WINDOW_LOG: Final = 27  # 128 MiB, the format's own recommendation for decoders

_ERRORS: Final[tuple[type[Exception], ...]] = (
    isal_zlib.error,  # type: ignore[assignment]  # its stub declares an instance
    zstd.ZstdError,
    lzma.LZMAError,
    OSError,
    EOFError,
)

MAGIC_LENGTH: Final = 6
_MAGICS: Final = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
)


class Source(Protocol):
    """Where bytes come from: at most *size* at a time, b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


class CorruptArchive(InvalidArgument):
    """The bytes are no archive that we can read."""


def detect(head: bytes) -> str:
    """`gzip`, `zstd`, `xz`, `bzip2`, or "" for bytes that are not compressed."""
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return name
    if head[:1] and 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18":
        return "zstd"  # a skippable frame comes first
    return ""


def decompressed(source: Source) -> Iterator[bytes]:
    """The plain bytes of a stream in any compression, in chunks of at most a mebibyte or so."""
    head = b""
    while len(head) < MAGIC_LENGTH and (chunk := source.read(_CHUNK)):
        head += chunk
    name = detect(head)
    if not name:
        return _plain(head, source)
    return _inflated(name, head, source)


def _plain(head: bytes, source: Source) -> Iterator[bytes]:
    if head:
        yield head
    while chunk := source.read(_OUTPUT):
        yield chunk


def _inflated(name: str, data: bytes, source: Source) -> Iterator[bytes]:
    decoder = _decoder(name)
    fresh = True  # no byte of this member was seen yet
    while True:
        if not data:
            data = source.read(_CHUNK)
            if not data:
                if fresh:
                    return
                raise CorruptArchive("unexpected EOF")
        if fresh and not data.strip(b"\0"):
            data = b""  # zero padding behind the last member, as tape writers leave
            continue
        try:
            yield from _outputs(decoder, data)
        except _ERRORS as error:
            raise CorruptArchive(f"invalid {name} stream: {error}") from error
        fresh, data = False, b""
        if decoder.eof:  # formats allow several members, one behind the other
            data, decoder, fresh = decoder.unused_data, _decoder(name), True


def _outputs(decoder: Any, data: bytes) -> Iterator[bytes]:
    chunk = decoder.decompress(data, _OUTPUT)
    while chunk:
        yield chunk
        if decoder.eof:
            return
        chunk = b"" if decoder.needs_input else decoder.decompress(b"", _OUTPUT)


class _GzipDecoder:
    """isal's object with the interface of the other three."""

    def __init__(self) -> None:
        self._zlib = isal_zlib.decompressobj(31)
        self._full = False

    @property
    def eof(self) -> bool:
        return bool(self._zlib.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._zlib.unused_data)

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail and not self._full

    def decompress(self, data: bytes, size: int) -> bytes:
        chunk: bytes = self._zlib.decompress(data or self._zlib.unconsumed_tail, size)
        self._full = len(chunk) == size  # more may wait in the window, without any input left
        return chunk


def _decoder(name: str) -> Any:
    if name == "gzip":
        return _GzipDecoder()
    if name == "zstd":
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        return zstd.ZstdDecompressor(options=options)
    if name == "xz":
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    if name == "bzip2":
        return bz2.BZ2Decompressor()
    raise Unsupported(f"unknown compression {name}")


class GzipEncoder:
    """Deterministic gzip at several times zlib's speed: no name, no time in the header."""

    def __init__(self, level: int = 1) -> None:
        self._zlib = isal_zlib.compressobj(level, isal_zlib.DEFLATED, 31)

    def compress(self, data: bytes) -> bytes:
        """The next output; may be empty."""
        return bytes(self._zlib.compress(data))

    def flush(self) -> bytes:
        """The last output."""
        return bytes(self._zlib.flush())
