r"""Docker's json-file format: a line `{"log":"text\n","stream":"stdout","time":"…Z"}` for each entry."""

import codecs
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from boxship.services.streams import STDERR, STDOUT
from boxship.store.logs.lines import STAMP, TEXT, Batch, Clock
from boxship.store.logs.records import Frame, Record, merged, tail_lines

_ESCAPES: Final = (
    (b"\\", b"\\\\"),
    (b'"', b'\\"'),
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
)
_UNCONTROLLED: Final = b"\n" + bytes(range(0x20, 0x100))
_SEPARATORS: Final = re.compile("[\u2028\u2029]")
_BEGIN: Final = b'{"log":"'
_STREAM: Final = 42  # up to the end of its name
_NUMBERS: Final = {"stdout": STDOUT, "stderr": STDERR}


def _invalid(error: UnicodeError) -> tuple[str, int]:
    """As Go does it: for each byte that is not UTF-8, one escaped replacement character."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\\ufffd" * (error.end - error.start), error.end


codecs.register_error("boxship-json-file", _invalid)


class _Entry(msgspec.Struct):
    log: str = ""
    stream: str = ""
    time: str = ""
    attrs: dict[str, str] | None = None


class _Text(msgspec.Struct):
    log: str = ""
    stream: str = ""


class _Ends(dict[bytes, bytes]):
    """What follows a text, by time and stream: conmon gives all that it reads at once the same."""

    def __init__(self, newline: bytes, extra: bytes) -> None:
        super().__init__()
        self._newline = newline
        self._extra = extra

    def __missing__(self, key: bytes) -> bytes:
        time = key[:STAMP].rstrip(b"0").rstrip(b".")  # as Go's RFC3339Nano
        stream = key[_STREAM - 6 : _STREAM]
        end = b"".join(
            (
                self._newline,
                b'","stream":"',
                stream,
                b'",',
                self._extra,
                b'"time":"',
                time,
                b'Z"}\n',
            )
        )
        self[key] = end
        return end


class JSONFileCodec:
    """Encodes with the attributes that labels, env and tag options put beside every entry."""

    def __init__(self, attributes: Mapping[str, str] | None = None) -> None:
        extra = b""
        if attributes:
            encoded = msgspec.json.encode(dict(sorted(attributes.items())))
            extra = b'"attrs":' + _html_safe(encoded) + b","
        self._extra = extra
        self._entries = msgspec.json.Decoder(_Entry)
        self._texts = msgspec.json.Decoder(_Text)
        self._clock = Clock()

    def encode(self, batch: Batch) -> list[bytes]:
        """Lines of the file, some in one piece."""
        text = b"\n".join(batch.lines)
        safe = escaped(text)
        lines = batch.lines if safe is text else safe.split(b"\n")
        ends = _Ends(b"\\n", self._extra)
        if batch.partials:
            return self._encode_pieces(lines, ends, batch)
        made = []
        first, size = 0, len(lines)
        while first < size:
            run, last = lines[first], first + 1
            prefix = run[:TEXT]
            end = ends[prefix[:_STREAM]]
            if last < size and lines[last].startswith(prefix):
                last = _run_end(lines, first, prefix)
                run = b"\n".join(lines[first:last])
                if run.count(b"\n" + prefix) != last - first - 1:  # the clock was set back
                    run, last = lines[first], first + 1
                run = run.replace(b"\n" + prefix, end + _BEGIN)
            made.append(_BEGIN + run[TEXT:] + end)
            first = last
        return made

    def _encode_pieces(self, lines: list[bytes], whole: "_Ends", batch: Batch) -> list[bytes]:
        made = [_BEGIN + line[TEXT:] + whole[line[:_STREAM]] for line in lines]
        open_ended = _Ends(b"", self._extra)
        for index, partial in batch.partials.items():
            if not partial.last:
                line = lines[index]
                made[index] = _BEGIN + line[TEXT:] + open_ended[line[:_STREAM]]
        return made

    def split(self, data: bytes) -> list[bytes]:
        """Each entry by itself."""
        lines = data.split(b"\n")
        return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])

    def complete(self, data: bytes) -> int:
        """How many of these bytes are whole entries."""
        return data.rfind(b"\n") + 1

    def count(self, data: bytes) -> int:
        """How many whole entries these are."""
        return data.count(b"\n")

    def skip(self, data: bytes, count: int) -> int:
        """Where the entry behind the first *count* begins."""
        position = 0
        for _ in range(count):
            position = data.index(b"\n", position) + 1
        return position

    def tail(self, fd: int, size: int, count: int) -> tuple[int, int]:
        """Where the last *count* entries begin, and how many there are, at most *count*."""
        return tail_lines(fd, size, count)

    def frames(self, data: bytes) -> list[Frame]:
        """The texts of whole entries, neighbours of one stream as one."""
        try:
            entries = self._texts.decode_lines(data)
        except msgspec.DecodeError:
            return merged((record.stream, record.text) for record in self.records(data))
        first = entries[0].stream if entries else ""
        if all(entry.stream == first for entry in entries):
            text = "".join([entry.log for entry in entries])
            return [(_NUMBERS.get(first, STDOUT), text.encode())] if text else []
        return merged((_NUMBERS.get(entry.stream, STDOUT), entry.log.encode()) for entry in entries)

    def records(self, data: bytes) -> list[Record]:
        """Whole entries with all that is known of them."""
        found = []
        for line in data.split(b"\n"):
            if not line:
                continue
            try:
                entry = self._entries.decode(line.lstrip(b"\0"))
                time_ns = self._clock.nanoseconds(entry.time.removesuffix("Z"))
            except (msgspec.DecodeError, ValueError):
                continue  # damaged, as by a power cut
            stream = _NUMBERS.get(entry.stream, STDOUT)
            found.append(Record(stream, time_ns, entry.log.encode(), entry.attrs))
        return found


def _run_end(lines: list[bytes], first: int, prefix: bytes) -> int:
    """Where the run of lines with this prefix ends: conmon gives all that it reads at once the same."""
    step, last, size = 1, first, len(lines)  # *last* has the prefix
    while last + step < size and lines[last + step].startswith(prefix):
        last += step
        step *= 2
    while step:
        if last + step < size and lines[last + step].startswith(prefix):
            last += step
        step //= 2
    return last + 1


def escaped(text: bytes) -> bytes:
    """Text within JSON strings as Docker writes it; newlines stay."""
    for character, code in _ESCAPES:
        if character in text:
            text = text.replace(character, code)
    for number in set(text.translate(None, _UNCONTROLLED)):
        code = b"\\r" if number == 0x0D else b"\\u%04x" % number
        text = text.replace(bytes((number,)), code)
    return text if text.isascii() else _unicode(text)


def _unicode(text: bytes) -> bytes:
    decoded = text.decode("utf-8", "boxship-json-file")
    safe = _SEPARATORS.sub(lambda found: f"\\u{ord(found[0]):04x}", decoded)
    return safe.encode()


def _html_safe(encoded: bytes) -> bytes:
    """JSON as Go's encoder writes it."""
    for character, code in _ESCAPES[2:]:
        encoded = encoded.replace(character, code)
    return _unicode(encoded)
