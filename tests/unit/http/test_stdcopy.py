"""Docker's multiplexed stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.errors import InvalidArgument
from boxship.http import stdcopy

frames = st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=40)), max_size=10)


@given(sent=frames, size=st.integers(1, 16))
def test_the_size_of_reads_never_matters(sent: list[tuple[int, bytes]], size: int) -> None:
    """However the kernel slices the stream, the same frames come out."""
    data = b"".join(stdcopy.encode(stream, payload) for stream, payload in sent)
    decoder = stdcopy.Decoder()
    received = [f for i in range(0, len(data), size) for f in decoder.feed(data[i : i + size])]
    assert [tuple(frame) for frame in received] == sent
    assert decoder.pending == 0


def test_an_unknown_stream_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="Unrecognized input header: 72"):
        list(stdcopy.Decoder().feed(b"HTTP/1.1 200 OK"))


def test_a_frame_of_gigabytes_is_refused_at_its_header() -> None:
    with pytest.raises(InvalidArgument, match="too large"):
        list(stdcopy.Decoder().feed(b"\x01\0\0\0\xff\xff\xff\xff"))


def test_the_encoding_is_dockers() -> None:
    assert stdcopy.encode(stdcopy.STDERR, b"hi") == b"\x02\0\0\0\0\0\0\x02hi"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"1\n2\n", [b"1\n", b"2\n"]),
        (b"1\n\n2", [b"1\n", b"\n", b"2"]),
        (b"no end", [b"no end"]),
        (b"", []),
    ],
)
def test_each_line_of_a_log_is_a_frame(data: bytes, expected: list[bytes]) -> None:
    """aiodocker and others take frames for lines, also those that were written at once."""
    frames = list(stdcopy.Decoder().feed(stdcopy.encode_lines(1, data)))
    assert frames == [(1, line) for line in expected]
