"""Tar reading and writing, against the standard library and against strangers."""

import io
import tarfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxship.store.archive.compression import CorruptArchive
from boxship.store.archive.entry import (
    DIRECTORY,
    REGULAR,
    SYMLINK,
    Entry,
    parse_number,
    parse_time,
)
from boxship.store.archive.reader import TarReader
from boxship.store.archive.writer import TarWriter

names = st.binary(min_size=1, max_size=300).filter(lambda b: b"\0" not in b and b[-1:] != b"/")
xattrs = st.dictionaries(
    st.binary(min_size=1, max_size=20).filter(lambda b: b"=" not in b and b"\0" not in b),
    st.binary(max_size=50),
    max_size=3,
)


@st.composite
def members(draw: st.DrawFn) -> tuple[Entry, bytes]:
    data = draw(st.binary(max_size=2000))
    entry = Entry(
        draw(names),
        REGULAR,
        mode=draw(st.integers(0, 0o7777)),
        uid=draw(st.integers(0, 2**32)),
        gid=draw(st.integers(0, 2**32)),
        size=len(data),
        mtime_ns=draw(st.integers(-(2**60), 2**62)),
        xattrs=draw(xattrs) or None,
    )
    return entry, data


def written(items: list[tuple[Entry, bytes]]) -> bytes:
    output = io.BytesIO()
    writer = TarWriter(output.write)
    for entry, data in items:
        writer.add(entry)
        writer.write(data)
    writer.close()
    return output.getvalue()


def sliced(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def attributes(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


@settings(max_examples=60, deadline=None)
@given(st.lists(members(), max_size=4), st.integers(1, 3000))
def test_what_is_written_is_read_however_it_is_sliced(
    items: list[tuple[Entry, bytes]], size: int
) -> None:
    reader = TarReader(sliced(written(items), size))
    found = [(attributes(entry), b"".join(reader.data())) for entry in reader]
    assert found == [(attributes(entry), data) for entry, data in items]


@settings(max_examples=40, deadline=None)
@given(st.lists(members(), max_size=3))
def test_the_standard_library_reads_what_we_write(items: list[tuple[Entry, bytes]]) -> None:
    with tarfile.open(fileobj=io.BytesIO(written(items)), errors="surrogateescape") as archive:
        found = archive.getmembers()
        assert [m.size for m in found] == [entry.size for entry, _ in items]
        assert [m.mode for m in found] == [entry.mode for entry, _ in items]


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_we_read_what_the_standard_library_writes(format: int) -> None:  # noqa: A002
    output = io.BytesIO()
    long = "d" * 90 + "/" + "f" * 90
    with tarfile.open(fileobj=output, mode="w", format=format) as archive:
        for name, kind in ((long, tarfile.REGTYPE), ("d", tarfile.DIRTYPE), ("s", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = "target" if kind == tarfile.SYMTYPE else ""
            member.size = 3 if kind == tarfile.REGTYPE else 0
            member.uid = 2**21 - 1
            archive.addfile(member, io.BytesIO(b"abc"))
    reader = TarReader([output.getvalue()])
    found = [(e.name.rstrip(b"/"), e.type, e.link, e.uid, b"".join(reader.data())) for e in reader]
    uid = 2**21 - 1
    assert found == [
        (long.encode(), REGULAR, b"", uid, b"abc"),
        (b"d", DIRECTORY, b"", uid, b""),
        (b"s", SYMLINK, b"target", uid, b""),
    ]


def test_an_empty_stream_is_an_empty_archive() -> None:
    assert list(TarReader([])) == []


@pytest.mark.parametrize("length", [1, 511, 513, 1023, 1500])
def test_a_truncated_archive_is_refused(length: int) -> None:
    data = written([(Entry(b"a", size=1000), b"x" * 1000)])[:length]
    with pytest.raises(CorruptArchive, match="unexpected EOF"):
        list(TarReader([data]))


def test_garbage_is_refused_in_gos_words() -> None:
    with pytest.raises(CorruptArchive, match="archive/tar: invalid tar header"):
        list(TarReader([b"hello" * 500]))


@settings(max_examples=150, deadline=None)
@given(members(), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6))
def test_damage_is_harmless(item: tuple[Entry, bytes], damage: list[tuple[int, int]]) -> None:
    """Whatever a stranger changes, we read entries or say CorruptArchive, with nothing else raised."""
    data = bytearray(written([item, item]))
    for at, value in damage:
        if at < len(data):
            data[at] = value
    for start in range(0, len(data) - 511, 512):  # keep checksums right, to get past them
        block = data[start : start + 512]
        if block[257:262] == b"ustar":
            total = sum(block[:148]) + sum(block[156:]) + 256
            data[start + 148 : start + 156] = b"%06o\0 " % total
    reader = TarReader([bytes(data)])
    try:
        for entry in reader:
            assert len(entry.name) < 1 << 20
            for _ in reader.data():
                pass
    except CorruptArchive:
        pass


def pax(records: bytes, body: bytes = b"") -> bytes:
    output = io.BytesIO()
    writer = TarWriter(output.write)
    writer.add(Entry(b"x", b"x", size=0))
    writer.flush()
    header = bytearray(output.getvalue())
    header[124:136] = b"%011o\0" % len(records)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    file = written([(Entry(b"f", size=len(body)), body)])
    return bytes(header) + records + bytes(-len(records) % 512) + file


@pytest.mark.parametrize(
    "records",
    [
        b"99999999 path=a\n",
        b"-5 path=a\n",
        b"8 path=a\n",
        b"5 a\n",
        b"13 size=-123\n",
        b"31 size=99999999999999999999999\n",
        b"10 uid=-1\n",
        b"13 mtime=abc\n",
        b"12 path=a\0b\n",
        b"x" * 100,
    ],
)
def test_lies_in_pax_records_are_refused(records: bytes) -> None:
    with pytest.raises(CorruptArchive):
        list(TarReader([pax(records)]))


def test_huge_extended_headers_are_refused() -> None:
    header = bytearray(written([(Entry(b"x", b"x"), b"")])[:512])
    header[124:136] = b"%011o\0" % (2 << 20)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(CorruptArchive, match="too large"):
        list(TarReader([bytes(header)]))


def test_sparse_files_in_all_their_formats(tmp_path: Any) -> None:
    import subprocess

    source = tmp_path / "sparse"
    with source.open("wb") as file:
        for piece in range(30):
            file.seek(piece * 1_000_000)
            file.write(b"piece %d" % piece)
        file.truncate(40_000_000)
    for options in (
        ["--format=gnu"],
        ["--format=pax", "--sparse-version=0.0"],
        ["--format=pax", "--sparse-version=0.1"],
        ["--format=pax", "--sparse-version=1.0"],
    ):
        command = ["tar", "-S", *options, "-C", str(tmp_path), "-cf", "-", "sparse"]
        data = subprocess.run(command, check=True, capture_output=True).stdout
        reader = TarReader(sliced(data, 1000))
        for entry in reader:
            assert entry.name == b"sparse"
            assert entry.real_size == 40_000_000
            assert entry.sparse is not None
            assert len(data) > entry.size == sum(length for _, length in entry.sparse)
            assert b"".join(reader.data()).count(b"piece") == 30


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644), (b"   644 \0", 0o644), (b"", 0), (b"\0\0\0", 0), (b"7777777", 0o7777777),
        (b"\x80" + bytes(6) + b"\x05", 5), (b"\xff" * 8, -1), (b"\x80" + b"\0" * 2 + b"\x01" + b"\0" * 8, 1 << 64),
    ],
)  # fmt: skip
def test_numbers_in_all_their_forms(field: bytes, value: int) -> None:
    if value >= 1 << 63:
        with pytest.raises(CorruptArchive):
            parse_number(field)
    else:
        assert parse_number(field or b"\0") == value


