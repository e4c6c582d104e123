"""Joining a container's streams to ours: stdin in a thread, output in the main one."""

import os
import sys
from _thread import start_new_thread

from boxship.cli.running import Failed
from boxship.client.stdcopy import STDERR, SYSTEM_ERROR, Demux
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from boxship.cli.terminal import DetachFilter, RawTerminal
    from boxship.client.http import Connection

SHUT_WR = 1
SHUT_RDWR = 2
RAW_STREAM = "application/vnd.docker.raw-stream"


def copy_demultiplexed(
    chunks: "Iterable[bytes]", *, stdout: bool = True, stderr: bool = True
) -> None:
    """Write a multiplexed stream to stdout and stderr, in order."""
    demux = Demux()
    outs = (sys.stdout.buffer, sys.stderr.buffer)
    wanted = (stdout, stderr)
    for chunk in chunks:
        pending: list[bytes] = []
        last = 0
        for stream, data in demux.feed(chunk):
            if stream == SYSTEM_ERROR:
                raise Failed(f"error from daemon in stream: {data.decode('utf-8', 'replace')}")
            which = 1 if stream == STDERR else 0
            if not wanted[which]:
                continue
            if pending and which != last:
                _write(outs[last], pending)
                pending = []
            last = which
            pending.append(data)
        if pending:
            _write(outs[last], pending)


def _write(out: "object", pieces: "list[bytes]") -> None:
    out.write(b"".join(pieces))  # type: ignore[attr-defined]
    out.flush()  # type: ignore[attr-defined]


def _read_stdin() -> bytes:
    try:
        return os.read(0, 65536)
    except OSError:
        return b""  # a terminal that went away is an end like any other


class Detached(BoxshipError):
    """The user typed the detach keys; the container runs on."""

    def __init__(self) -> None:
        super().__init__("read escape sequence")


class Session:
    """One attached connection and our side of it."""

    def __init__(
        self,
        connection: "Connection",
        *,
        tty: bool,
        stdin: bool,
        stdout: bool = True,
        stderr: bool = True,
        keys: str = "",
    ) -> None:
        self._connection = connection
        self._tty = tty
        self._stdin = stdin
        self._stdout = stdout
        self._stderr = stderr
        self._raw: RawTerminal | None = None
        self._filter: DetachFilter | None = None
        self._detached = False
        if tty and stdin:
            self._take_terminal(keys)

    def _take_terminal(self, keys: str) -> None:
        from boxship.cli.terminal import (
            DEFAULT_DETACH,
            DetachFilter,
            RawTerminal,
            detach_keys,
            is_terminal,
        )

        chosen = DEFAULT_DETACH
        if keys:
            try:
                chosen = detach_keys(keys)
            except BoxshipError as error:
                sys.stderr.write(f"invalid detach escape keys, using default: {error}\n")
        self._filter = DetachFilter(chosen)
        if is_terminal(0):
            self._raw = RawTerminal(0)

    def restore(self) -> None:
        """Give the terminal back."""
        if self._raw is not None:
            self._raw.restore()

    def run(self) -> None:
        """Copy until the container's output ends; raise Detached if the user leaves before."""
        try:
            if self._stdin:
                start_new_thread(self._pump_stdin, ())
            else:
                self._half_close()
            if self._stdout or self._stderr or not self._stdin:
                self._copy_output()
            else:
                for _ in self._chunks():
                    pass  # nothing is attached but stdin: wait for the end
        finally:
            self.restore()
        if self._detached:
            raise Detached

    def _chunks(self) -> "Iterable[bytes]":
        read = self._connection.read_some
        while True:
            try:
                data = read()
            except ConnectionResetError:
                return
            if not data or self._detached:
                return
            yield data

    def _copy_output(self) -> None:
        if not self._tty:
            copy_demultiplexed(self._chunks(), stdout=self._stdout, stderr=self._stderr)
            return
        out = sys.stdout.buffer
        for data in self._chunks():
            if self._stdout:
                out.write(data)
                out.flush()

    def _pump_stdin(self) -> None:
        connection = self._connection
        while data := _read_stdin():
            left = False
            if self._filter is not None:
                data, left = self._filter.feed(data)
            try:
                if data:
                    connection.send(data)
                if left:
                    self._detached = True
                    connection.sock.shutdown(SHUT_RDWR)
                    return
            except OSError:
                return  # the container has ended: who reads its output sees that too
        self._half_close()

    def _half_close(self) -> None:
        try:
            self._connection.sock.shutdown(SHUT_WR)
        except OSError:
            return
