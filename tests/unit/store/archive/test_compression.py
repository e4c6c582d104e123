"""Recognising and undoing compression."""

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxship.store.archive.compression import (
    CorruptArchive,
    GzipEncoder,
    decompressed,
    detect,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}
PLAIN = bytes(range(256)) * 20_000 + b"end"


@pytest.mark.parametrize("name", ENCODERS)
def test_every_compression_is_undone(name: str) -> None:
    data = ENCODERS[name](PLAIN)
    assert detect(data) == name
    chunks = list(decompressed(io.BytesIO(data)))
    assert b"".join(chunks) == PLAIN
    assert max(len(chunk) for chunk in chunks) <= 1 << 20


@pytest.mark.parametrize("name", [name for name in ENCODERS if name])
def test_several_members_are_one_stream(name: str) -> None:
    data = ENCODERS[name](b"one") + ENCODERS[name](PLAIN) + ENCODERS[name](b"three")
    assert b"".join(decompressed(io.BytesIO(data))) == b"one" + PLAIN + b"three"


@pytest.mark.parametrize("name", [name for name in ENCODERS if name])
def test_truncation_and_damage_are_seen(name: str) -> None:
    data = ENCODERS[name](PLAIN)
    with pytest.raises(CorruptArchive):
        list(decompressed(io.BytesIO(data[:-5])))
    damaged = bytearray(data)
    for at in range(len(damaged) // 2, len(damaged) // 2 + 8):
        damaged[at] ^= 0x55
    with pytest.raises(CorruptArchive):
        list(decompressed(io.BytesIO(bytes(damaged))))


def test_a_bomb_grows_in_small_steps() -> None:
    bomb = gzip.compress(bytes(100 << 20))
    stream = decompressed(io.BytesIO(bomb))
    assert len(next(stream)) <= 1 << 20


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=5000), st.integers(1, 3))
def test_our_gzip_is_read_by_others(data: bytes, level: int) -> None:
    encoder = GzipEncoder(level)
    packed = encoder.compress(data) + encoder.flush()
    assert gzip.decompress(packed) == data
    assert b"".join(decompressed(io.BytesIO(packed))) == data


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"BZh"]), st.binary()
)
def test_garbage_behind_a_magic_number_is_refused(magic: bytes, data: bytes) -> None:
    with pytest.raises(CorruptArchive):
        list(decompressed(io.BytesIO(magic + data)))
