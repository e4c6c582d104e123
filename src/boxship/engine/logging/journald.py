"""The driver journald: systemd's native protocol, one datagram an entry."""

import errno
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from boxship.concurrency import in_thread
from boxship.engine.logging.endpoints import Connection, open_unix_datagrams
from boxship.engine.logging.info import LogInfo, extra_attributes
from boxship.engine.logging.tags import parse_tag
from boxship.errors import InvalidArgument, Unavailable
from boxship.services.streams import STDERR
from boxship.store.logs.lines import Message

OPTIONS: Final = frozenset(("labels", "labels-regex", "env", "env-regex", "tag"))
SOCKET: Final = "/run/systemd/journal/socket"


def check(options: Mapping[str, str]) -> None:
    """Raise InvalidArgument as Docker does when a container is created."""
    for key in sorted(options):
        if key not in OPTIONS:
            raise InvalidArgument(f"unknown log opt '{key}' for journald log driver")


class Journald:
    """Implements sinks.Sink."""

    connects_at_start = True

    def __init__(self, info: LogInfo, path: str = SOCKET) -> None:
        if not Path(path).exists():
            raise Unavailable("journald is not enabled on this host")
        self._path = path
        self._epoch = secrets.token_hex(32).encode()
        self._count = 0
        tag = parse_tag(info)
        fields = {
            "CONTAINER_ID": info.container_id[:12],
            "CONTAINER_ID_FULL": info.container_id,
            "CONTAINER_NAME": info.name,
            "CONTAINER_TAG": tag,
            "IMAGE_NAME": info.image_name,
            "SYSLOG_IDENTIFIER": tag,
            **extra_attributes(info, field_name),
        }
        self._fields = b"".join(_field(key, value.encode()) for key, value in fields.items() if key)

    async def connect(self) -> Connection:
        """See sinks.Sink."""
        return open_unix_datagrams(self._path)

    async def send(self, connection: Connection, messages: Sequence[Message]) -> None:
        """See sinks.Sink."""
        for message in messages:
            data = self.encode(message)
            try:
                await connection.send(data)
            except OSError as error:
                if error.errno not in {errno.EMSGSIZE, errno.ENOBUFS}:
                    raise
                await in_thread(_send_by_file, self._path, data)

    def encode(self, message: Message) -> bytes:
        """An entry's fields."""
        priority = b"PRIORITY=3\n" if message.stream == STDERR else b"PRIORITY=6\n"
        parts = [_field("MESSAGE", message.text), priority, self._fields]
        self._count += 1
        parts += [
            _field("SYSLOG_TIMESTAMP", _moment(message.time_ns).encode()),
            _field("CONTAINER_LOG_EPOCH", self._epoch),
            _field("CONTAINER_LOG_ORDINAL", str(self._count).encode()),
        ]
        if (partial := message.partial) is not None:
            parts += [
                _field("CONTAINER_PARTIAL_ID", partial.id.encode()),
                _field("CONTAINER_PARTIAL_ORDINAL", str(partial.ordinal).encode()),
                _field("CONTAINER_PARTIAL_LAST", str(partial.last).lower().encode()),
            ]
            if not partial.last:
                parts.append(b"CONTAINER_PARTIAL_MESSAGE=true\n")
        return b"".join(parts)


def field_name(key: str) -> str:
    """A key as the journal allows: capitals, digits and underscores, none of those first."""
    upper = "".join(
        char.upper() if "a" <= char <= "z" or "A" <= char <= "Z" or "0" <= char <= "9" else "_"
        for char in key
    )
    return upper.lstrip("_")


def _moment(time_ns: int) -> str:
    second, fraction = divmod(time_ns, 10**9)
    moment = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return moment + f".{fraction:09d}".rstrip("0").rstrip(".") + "Z"


def _field(name: str, value: bytes) -> bytes:
    if b"\n" not in value:
        return name.encode() + b"=" + value + b"\n"
    return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def _send_by_file(path: str, data: bytes) -> None:
    """What no datagram holds goes as a sealed memory file."""
    fd = os.memfd_create("journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(data)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(path)
            socket.send_fds(sock, [b"\0"], [fd])
    finally:
        os.close(fd)
