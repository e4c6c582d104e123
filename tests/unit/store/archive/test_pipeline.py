"""Streams between threads."""

import itertools
import threading
from collections.abc import Iterator

import pytest

from boxship.store.archive.pipeline import Put, ahead, produced


def test_chunks_come_in_order() -> None:
    assert list(ahead(b"%d" % n for n in range(100))) == [b"%d" % n for n in range(100)]


@pytest.mark.parametrize(
    "error", [ValueError("no"), BrokenPipeError("no"), ConnectionResetError("no")]
)
def test_what_the_producer_raises_is_raised_behind_its_chunks(error: Exception) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"one"
        raise error

    stream = ahead(chunks())
    assert next(stream) == b"one"
    with pytest.raises(type(error), match="no"):
        next(stream)


def test_closing_ends_the_thread() -> None:
    before = threading.active_count()
    stream = ahead(b"x" for _ in itertools.count())
    next(stream)
    stream.close()
    assert threading.active_count() == before


def test_a_function_produces() -> None:
    def work(put: Put) -> None:
        put(b"a")
        put(b"b")

    assert list(produced(work)) == [b"a", b"b"]
