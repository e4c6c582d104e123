"""The driver syslog: udp, tcp, tcp+tls, unix and unixgram; RFC 3164, RFC 5424 and the local form."""

import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from boxship.engine.logging.endpoints import (
    Connection,
    open_datagrams,
    open_stream,
    open_unix_datagrams,
    open_unix_stream,
)
from boxship.engine.logging.info import LogInfo
from boxship.engine.logging.tags import parse_tag
from boxship.engine.logging.values import Address
from boxship.errors import InvalidArgument, Unavailable
from boxship.services.streams import STDERR
from boxship.store.logs.lines import Message

OPTIONS: Final = frozenset(
    "env env-regex labels labels-regex syslog-address syslog-facility syslog-tls-ca-cert "  # noqa: SIM905 - words
    "syslog-tls-cert syslog-tls-key syslog-tls-skip-verify tag syslog-format".split()
)
_FACILITIES: Final = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp".split()  # noqa: SIM905 - words
)
_DAEMON: Final = 3
_ERROR: Final = 3
_INFO: Final = 6
_SCHEMES: Final = ("tcp", "tcp+tls", "udp", "unix", "unixgram")
_FORMATS: Final = ("", "rfc3164", "rfc5424", "rfc5424micro")
_LOCAL: Final = ("/dev/log", "/var/run/syslog", "/var/run/log")


def check(options: Mapping[str, str]) -> None:
    """Raise InvalidArgument as Docker does when a container is created."""
    for key in sorted(options):
        if key not in OPTIONS:
            raise InvalidArgument(f"unknown log opt '{key}' for syslog log driver")
    _address(options)
    _facility(options)
    if options.get("syslog-format", "") not in _FORMATS:
        raise InvalidArgument("Invalid syslog format")


def _address(options: Mapping[str, str]) -> Address | None:
    text = options.get("syslog-address", "")
    if not text:
        return None
    address = Address(text)
    if address.scheme not in _SCHEMES:
        raise InvalidArgument(f"unsupported scheme: '{address.scheme}'")
    if address.scheme.startswith("unix") and not Path(address.path).exists():
        raise InvalidArgument(f"stat {address.path}: no such file or directory")
    return address


def _facility(options: Mapping[str, str]) -> int:
    text = options.get("syslog-facility", "")
    if not text:
        return _DAEMON
    if text in _FACILITIES:
        return _FACILITIES.index(text)
    number = text.removeprefix("local")
    if number != text and number.isdigit() and int(number) < 8:
        return 16 + int(number)
    if number == text and text.isdigit() and int(text) < 24:
        return int(text)
    raise InvalidArgument("invalid syslog facility")


class Syslog:
    """Implements sinks.Sink."""

    connects_at_start = True

    def __init__(self, info: LogInfo) -> None:
        options = info.options
        self._tag = parse_tag(info)
        self._address = _address(options)
        self._priority = _facility(options) << 3
        self._format = options.get("syslog-format", "")
        self._host = socket.gethostname()
        self._second = -1
        self._headers: dict[int, str] = {}  # by priority
        self._secure = self._address is not None and self._address.scheme == "tcp+tls"
        self._tls = _tls(options) if self._secure else None

    async def connect(self) -> Connection:
        """See sinks.Sink."""
        address = self._address
        if address is None:
            return await _open_local()
        if address.scheme == "unix":
            return await open_unix_stream(address.path)
        if address.scheme == "unixgram":
            return open_unix_datagrams(address.path)
        port = int(address.port or 514)
        if address.scheme == "udp":
            return await open_datagrams(address.host, port)
        return await open_stream(address.host, port, self._tls)

    async def send(self, connection: Connection, messages: Sequence[Message]) -> None:
        """See sinks.Sink."""
        await connection.send_each([self.encode(message) for message in messages])

    def encode(self, message: Message) -> bytes:
        """An entry as it goes over the wire."""
        priority = self._priority | (_ERROR if message.stream == STDERR else _INFO)
        second, fraction = divmod(message.time_ns, 10**9)
        if second != self._second:
            self._second = second
            self._headers.clear()
        header = self._headers.get(priority)
        if header is None:
            header = self._headers[priority] = self._header(priority, second)
        if self._format == "rfc5424micro":
            header = header.replace("Z ", f".{fraction // 1000:06d}Z ", 1)
        data = header.encode() + message.text + b"\n"
        return b"%d %b" % (len(data), data) if self._secure else data

    def _header(self, priority: int, second: int) -> str:
        """What is before the text, the same for a second."""
        pid = os.getpid()
        if self._format.startswith("rfc5424"):
            moment = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return f"<{priority}>1 {moment} {self._host} {self._tag} {pid} {self._tag} - "
        local = time.localtime(second)
        moment = (
            f"{time.strftime('%b', local)} {local.tm_mday:2d} {time.strftime('%H:%M:%S', local)}"
        )
        host = f"{self._host} " if self._format == "rfc3164" else ""
        return f"<{priority}>{moment} {host}{self._tag}[{pid}]: "


async def _open_local() -> Connection:
    for path in _LOCAL:
        for kind in ("unixgram", "unix"):
            try:
                return (
                    open_unix_datagrams(path)
                    if kind == "unixgram"
                    else await open_unix_stream(path)
                )
            except Unavailable:
                continue
    raise Unavailable("Unix syslog delivery error")


def _tls(options: Mapping[str, str]) -> ssl.SSLContext:
    authority = options.get("syslog-tls-ca-cert", "")
    context = ssl.create_default_context()
    if authority:
        try:
            context = ssl.create_default_context(cafile=authority)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InvalidArgument(
                f'could not read CA certificate "{authority}": open {authority}: {reason}'
            ) from error
    if "syslog-tls-skip-verify" in options:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = options.get("syslog-tls-cert", ""), options.get("syslog-tls-key", "")
    if certificate or key:
        try:
            context.load_cert_chain(certificate, key or None)
        except OSError as error:
            missing = certificate if not Path(certificate).exists() else key
            reason = (error.strerror or str(error)).lower()
            raise InvalidArgument(
                f"Could not load X509 key pair: open {missing}: {reason}"
            ) from error
    return context
