"""Rotation, reading over rotated files, and taking a spool into a file so that crashes lose nothing."""

import errno
import gzip
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boxship.services.streams import STDERR, STDOUT
from boxship.store.logs.filing import Filing, load_checkpoint
from boxship.store.logs.json_file import JSONFileCodec
from boxship.store.logs.lines import Batch
from boxship.store.logs.local_file import LocalCodec
from boxship.store.logs.reading import LogReader, LogSelection
from boxship.store.logs.records import Codec
from boxship.store.logs.rotation import LogFileSpec, RotatingFile

CODECS = {"json-file": JSONFileCodec, "local": LocalCodec}


def a_line(number: int, stream: str = "stdout") -> bytes:
    return f"2026-11-24T11:39:{number // 1000 % 60:02d}.{number:09d}+00:00 {stream} F line {number}".encode()


def entries(codec: Codec, first: int, last: int) -> list[bytes]:
    made = codec.encode(Batch([a_line(number) for number in range(first, last)], {}))
    return [entry for piece in made for entry in codec.split(piece)]


def a_file(spec: LogFileSpec, codec: Codec | None = None) -> RotatingFile:
    split = (codec or JSONFileCodec()).split
    file = RotatingFile(spec, split, before=lambda: None, after=lambda: None)
    file.open()
    return file


def read(spec: LogFileSpec, codec: Codec, **selection: object) -> bytes:
    reader = LogReader(codec, LogSelection(**selection))  # type: ignore[arg-type]
    reader.open(spec)
    found = b""
    while frames := reader.read_more():
        found += b"".join(data for _, data in frames)
    reader.close()
    return found


def numbers(text: bytes) -> list[int]:
    return [int(line.rpartition(b" ")[2]) for line in text.splitlines()]


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> Codec:
    made: Codec = CODECS[request.param]()
    return made


@pytest.mark.parametrize("compress", [False, True])
def test_a_full_file_is_put_away(tmp_path: Path, codec: Codec, *, compress: bool) -> None:
    spec = LogFileSpec(path=tmp_path / "log", max_bytes=5000, max_files=3, compress=compress)
    file = a_file(spec, codec)
    written = entries(codec, 0, 1000)
    size = len(written[500])
    file.write(written)
    end = ".gz" if compress else ""
    assert {path.name for path in tmp_path.iterdir()} == {"log", f"log.1{end}", f"log.2{end}"}
    put_away = (tmp_path / f"log.1{end}").read_bytes()
    if compress:
        put_away = gzip.decompress(put_away)
    assert 5000 <= len(put_away) < 5000 + size
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640
    kept = numbers(read(spec, codec))
    assert kept == list(range(kept[0], 1000))
    assert 2 * 5000 / size <= len(kept) <= 3 * 5000 / size + 3


def test_one_file_begins_anew(tmp_path: Path, codec: Codec) -> None:
    spec = LogFileSpec(path=tmp_path / "log", max_bytes=5000, max_files=1)
    a_file(spec, codec).write(entries(codec, 0, 1000))
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_no_limit_means_none(tmp_path: Path, codec: Codec) -> None:
    spec = LogFileSpec(path=tmp_path / "log")
    a_file(spec, codec).write(entries(codec, 0, 1000))
    assert numbers(read(spec, codec)) == list(range(1000))


@pytest.mark.parametrize("tail", [0, 1, 30, 100, 175, 999, 5000])
@pytest.mark.parametrize("compress", [False, True])
def test_a_tail_reaches_over_files(
    tmp_path: Path, codec: Codec, tail: int, *, compress: bool
) -> None:
    spec = LogFileSpec(path=tmp_path / "log", max_bytes=5000, max_files=100, compress=compress)
    a_file(spec, codec).write(entries(codec, 0, 1000))
    assert numbers(read(spec, codec, tail=tail)) == list(range(max(1000 - tail, 0), 1000))


def test_times_choose(tmp_path: Path, codec: Codec) -> None:
    spec = LogFileSpec(path=tmp_path / "log", max_bytes=5000, max_files=100)
    a_file(spec, codec).write(entries(codec, 0, 1000))
    start = 1795520340 * 10**9
    found = read(spec, codec, since_ns=start + 250, until_ns=start + 300)
    assert numbers(found) == list(range(250, 301))
    shown = read(spec, codec, timestamps=True, tail=1)
    assert shown == b"2026-11-24T11:39:00.000000999Z line 999\n"


def test_streams_can_be_chosen(tmp_path: Path, codec: Codec) -> None:
    spec = LogFileSpec(path=tmp_path / "log")
    lines = [a_line(1), a_line(2, "stderr"), a_line(3)]
    a_file(spec, codec).write(codec.encode(Batch(lines, {})))
    assert numbers(read(spec, codec, stdout=False)) == [2]
    assert numbers(read(spec, codec, stderr=False)) == [1, 3]
    assert numbers(read(spec, codec, stderr=False, details=True)) == [1, 3]
    reader = LogReader(codec, LogSelection())
    reader.open(spec)
    assert [stream for stream, _ in reader.read_more()] == [STDOUT, STDERR, STDOUT]
    reader.close()


