"""The driver gelf: Graylog's JSON over UDP, compressed and in chunks, or over TCP."""

import gzip
import os
import socket
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from boxship.engine.logging.endpoints import Connection, open_datagrams, open_stream
from boxship.engine.logging.info import LogInfo, extra_attributes
from boxship.engine.logging.tags import parse_tag
from boxship.engine.logging.values import Address
from boxship.errors import BoxshipError, InvalidArgument, Unavailable
from boxship.services.streams import STDERR
from boxship.store.logs.lines import Message

OPTIONS: Final = frozenset(
    "gelf-address gelf-compression-level gelf-compression-type gelf-tcp-max-reconnect "  # noqa: SIM905 - words
    "gelf-tcp-reconnect-delay tag labels labels-regex env env-regex".split()
)
_CHUNK: Final = 1420 - 12
_CHUNKS_MAX: Final = 128
_HTML: Final = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


def check(options: Mapping[str, str]) -> None:
    """Raise InvalidArgument as Docker does when a container is created."""
    address = _address(options)
    for key in sorted(options):
        value = options[key]
        if key not in OPTIONS:
            raise InvalidArgument(f'unknown log opt "{key}" for gelf log driver')
        if key.startswith("gelf-compression"):
            _check_compression(key, value, address)
        if key.startswith("gelf-tcp"):
            if address.scheme == "udp":
                raise InvalidArgument(f'"{key}" is only valid for TCP')
            if not value.isdecimal():
                raise InvalidArgument(f'"{key}" must be a positive integer')


def _check_compression(key: str, value: str, address: Address) -> None:
    if address.scheme != "udp":
        raise InvalidArgument("compression is only supported on UDP")
    good = ("gzip", "zlib", "none") if key.endswith("type") else map(str, range(-1, 10))
    if value not in good:
        raise InvalidArgument(f'unknown value "{value}" for log opt "{key}" for gelf log driver')


def _address(options: Mapping[str, str]) -> Address:
    text = options.get("gelf-address", "")
    if not text:
        raise InvalidArgument("gelf-address is a required parameter")
    address = Address(text)
    if address.scheme not in {"tcp", "udp"}:
        raise InvalidArgument("gelf: endpoint needs to be TCP or UDP")
    if not address.port:
        raise InvalidArgument("gelf: please provide gelf-address as proto://host:port")
    return address


class Gelf:
    """Implements sinks.Sink."""

    connects_at_start = True

    def __init__(self, info: LogInfo) -> None:
        options = info.options
        self._address = _address(options)
        self._compression = options.get("gelf-compression-type", "gzip")
        self._level = int(options.get("gelf-compression-level", "1"))
        self._host = socket.gethostname()
        extra = {
            "_container_id": info.container_id,
            "_container_name": info.name,
            "_image_id": info.image_id,
            "_image_name": info.image_name,
            "_command": info.command,
            "_tag": parse_tag(info),
            "_created": info.created,
            **extra_attributes(info, lambda key: key if key.startswith("_") else f"_{key}"),
        }
        self._extra = dict(sorted(extra.items()))

    async def connect(self) -> Connection:
        """See sinks.Sink."""
        address = self._address
        try:
            if address.scheme == "udp":
                return await open_datagrams(address.host, int(address.port))
            return await open_stream(address.host, int(address.port))
        except BoxshipError as error:
            place = f"{address.host}:{address.port}"
            raise Unavailable(f"gelf: cannot connect to GELF endpoint: {place} {error}") from error

    async def send(self, connection: Connection, messages: Sequence[Message]) -> None:
        """See sinks.Sink."""
        # Graylog refuses empty ones, and so Docker leaves them out
        pieces = [piece for each in messages if each.text for piece in self.encode(each)]
        await connection.send_each(pieces)

    def encode(self, message: Message) -> list[bytes]:
        """An entry as datagrams, or as what goes into the stream."""
        document = {
            "version": "1.1",
            "host": self._host,
            "short_message": message.text.decode(errors="replace"),
            "timestamp": message.time_ns // 10**6 / 1000,
            "level": 3 if message.stream == STDERR else 6,
            **self._extra,
        }
        data = msgspec.json.encode(document)
        for character, code in _HTML:
            data = data.replace(character, code)  # as Go's encoder
        if self._address.scheme == "tcp":
            return [data + b"\0"]
        return _chunks(self._compressed(data))

    def _compressed(self, data: bytes) -> bytes:
        if self._compression == "gzip":
            return gzip.compress(data, 6 if self._level < 0 else self._level, mtime=0)
        return zlib.compress(data, self._level) if self._compression == "zlib" else data


def _chunks(data: bytes) -> list[bytes]:
    if len(data) <= _CHUNK + 12:
        return [data]
    pieces = [data[begin : begin + _CHUNK] for begin in range(0, len(data), _CHUNK)]
    if len(pieces) > _CHUNKS_MAX:
        return []  # the protocol has no way to say it
    head = b"\x1e\x0f" + os.urandom(8)
    count = len(pieces)
    return [head + bytes((number, count)) + piece for number, piece in enumerate(pieces)]
