"""Reading container logs back."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.services.streams import STDERR, STDOUT
from boxship.store.logs import Frame, LogReader, LogSelection

START = 1_700_000_000


def a_line(
    text: str, *, second: int = 0, stream: str = "stdout", tag: str = "F", zone: str = "+00:00"
) -> bytes:
    hours = int(zone[:3])
    moment = time.gmtime(START + second + hours * 3600)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", moment)
    return f"{stamp}.000000007{zone} {stream} {tag} {text}\n".encode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "ctr.log"


def read(path: Path, size: int = 1000, **selection: object) -> list[Frame]:
    return list(frames(LogReader(path, LogSelection(**selection)), size))  # type: ignore[arg-type]


def frames(reader: LogReader, size: int = 1000) -> Iterator[Frame]:
    while found := reader.read_more(size):
        yield from found
    reader.close()


def text(found: list[Frame], stream: int | None = None) -> bytes:
    return b"".join(data for number, data in found if stream in (None, number))


def test_what_was_written_comes_back(log: Path) -> None:
    log.write_bytes(a_line("one") + a_line("two") + a_line(""))
    assert read(log) == [(STDOUT, b"one\ntwo\n\n")]


def test_streams_keep_their_order(log: Path) -> None:
    log.write_bytes(a_line("out") + a_line("err", stream="stderr") + a_line("out again"))
    assert read(log) == [(STDOUT, b"out\n"), (STDERR, b"err\n"), (STDOUT, b"out again\n")]
    assert read(log, stdout=False) == [(STDERR, b"err\n")]
    assert text(read(log, stderr=False)) == b"out\nout again\n"


def test_pieces_are_joined(log: Path) -> None:
    log.write_bytes(
        a_line("a", tag="P") + a_line("b", tag="P") + a_line("c") + a_line("d", tag="P")
    )
    assert text(read(log)) == b"abc\nd"
    stamp = b"2023-11-14T22:13:20.000000007Z "
    assert text(read(log, timestamps=True)) == stamp + b"abc\n" + stamp + b"d"


def test_lines_that_look_like_prefixes_are_text(log: Path) -> None:
    nasty = a_line("x").decode().rstrip("\n")
    log.write_bytes(a_line(nasty) + a_line(nasty, stream="stderr"))
    assert read(log) == [(STDOUT, f"{nasty}\n".encode()), (STDERR, f"{nasty}\n".encode())]


def test_times_are_shown_as_docker_shows_them(log: Path) -> None:
    log.write_bytes(a_line("utc") + a_line("east", zone="+05:30".replace("30", "00")))
    stamp = b"2023-11-14T22:13:20.000000007Z "
    assert text(read(log, timestamps=True)) == stamp + b"utc\n" + stamp + b"east\n"


def test_details_come_behind_the_time(log: Path) -> None:
    log.write_bytes(a_line("x"))
    assert text(read(log, details=b"a=b")) == b"a=b x\n"
    assert text(read(log, details=b"", timestamps=True)).endswith(b"Z  x\n")


@pytest.mark.parametrize("zone", ["+00:00", "-08:00"])
def test_since_and_until_select(log: Path, zone: str) -> None:
    log.write_bytes(b"".join(a_line(str(n), second=n, zone=zone) for n in range(10)))
    since, until = (START + 3) * 10**9, (START + 6) * 10**9
    assert text(read(log, since_ns=since)) == b"3\n4\n5\n6\n7\n8\n9\n"
    assert text(read(log, until_ns=until)) == b"0\n1\n2\n3\n4\n5\n"
    reader = LogReader(log, LogSelection(since_ns=since, until_ns=until))
    assert text(list(frames(reader))) == b"3\n4\n5\n"
    assert reader.ended


@pytest.mark.parametrize("count", [0, 1, 2, 7, 99, 100, 101, 5000])
def test_the_tail_is_the_end_of_the_whole(log: Path, count: int) -> None:
    generator = random.Random(count)
    lines = [
        a_line(
            "x" * generator.choice([0, 10, 3000, 20_000]),
            stream=generator.choice(["stdout", "stderr"]),
        )
        for _ in range(100)
    ]
    log.write_bytes(b"".join(lines))
    whole = [line[45:] for line in lines]
    wanted = b"".join(whole[len(whole) - min(count, 100) :])
    assert text(read(log, tail=count)) == wanted


def test_the_tail_counts_a_long_line_once(log: Path) -> None:
    log.write_bytes(
        a_line("first")
        + a_line("a", tag="P") + a_line("b", tag="P") + a_line("c")
        + a_line("d", tag="P") + a_line("e", tag="P")
    )  # fmt: skip
    assert text(read(log, tail=1)) == b"de"
    assert text(read(log, tail=2)) == b"abc\nde"
    assert text(read(log, tail=3)) == b"first\nabc\nde"


def test_more_can_be_read_as_it_is_written(log: Path) -> None:
    log.write_bytes(a_line("one") + a_line("two")[:47])
    reader = LogReader(log, LogSelection())
    assert reader.read_more() == [(STDOUT, b"one\n")]
    assert reader.read_more() == []
    with log.open("ab") as file:
        file.write(a_line("two")[47:])
    assert reader.read_more() == [(STDOUT, a_line("two")[45:])]
    reader.close()
    assert reader.read_more() == []


def test_a_rotated_file_is_followed(log: Path) -> None:
    log.write_bytes(a_line("old"))
    reader = LogReader(log, LogSelection())
    assert reader.read_more() == [(STDOUT, b"old\n")]
    fresh = log.with_suffix(".tmp")
    fresh.write_bytes(a_line("new"))
    fresh.rename(log)
    assert reader.read_more() == [(STDOUT, b"new\n")]
    log.write_bytes(b"")
    assert reader.read_more() == []
    log.write_bytes(a_line("N"))
    reader.close()


def test_damage_is_left_out(log: Path) -> None:
    log.write_bytes(a_line("one") + b"\0\0\0\n" + b"garbage\n" + a_line("two") + b"2023-")
    assert text(read(log)) == b"one\ntwo\n"
    assert text(read(log, timestamps=True)).count(b"\n") == 2
    assert text(read(log, since_ns=1)) == b"one\ntwo\n"


@pytest.mark.skipif(not os.environ.get("BOXSHIP_BENCH"), reason="timing")
def test_a_million_lines_are_quick(log: Path) -> None:
    log.write_bytes(b"".join(a_line(f"line {n}") for n in range(1_000_000)))
    start = time.perf_counter()
    total = sum(len(data) for _, data in read(log, 256 << 10))
    assert total > 10**7
    assert time.perf_counter() - start < 0.4
