"""Detach keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.cli.terminal import DetachFilter, detach_keys
from boxship.errors import InvalidArgument


def test_keys_are_named() -> None:
    assert detach_keys("ctrl-p,ctrl-q") == b"\x10\x11"
    assert detach_keys("a,ctrl-[,ctrl-@,DEL") == b"a\x1b\x00\x7f"
    for text in ("", "ctrl-", "ctrl-1", "ab"):
        with pytest.raises(InvalidArgument):
            detach_keys(text)


def test_the_sequence_may_come_in_pieces() -> None:
    keys = DetachFilter(b"\x10\x11")
    assert keys.feed(b"ab\x10") == (b"ab", False)
    assert keys.feed(b"\x11c") == (b"", True)


def test_what_only_begins_like_it_passes() -> None:
    keys = DetachFilter(b"\x10\x11")
    assert keys.feed(b"\x10x\x10\x10") == (b"\x10x\x10", False)
    assert keys.feed(b"\x11") == (b"", True)


@given(st.lists(st.binary(max_size=8), max_size=8))
def test_without_the_sequence_everything_passes(pieces: list[bytes]) -> None:
    """However what is typed is sliced, nothing is lost but a beginning that is still undecided."""
    data = b"".join(pieces).replace(b"q", b"x")
    keys = DetachFilter(b"pq")
    out = keys.feed(data)[0]
    assert out == data or out + b"p" == data