def test_details_are_attributes(tmp_path: Path) -> None:
    spec = LogFileSpec(path=tmp_path / "log")
    codec = JSONFileCodec({"tag": "a|b", "E": "é 1"})
    a_file(spec, codec).write(entries(codec, 1, 2))
    assert read(spec, codec, details=True) == b"E=%C3%A9+1,tag=a%7Cb line 1\n"
    assert read(spec, JSONFileCodec(), details=True) == b"E=%C3%A9+1,tag=a%7Cb line 1\n"


def test_a_follower_sees_every_file(tmp_path: Path, codec: Codec) -> None:
    """Even files that were put away twice while it slept, and are gone by name."""
    spec = LogFileSpec(path=tmp_path / "log", max_bytes=2000, max_files=2, compress=True)
    file = a_file(spec, codec)
    file.write(entries(codec, 0, 10))
    reader = LogReader(codec, LogSelection())
    reader.open(spec)
    file.followers.add(reader.offer)
    seen = b"".join(data for _, data in reader.read_more())
    written = 10
    for step in (1, 60, 7, 200):
        file.write(entries(codec, written, written + step))
        written += step
    while frames := reader.read_more(300):
        seen += b"".join(data for _, data in frames)
    reader.close()
    assert numbers(seen) == list(range(written))


def test_a_stuck_follower_holds_only_so_many_files(tmp_path: Path, codec: Codec) -> None:
    spec = LogFileSpec(path=tmp_path / "log", max_bytes=1000, max_files=1)
    file = a_file(spec, codec)
    reader = LogReader(codec, LogSelection())
    reader.open(spec)
    file.followers.add(reader.offer)
    before = len(os.listdir("/proc/self/fd"))
    file.write(entries(codec, 0, 3000))
    assert len(os.listdir("/proc/self/fd")) - before <= 32
    seen = b""
    while frames := reader.read_more():
        seen += b"".join(data for _, data in frames)
    reader.close()
    found = numbers(seen)
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 2999)


def test_a_full_disk_keeps_the_rest_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = LogFileSpec(path=tmp_path / "log")
    codec, room, write = JSONFileCodec(), 1000, os.write

    def limited(fd: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(fd, bytes(data)[:room])
        room -= done
        return done

    file = a_file(spec, codec)
    left = entries(codec, 0, 50)
    monkeypatch.setattr(os, "write", limited)
    with pytest.raises(OSError, match="No space"):
        file.write(left)
    assert (tmp_path / "log").read_bytes().endswith(b"\n")
    assert 0 < len(left) < 50
    room = 10**6
    file.write(left)
    assert numbers(read(spec, codec)) == list(range(50))


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("seed", range(6))
def test_a_crash_at_any_write_loses_and_repeats_nothing(
    tmp_path: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Killed at some write, rename or unlink, after a part of it; begun again; many times over."""
    chance = random.Random(seed)
    spec = LogFileSpec(path=tmp_path / "log", max_bytes=6000, max_files=80, compress=bool(seed % 2))
    spool = tmp_path / "spool"
    spool.touch()
    a_filing(spool, spec, codec).save()  # as before a container starts
    kill_in = 0

    def armed(call: Callable[..., Any], *, partial: bool = False) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            nonlocal kill_in
            kill_in -= 1
            if kill_in == 0:
                if partial and len(args[1]) > 200:
                    call(args[0], args[1][: chance.randrange(len(args[1]))])
                raise Killed
            return call(*args)

        return wrapped

    for name in ("write", "rename", "unlink", "open"):
        monkeypatch.setattr(os, name, armed(getattr(os, name), partial=name == "write"))
    written = 0
    for _ in range(15):
        with spool.open("ab") as file:
            for number in range(written, written := written + chance.randrange(300)):
                file.write(a_line(number) + b"\n")
        kill_in = chance.randrange(1, 40)
        try:
            filing = a_filing(spool, spec, codec)
            while filing.step():
                pass
        except Killed:
            pass
    kill_in = -1
    filing = a_filing(spool, spec, codec)
    while filing.step():
        pass
    filing.finish()
    assert numbers(read(spec, codec)) == list(range(written))
    assert load_checkpoint(tmp_path / "state") is not None


def a_filing(spool: Path, spec: LogFileSpec, codec: Codec) -> Filing:
    return Filing(
        spool,
        spec,
        codec,
        checkpoint_path=spool.with_name("state"),
        attributes={},
        give_back=lambda: None,
    )
