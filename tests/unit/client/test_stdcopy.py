"""The multiplexed stream of stdout and stderr."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.client.stdcopy import BadFrame, Demux

frames = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=50)), max_size=6
)


@given(sent=frames, size=st.integers(1, 16))
def test_the_size_of_reads_never_matters(sent: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(bytes([s, 0, 0, 0]) + len(d).to_bytes(4, "big") + d for s, d in sent)
    demux = Demux()
    out = {1: b"", 2: b""}
    for start in range(0, len(data), size):
        for stream, piece in demux.feed(data[start : start + size]):
            out[stream] += piece
    for stream in (1, 2):
        assert out[stream] == b"".join(d for s, d in sent if s == stream)


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(BadFrame, match="Unrecognized input header: 72"):
        Demux().feed(b"HTTP/1.1 200 OK")
