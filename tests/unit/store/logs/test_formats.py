"""json-file and local, byte for byte as Docker Engine wrote the samples in tests/golden/logs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxship.services.streams import STDERR, STDOUT
from boxship.store.logs.json_file import JSONFileCodec
from boxship.store.logs.lines import Batch, Partial
from boxship.store.logs.local_file import LocalCodec
from boxship.store.logs.records import Codec

GOLDEN = Path(__file__).parents[3] / "golden" / "logs"
JSON = (GOLDEN / "docker-json-file.log").read_bytes()
LOCAL = (GOLDEN / "docker-local.log").read_bytes()
ATTRIBUTES = {"tag": "logs-w1-json-file|busybox", "b": "x", "a": "1<2", "E": "é"}
STAMP = b"2026-11-24T11:39:28.531680791+00:00"


def a_line(text: bytes, stream: bytes = b"stdout", stamp: bytes = STAMP) -> bytes:
    return stamp + b" " + stream + b" F " + text


def batch_of(codec: LocalCodec, data: bytes) -> Batch:
    """What must have been logged for a local file to be so; its partials have only their order."""
    lines: list[bytes] = []
    partials: dict[int, Partial] = {}
    for record, raw in zip(codec.records(data), frames_of(data), strict=True):
        moment = datetime.fromtimestamp(record.time_ns // 10**9, UTC)
        stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{record.time_ns % 10**9:09d}+00:00".encode()
        stream = b"stderr" if record.stream == STDERR else b"stdout"
        if b"\x20\x01\x2a" in raw:
            metadata = raw[raw.rindex(b"\x20\x01\x2a") + 4 :]
            last = metadata.startswith(b"\x08\x01")
            identifier = metadata[4 if last else 2 :][:64].decode()
            partials[len(lines)] = Partial(identifier, metadata[-1], last)
        lines.append(a_line(record.text.removesuffix(b"\n"), stream, stamp))
    return Batch(lines, partials)


def frames_of(data: bytes) -> list[bytes]:
    found, position = [], 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        found.append(data[position + 4 : position + 4 + length])
        position += length + 8
    return found


def test_local_is_written_as_docker_does() -> None:
    codec = LocalCodec()
    assert b"".join(codec.encode(batch_of(codec, LOCAL))) == LOCAL


def test_json_file_is_written_as_docker_does() -> None:
    """Both samples hold the same output, at other times and with the streams in another order."""
    made = JSONFileCodec(ATTRIBUTES).encode(batch_of(LocalCodec(), LOCAL))
    untimed = sorted(line.partition(b',"time"')[0] for line in b"".join(made).splitlines())
    assert untimed == sorted(line.partition(b',"time"')[0] for line in JSON.splitlines())


def test_json_file_is_read_as_docker_does() -> None:
    frames = JSONFileCodec().frames(JSON)
    text = b"".join(data for stream, data in frames if stream == STDOUT)
    assert text == (GOLDEN / "docker-logs.stdout").read_bytes()


def test_local_is_read_fast_and_slow_alike() -> None:
    codec = LocalCodec()
    slow: dict[int, bytes] = {STDOUT: b"", STDERR: b""}
    for record in codec.records(LOCAL):
        slow[record.stream] += record.text
    fast: dict[int, bytes] = {STDOUT: b"", STDERR: b""}
    for stream, data in codec.frames(LOCAL):
        fast[stream] += data
    assert fast == slow
    assert fast[STDERR] == b"err\nlast err no newline"


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        (b"2026-11-24T11:39:30.438058060+00:00", b"2026-11-24T11:39:30.43805806Z"),
        (b"2026-11-24T11:39:30.000000000+00:00", b"2026-11-24T11:39:30Z"),
        (b"2026-11-24T11:39:00.000000001+00:00", b"2026-11-24T11:39:00.000000001Z"),
    ],
)
def test_json_times_end_without_zeros(stamp: bytes, shown: bytes) -> None:
    (made,) = JSONFileCodec().encode(Batch([a_line(b"x", stamp=stamp)], {}))
    assert made == b'{"log":"x\\n","stream":"stdout","time":"' + shown + b'"}\n'
    (record,) = JSONFileCodec().records(made)
    assert (
        record.time_ns
        == LocalCodec()
        .records(LocalCodec().encode(Batch([a_line(b"x", stamp=stamp)], {}))[0])[0]
        .time_ns
    )


@pytest.mark.parametrize("codec", [JSONFileCodec(), LocalCodec()], ids=["json-file", "local"])
@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), min_size=1, max_size=20),
    wanted=st.integers(0, 25),
)
def test_what_is_written_can_be_read(
    codec: Codec, texts: list[tuple[bool, bytes]], wanted: int
) -> None:
    lines = [
        a_line(text.replace(b"\n", b"?"), b"stderr" if error else b"stdout")
        for error, text in texts
    ]
    pieces = codec.encode(Batch(lines, {}))
    entries = [entry for piece in pieces for entry in codec.split(piece)]
    data = b"".join(pieces)
    assert len(entries) == len(lines) == codec.count(data)
    assert codec.complete(data + entries[0][:-1]) == len(data)
    read: dict[int, bytes] = {STDOUT: b"", STDERR: b""}
    for stream, text in codec.frames(data):
        read[stream] += text
    for stream, error in ((STDOUT, False), (STDERR, True)):
        said = b"".join(text.replace(b"\n", b"?") + b"\n" for e, text in texts if e is error)
        if isinstance(codec, LocalCodec):
            assert read[stream] == said
        else:
            assert len(read[stream].decode()) >= len(said.decode(errors="ignore"))
    assert codec.skip(data, min(wanted, len(lines))) == sum(map(len, entries[:wanted]))


@pytest.mark.parametrize("codec", [JSONFileCodec(), LocalCodec()], ids=["json-file", "local"])
def test_the_tail_is_found_from_the_end(codec: Codec, tmp_path: Path) -> None:
    pieces = codec.encode(Batch([a_line(b"%d" % n * (n % 5000)) for n in range(400)], {}))
    entries = [entry for piece in pieces for entry in codec.split(piece)]
    path = tmp_path / "log"
    path.write_bytes(b"".join(entries))
    with path.open("rb") as file:
        size = path.stat().st_size
        for count in (0, 1, 5, 399, 400, 401, 10_000):
            offset, found = codec.tail(file.fileno(), size, count)
            assert found == min(count, 400)
            assert offset == size - sum(map(len, entries[400 - found :]))


def test_damage_in_a_json_file_costs_only_its_line() -> None:
    (good,) = JSONFileCodec().encode(Batch([a_line(b"x")], {}))
    data = good + b'{"log":"half' + b"\n" + b"\0\0\0" + good + b'{"log":"y","time":"never"}\n'
    assert JSONFileCodec().frames(data) == [(STDOUT, b"x\nx\n")]


def test_damage_in_a_local_file_ends_it() -> None:
    (good,) = LocalCodec().encode(Batch([a_line(b"x")], {}))
    data = good + b"\xff" * 100
    assert LocalCodec().frames(data) == [(STDOUT, b"x\n")]
    assert LocalCodec().complete(data) == len(good)
