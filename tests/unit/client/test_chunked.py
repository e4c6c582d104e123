"""Chunked bodies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.client.chunked import Dechunker
from boxship.client.errors import ConnectionFailed


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    size=st.integers(1, 20),
    rest=st.binary(max_size=5),
)
def test_the_size_of_reads_never_matters(chunks: list[bytes], size: int, rest: bytes) -> None:
    data = b"".join(b"%x;ext\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\nT: x\r\n\r\n"
    data += rest
    decoder = Dechunker()
    out = b""
    used = 0
    while not decoder.done:
        out += decoder.feed(data[used : used + size])
        used += size
    assert out == b"".join(chunks)
    assert decoder.rest + data[used:] == rest


@pytest.mark.parametrize("data", [b"x\r\n", b"-1\r\n", b"1\r\nab\r\n", b"\r\n", b"1" * 5000])
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ConnectionFailed):
        Dechunker().feed(data)
