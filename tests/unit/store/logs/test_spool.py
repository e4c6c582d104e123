"""conmon's spool: pieces joined and cut as Docker does, files that conmon begins anew, positions."""

from pathlib import Path

import pytest

from boxship.store.logs.json_file import JSONFileCodec
from boxship.store.logs.lines import Batch, messages
from boxship.store.logs.local_file import LocalCodec
from boxship.store.logs.spool import SpoolPosition, SpoolReader

STAMP = "2026-11-24T11:39:28.{:09d}+00:00"


def conmon(text: str, *, tag: str = "F", stream: str = "stdout", at: int = 1) -> bytes:
    """A line as conmon writes it."""
    return f"{STAMP.format(at)} {stream} {tag} {text}\n".encode()


def as_conmon(text: str, *, at: int = 1) -> bytes:
    """A line of any length in pieces of 8 KiB, with its newline."""
    pieces = [text[begin : begin + 8192] for begin in range(0, len(text), 8192)] or [""]
    if len(text) % 8192 == 0 and text:
        pieces.append("")
    written = [conmon(piece, tag="P", at=at + n) for n, piece in enumerate(pieces[:-1])]
    return b"".join(written) + conmon(pieces[-1], at=at + len(pieces) - 1)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.touch()
    return path


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def texts(batch: Batch | None) -> list[str]:
    return [] if batch is None else [line[45:].decode() for line in batch.lines]


def test_whole_lines_come_as_they_are(spool: Path) -> None:
    append(spool, conmon("one"), conmon("two", stream="stderr"), b"2026-11-24T11:39:28.0")
    reader = SpoolReader(spool, SpoolPosition())
    batch = reader.read()
    assert batch is not None
    assert [message[:3] for message in messages(batch)] == [
        (1, 1795520368000000001, b"one"),
        (2, 1795520368000000001, b"two"),
    ]
    assert reader.read() is None  # half a line
    append(spool, b"00000001+00:00 stdout F three\n")
    assert texts(reader.read()) == ["three"]


def test_a_line_without_its_end_waits_for_it(spool: Path) -> None:
    reader = SpoolReader(spool, SpoolPosition())
    append(spool, conmon("prompt> ", tag="P", at=1), conmon("err", stream="stderr", at=2))
    assert texts(reader.read()) == ["err"]
    append(spool, conmon("answer", at=3))
    batch = reader.read()
    assert batch is not None
    assert batch.lines == [conmon("prompt> answer", at=3).rstrip(b"\n")]  # Docker's time: the end's
    assert not batch.partials


def test_the_end_tells_what_has_no_newline(spool: Path) -> None:
    reader = SpoolReader(spool, SpoolPosition())
    append(spool, conmon("a", tag="P"), conmon("b", tag="P", stream="stderr"))
    assert reader.read() is None
    batch = reader.finish()
    assert sorted(texts(batch)) == ["a", "b"]
    assert [(part.ordinal, part.last) for part in batch.partials.values()] == [(1, False)] * 2
    assert reader.finish().lines == []


@pytest.mark.parametrize(
    ("length", "pieces"),
    [
        (16383, [16383]),
        (16384, [16384, 0]),
        (16385, [16384, 1]),
        (40000, [16384, 16384, 7232]),
        (8192, [8192]),
        (32768, [16384, 16384, 0]),
    ],
)
def test_long_lines_are_cut_at_16_kib(spool: Path, length: int, pieces: list[int]) -> None:
    reader = SpoolReader(spool, SpoolPosition())
    append(spool, as_conmon("x" * length), conmon("next", at=99))
    batch = reader.read()
    assert batch is not None
    assert [len(text) for text in texts(batch)] == [*pieces, 4]
    parts = [batch.partials.get(n) for n in range(len(pieces))]
    if len(pieces) == 1:
        assert parts == [None]
        return
    assert [part and (part.ordinal, part.last) for part in parts] == [
        (n, n == len(pieces)) for n in range(1, len(pieces) + 1)
    ]
    assert len({part.id for part in parts if part}) == 1
    assert len({line[:29] for line in batch.lines[:-1]}) == 1  # all have the first one's time


def test_a_position_goes_on_in_the_middle_of_a_line(spool: Path) -> None:
    append(spool, as_conmon("x" * 40000)[:-20000], b"")
    with spool.open("rb+") as file:  # up to the last whole piece
        file.truncate(spool.read_bytes().rfind(b"\n") + 1)
    first = SpoolReader(spool, SpoolPosition())
    before = first.read()
    rest = as_conmon("x" * 40000)[spool.stat().st_size :]
    append(spool, rest)
    second = SpoolReader(spool, first.position)
    after = second.read()
    assert before is not None
    assert after is not None
    assert "".join(texts(before) + texts(after)) == "x" * 40000
    ids = {part.id for batch in (before, after) for part in batch.partials.values()}
    assert len(ids) == 1


def test_a_file_that_conmon_begins_anew_is_followed(spool: Path) -> None:
    reader = SpoolReader(spool, SpoolPosition())
    append(spool, conmon("one"))
    assert texts(reader.read()) == ["one"]
    append(spool, conmon("two"))
    fresh = spool.with_name("fresh")
    fresh.write_bytes(conmon("three"))
    fresh.rename(spool)
    assert texts(reader.read()) == ["two"]
    assert texts(reader.read()) == ["three"]
    assert reader.read() is None


def test_files_are_held_while_nothing_is_read(spool: Path) -> None:
    """A stuck driver loses nothing of what conmon leaves behind."""
    reader = SpoolReader(spool, SpoolPosition())
    append(spool, conmon("0"))
    assert reader.lag() == len(conmon("0"))
    for number in range(1, 4):
        fresh = spool.with_name("fresh")
        fresh.write_bytes(conmon(str(number)))
        fresh.rename(spool)
        reader.notice()
    assert reader.lag() == 4 * len(conmon("0"))
    found = [texts(reader.read()) for _ in range(5)]
    assert found == [["0"], ["1"], ["2"], ["3"], []]


def test_holes_and_damage_are_passed_over(spool: Path) -> None:
    append(spool, b"\0" * 5000, conmon("one"), b"half a li" + conmon("lost"), conmon("two"))
    reader = SpoolReader(spool, SpoolPosition())
    assert texts(reader.read()) == ["one", "two"]


def test_a_time_that_cannot_be_read_stops_nothing(spool: Path) -> None:
    append(spool, b"\x01" * 29 + conmon("one")[29:], conmon("two"))
    batch = SpoolReader(spool, SpoolPosition()).read()
    assert batch is not None
    assert [(message.time_ns > 0, message.text) for message in messages(batch)] == [
        (False, b"one"),
        (True, b"two"),
    ]
    assert LocalCodec().frames(b"".join(LocalCodec().encode(batch))) == [(1, b"one\ntwo\n")]
    assert JSONFileCodec().frames(b"".join(JSONFileCodec().encode(batch)))


def test_skipping_ends_at_a_line(spool: Path) -> None:
    lines = [conmon(f"line {number}") for number in range(100)]
    append(spool, *lines)
    reader = SpoolReader(spool, SpoolPosition())
    assert reader.lag() == len(b"".join(lines))
    reader.skip(50)
    assert texts(reader.read())[0] in {"line 1", "line 2"}


def test_no_spool_is_nothing_to_read(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path / "none", SpoolPosition())
    assert reader.read() is None
    assert reader.lag() == 0
    assert reader.end() == (0, 0)
