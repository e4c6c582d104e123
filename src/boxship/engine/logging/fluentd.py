"""The driver fluentd: the forward protocol (msgpack) over TCP, TLS or a unix socket."""

import asyncio
import base64
import os
import ssl
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from boxship.dockerfile.units import parse_duration
from boxship.engine.logging.endpoints import Connection, open_stream, open_unix_stream
from boxship.engine.logging.info import LogInfo, extra_attributes
from boxship.engine.logging.tags import parse_tag
from boxship.engine.logging.values import Address, binary_size, boolean, unsigned
from boxship.errors import InvalidArgument
from boxship.services.streams import STDERR
from boxship.store.logs.lines import Message

OPTIONS: Final = frozenset(
    "env env-regex labels labels-regex tag fluentd-address fluentd-async "  # noqa: SIM905 - words
    "fluentd-async-reconnect-interval fluentd-buffer-limit fluentd-max-retries fluentd-request-ack "
    "fluentd-retry-wait fluentd-sub-second-precision fluentd-write-timeout".split()
)
_PORT: Final = "24224"
_ACK_S: Final = 10.0
_SECOND: Final = 10**9


def check(options: Mapping[str, str]) -> None:
    """Raise InvalidArgument as Docker does when a container is created."""
    for key in sorted(options):
        if key not in OPTIONS:
            raise InvalidArgument(f"unknown log opt '{key}' for fluentd log driver")
    _address(options)
    if text := options.get("fluentd-buffer-limit", ""):
        binary_size(text)
    if text := options.get("fluentd-retry-wait", ""):
        parse_duration(text)
    if text := options.get("fluentd-max-retries", ""):
        unsigned(text)
    for name in ("async", "sub-second-precision", "request-ack"):
        _flag(options, name)
    _check_reconnect_interval(options.get("fluentd-async-reconnect-interval", ""))
    _write_timeout_s(options)


def _flag(options: Mapping[str, str], name: str) -> bool:
    text = options.get(f"fluentd-{name}", "")
    return boolean(text) if text else False


def _check_reconnect_interval(text: str) -> None:
    key = "fluentd-async-reconnect-interval"
    if not text:
        return
    try:
        interval = parse_duration(text)
    except InvalidArgument as error:
        raise InvalidArgument(f"invalid value for {key}: {error}") from error
    if interval and not _SECOND // 10 <= interval <= 10 * _SECOND:
        raise InvalidArgument(
            f'invalid value for {key}: value ("{text}") must be between 100ms and 10s'
        )


def _write_timeout_s(options: Mapping[str, str]) -> float | None:
    text = options.get("fluentd-write-timeout", "")
    if not text:
        return None
    refusal = "invalid value for fluentd-write-timeout: value must be a duration"
    try:
        duration = parse_duration(text)
    except InvalidArgument as error:
        raise InvalidArgument(f"{refusal}: {error}") from error
    if duration < 0:
        raise InvalidArgument(f"{refusal} that is non-negative")
    return duration / _SECOND or None


def _address(options: Mapping[str, str]) -> Address:
    text = options.get("fluentd-address", "")
    refusal = f"invalid fluentd-address ({text}): "
    try:
        address = Address(text if "://" in text or not text else f"tcp://{text}")
    except InvalidArgument as error:
        raise InvalidArgument(f"{refusal}{error}") from error
    if address.scheme not in {"", "tcp", "tls", "unix"}:
        raise InvalidArgument(f"{refusal}unsupported scheme: '{address.scheme}'")
    if address.scheme == "unix":
        if not address.path.strip("/"):
            raise InvalidArgument(f"{refusal}path is empty")
    elif address.path:
        raise InvalidArgument(f"{refusal}should not contain a path element")
    return address


class Fluentd:
    """Implements sinks.Sink."""

    def __init__(self, info: LogInfo) -> None:
        options = info.options
        self._address = _address(options)
        self._tag = parse_tag(info)
        self._precise = _flag(options, "sub-second-precision")
        self._wants_ack = _flag(options, "request-ack")
        self._timeout_s = _write_timeout_s(options)
        self.connects_at_start = not _flag(options, "async")
        self._record = {
            "container_id": info.container_id,
            "container_name": f"/{info.name}",
            **extra_attributes(info),
        }

    async def connect(self) -> Connection:
        """See sinks.Sink."""
        address = self._address
        if address.scheme == "unix":
            return await open_unix_stream(address.path)
        tls = ssl.create_default_context() if address.scheme == "tls" else None
        return await open_stream(address.host or "127.0.0.1", int(address.port or _PORT), tls)

    async def send(self, connection: Connection, messages: Sequence[Message]) -> None:
        """See sinks.Sink."""
        if not self._wants_ack:
            async with asyncio.timeout(self._timeout_s):
                await connection.send_each([self.encode(message, {}) for message in messages])
            return
        for message in messages:
            chunk = base64.b64encode(os.urandom(16)).decode()
            async with asyncio.timeout(self._timeout_s):
                await connection.send(self.encode(message, {"chunk": chunk}))
            async with asyncio.timeout(_ACK_S):
                await _hear(connection, chunk)

    def encode(self, message: Message, options: Mapping[str, str]) -> bytes:
        """An event in message mode: tag, time, record, options."""
        record = {
            "source": "stderr" if message.stream == STDERR else "stdout",
            "log": message.text.decode(errors="surrogateescape"),
            **self._record,
        }
        if (partial := message.partial) is not None:
            record |= {
                "partial_message": "true",
                "partial_id": partial.id,
                "partial_ordinal": str(partial.ordinal),
                "partial_last": str(partial.last).lower(),
            }
        second, fraction = divmod(message.time_ns, _SECOND)
        time: int | msgspec.msgpack.Ext = second
        if self._precise:
            event_time = second.to_bytes(4, "big") + fraction.to_bytes(4, "big")
            time = msgspec.msgpack.Ext(0, event_time)
        try:
            return msgspec.msgpack.encode((self._tag, time, record, options))
        except UnicodeEncodeError:
            record["log"] = message.text.decode(errors="replace")
            return msgspec.msgpack.encode((self._tag, time, record, options))


async def _hear(connection: Connection, chunk: str) -> None:
    """The collector's word that it has the event."""
    heard = b""
    while data := await connection.receive(4096):
        heard += data
        try:
            answer = msgspec.msgpack.decode(heard)
        except msgspec.DecodeError:
            continue  # not all of it yet
        if isinstance(answer, dict) and answer.get("ack") == chunk:
            return
        break
    raise ConnectionError("fluent#write: Error reading message response ack")
