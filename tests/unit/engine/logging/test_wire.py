"""How entries look on the wire: as Docker Engine sent them to a listening test."""

import gzip
import json
import os
import socket
import zlib

import msgspec
import pytest

from boxship.engine.logging.fluentd import Fluentd
from boxship.engine.logging.gelf import Gelf
from boxship.engine.logging.info import LogInfo
from boxship.engine.logging.journald import Journald, field_name
from boxship.engine.logging.syslog import Syslog
from boxship.services.streams import STDERR, STDOUT
from boxship.store.logs.lines import Message, Partial

TIME = 1795521067273975123  # 2026-11-24T11:51:07.273975123Z
ONE = Message(STDOUT, TIME, b"one", None)
TWO = Message(STDERR, TIME, b"two", None)
PIECE = Message(STDOUT, TIME, b"xyz", Partial("ab" * 32, 1, last=False))


def an_info(**options: str) -> LogInfo:
    return LogInfo(
        options={key.replace("_", "-"): value for key, value in options.items()},
        container_id="0123456789abcdef" * 4,
        name="web",
        command="sh -c echo <one>",
        image_id="sha256:6e209555c2de",
        image_name="busybox",
        created="2026-11-24T11:51:13.487796585Z",
        env=("E=2",),
        labels={"l": "1"},
    )


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "vm")


@pytest.mark.parametrize(
    ("form", "wire"),
    [
        ("rfc5424", "<30>1 2026-11-24T11:51:07Z vm 0123456789ab {pid} 0123456789ab - one\n"),
        (
            "rfc5424micro",
            "<30>1 2026-11-24T11:51:07.273975Z vm 0123456789ab {pid} 0123456789ab - one\n",
        ),
    ],
)
def test_syslog_of_rfc_5424(form: str, wire: str) -> None:
    sink = Syslog(an_info(syslog_address="udp://127.0.0.1:1", syslog_format=form))
    assert sink.encode(ONE).decode() == wire.format(pid=os.getpid())


def test_syslog_of_old() -> None:
    for form, host in (("rfc3164", "vm "), ("", "")):
        sink = Syslog(an_info(syslog_address="udp://127.0.0.1:1", syslog_format=form))
        text = sink.encode(TWO).decode()
        assert text.startswith("<27>Nov 24 ")
        assert text.endswith(f":07 {host}0123456789ab[{os.getpid()}]: two\n")


def test_syslog_with_tag_and_facility() -> None:
    sink = Syslog(
        an_info(syslog_address="tcp://h", syslog_facility="local3", tag="{{.Name}}/{{.ImageName}}")
    )
    text = sink.encode(TWO).decode()
    assert text.startswith(f"<{19 << 3 | 3}>")
    assert f" web/busybox[{os.getpid()}]: two\n" in text


def test_syslog_in_tls_tells_lengths() -> None:
    data = Syslog(an_info(syslog_address="tcp+tls://h", syslog_format="rfc5424")).encode(ONE)
    length, _, rest = data.partition(b" ")
    assert int(length) == len(rest)


def test_gelf() -> None:
    sink = Gelf(
        an_info(gelf_address="udp://127.0.0.1:1", gelf_compression_type="none", labels="l", env="E")
    )
    (datagram,) = sink.encode(TWO)
    assert b"\\u003cone\\u003e" in datagram  # as Go's encoder
    assert json.loads(datagram) == {
        "version": "1.1",
        "host": "vm",
        "short_message": "two",
        "timestamp": 1795521067.273,
        "level": 3,
        "_E": "2",
        "_l": "1",
        "_command": "sh -c echo <one>",
        "_container_id": "0123456789abcdef" * 4,
        "_container_name": "web",
        "_created": "2026-11-24T11:51:13.487796585Z",
        "_image_id": "sha256:6e209555c2de",
        "_image_name": "busybox",
        "_tag": "0123456789ab",
    }