@pytest.mark.parametrize("field", [b"abc\0", b"9\0", b"-1\0", b"1_0\0", b"0x1\0", b"1 2\0"])
def test_numbers_that_are_none_are_refused(field: bytes) -> None:
    with pytest.raises(CorruptArchive):
        parse_number(field)


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"1", 10**9), (b"1.5", 1_500_000_000), (b"-0.25", -250_000_000), (b"1.0000000019", 10**9 + 1), (b".5", 5 * 10**8)],
)  # fmt: skip
def test_times_keep_their_nanoseconds(text: bytes, value: int) -> None:
    assert parse_time(text) == value


def test_global_headers_and_labels_are_passed_over() -> None:
    def special(kind: bytes) -> bytes:
        header = bytearray(written([(Entry(b"x", kind), b"")])[:512])
        header[124:136] = b"%011o\0" % 5
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        return bytes(header) + b"5 a=\n".ljust(512, b"\0")

    data = special(b"g") + special(b"V") + written([(Entry(b"f"), b"")])
    assert [entry.name for entry in TarReader([data])] == [b"f"]


def test_one_zero_block_and_more_behind_it_is_no_end() -> None:
    data = written([(Entry(b"f"), b"")])
    with pytest.raises(CorruptArchive, match="invalid tar header"):
        list(TarReader([bytes(512) + data]))
    assert [entry.name for entry in TarReader([data + b"trailing garbage"])] == [b"f"]


def test_headers_summed_as_signed_characters_are_read() -> None:
    header = bytearray(written([(Entry(b"f", mode=0o644), b"")])[:512])
    header[0:2] = b"\xc3\xa9"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % (sum(header) - 2 * 256)
    assert [entry.name for entry in TarReader([bytes(header)])] == [b"\xc3\xa9"]