@pytest.mark.parametrize(("kind", "unpack"), [("gzip", gzip.decompress), ("zlib", zlib.decompress)])
def test_gelf_is_compressed(kind: str, unpack: object) -> None:
    sink = Gelf(an_info(gelf_address="udp://h:1", gelf_compression_type=kind))
    (datagram,) = sink.encode(ONE)
    assert callable(unpack)
    assert json.loads(unpack(datagram))["short_message"] == "one"


def test_gelf_in_chunks() -> None:
    sink = Gelf(an_info(gelf_address="udp://h:1", gelf_compression_type="none"))
    chunks = sink.encode(Message(STDOUT, TIME, b"x" * 16384, None))
    assert {len(chunk) for chunk in chunks[:-1]} == {1420}
    assert {chunk[:10] for chunk in chunks} == {chunks[0][:10]}
    assert chunks[0].startswith(b"\x1e\x0f")
    assert [(chunk[10], chunk[11]) for chunk in chunks] == [(n, 12) for n in range(12)]
    whole = b"".join(chunk[12:] for chunk in chunks)
    assert json.loads(whole)["short_message"] == "x" * 16384


def test_gelf_over_tcp_ends_in_zeros() -> None:
    (data,) = Gelf(an_info(gelf_address="tcp://h:1")).encode(ONE)
    assert json.loads(data.removesuffix(b"\0"))["level"] == 6


def test_fluentd() -> None:
    sink = Fluentd(an_info(labels="l", env="E"))
    tag, time, record, options = msgspec.msgpack.decode(sink.encode(ONE, {}))
    assert (tag, time, options) == ("0123456789ab", TIME // 10**9, {})
    assert record == {
        "container_id": "0123456789abcdef" * 4,
        "container_name": "/web",
        "source": "stdout",
        "log": "one",
        "l": "1",
        "E": "2",
    }


def test_fluentd_tells_pieces() -> None:
    _, _, record, _ = msgspec.msgpack.decode(Fluentd(an_info()).encode(PIECE, {}))
    assert {key: value for key, value in record.items() if "partial" in key} == {
        "partial_message": "true",
        "partial_id": "ab" * 32,
        "partial_ordinal": "1",
        "partial_last": "false",
    }


def test_fluentd_to_the_nanosecond() -> None:
    data = Fluentd(an_info(fluentd_sub_second_precision="true")).encode(ONE, {})
    assert b"\xd7\x00" + (TIME // 10**9).to_bytes(4, "big") + (273975123).to_bytes(4, "big") in data


def test_fluentd_takes_bytes_that_are_no_text() -> None:
    data = Fluentd(an_info()).encode(Message(STDOUT, TIME, b"a\xffb", None), {})
    assert msgspec.msgpack.decode(data)[2]["log"] == "a\ufffdb"


def test_journald(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("j") / "socket"
    path.touch()
    sink = Journald(an_info(labels="l", env="E"), str(path))
    lines = sink.encode(TWO).split(b"\n")
    assert lines[:2] == [b"MESSAGE=two", b"PRIORITY=3"]
    assert {
        b"CONTAINER_ID=0123456789ab",
        b"CONTAINER_ID_FULL=" + b"0123456789abcdef" * 4,
        b"CONTAINER_NAME=web",
        b"CONTAINER_TAG=0123456789ab",
        b"IMAGE_NAME=busybox",
        b"SYSLOG_IDENTIFIER=0123456789ab",
        b"SYSLOG_TIMESTAMP=2026-11-24T11:51:07.273975123Z",
        b"L=1",
        b"E=2",
        b"CONTAINER_LOG_ORDINAL=1",
    } <= set(lines)
    pieces = sink.encode(PIECE)
    assert b"CONTAINER_PARTIAL_MESSAGE=true\n" in pieces
    assert b"CONTAINER_PARTIAL_ORDINAL=1\nCONTAINER_PARTIAL_LAST=false\n" in pieces


def test_journald_names_fields_as_it_must() -> None:
    assert field_name("com.example.a-b") == "COM_EXAMPLE_A_B"
    assert field_name("__x é") == "X__"
