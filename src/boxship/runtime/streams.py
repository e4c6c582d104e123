"""A supervised process's standard streams, through conmon's attach socket.

The socket is SOCK_SEQPACKET. Each packet from conmon is a byte naming the stream and at most 8 KiB of
output; each packet to it is standard input, and shutting our sending side down closes it.

A process may close its input, or leave it to nobody, while more of it comes. conmon (2.1.6 to 2.1.13)
then tries the failing write again and again and takes a whole CPU for it, so we look from time to time
whether anybody reads the pipe, and empty it in the reader's stead.
"""

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from boxship.linux.pipes import fds_named_in_environment, open_deserted
from boxship.model.container import ContainerNotRunning
from boxship.runtime.waiting import wait_readable, wait_writable

_PACKET_IN: Final = 16384  # conmon reads 32 KiB at a time and would cut off the rest of a packet
_PACKET_OUT: Final = 65536
_BATCH: Final = 64  # packets taken at one wake-up
_STREAMS: Final = {2: 1, 3: 2}  # conmon's stdpipe_t → file descriptor numbers
_BACKLOG_PAUSE_S: Final = 0.005
_INPUT_CHECK_S: Final = 0.5  # after something was sent
_IDLE_CHECK_S: Final = 5.0
_LINGER_S: Final = 2.0


class AttachedStreams:
    """ProcessStreams over an attach socket. One task may read and one write at a time.

    It closes itself at the end of the output.
    """

    def __init__(self, connection: socket.socket, supervisor_pid: int = 0) -> None:
        self._socket = connection
        self._supervisor_pid = supervisor_pid
        self._input_check: asyncio.TimerHandle | None = None
        self._input_sent = False
        self._deserted: list[int] = []  # readers for what nobody else reads
        self._received: deque[tuple[int, bytes]] = deque()
        self._ended = False
        self._waiters = 0

    def __repr__(self) -> str:
        return f"AttachedStreams(fd {self._socket.fileno()}, {len(self._received)} chunks waiting)"

    async def read(self) -> tuple[int, bytes] | None:
        """The next output as (1 or 2, bytes); None once the process closed its streams."""
        while not self._received:
            if self._ended:
                self.close()
                return None
            self._receive()
            if not self._received and not self._ended:
                await self._wait(wait_readable)
        return self._received.popleft()

    async def write(self, data: bytes) -> None:
        """Feed standard input; waits while the process is slow; ConnectionError when it is closed."""
        view = memoryview(data)
        self._watch_input()
        while view:
            if self._deserted:
                raise ConnectionError("standard input is closed: nobody reads it")
            try:
                sent = self._socket.send(view[:_PACKET_IN], socket.MSG_NOSIGNAL)
            except BlockingIOError:
                await self._wait(wait_writable)
            except OSError as error:
                raise ConnectionError(f"standard input is closed: {error.strerror}") from error
            else:
                view = view[sent:]

    async def close_stdin(self) -> None:
        """End standard input."""
        with contextlib.suppress(OSError):  # the process was quicker
            self._socket.shutdown(socket.SHUT_WR)

    def _watch_input(self) -> None:
        self._input_sent = True
        if self._input_check is None and self._supervisor_pid:
            loop = asyncio.get_running_loop()
            self._input_check = loop.call_later(_INPUT_CHECK_S, self._check_input)

    def _check_input(self) -> None:
        self._input_check = None
        if self._ended:
            return
        loop = asyncio.get_running_loop()
        known = fds_named_in_environment(self._supervisor_pid, "_OCI_")
        self._deserted = open_deserted(self._supervisor_pid, except_fds=known)
        for fd in self._deserted:
            loop.add_reader(fd, _discard, fd)
        if not self._deserted:
            pause_s = _INPUT_CHECK_S if self._input_sent else _IDLE_CHECK_S
            self._input_sent = False
            self._input_check = loop.call_later(pause_s, self._check_input)

    def close(self) -> None:
        """Let go of the connection; whoever reads or writes notices."""
        self._ended = True
        if self._input_check is not None:
            self._input_check.cancel()
            self._input_check = None
        if self._deserted:
            # what was sent may still be on its way
            asyncio.get_running_loop().call_later(_LINGER_S, _let_go, self._deserted)
            self._deserted = []
        if self._waiters:
            # the loop must stop watching the descriptor before its number is used again
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            return
        self._socket.close()

    async def _wait(self, ready: Callable[[int], Awaitable[None]]) -> None:
        self._waiters += 1
        try:
            await ready(self._socket.fileno())
        finally:
            self._waiters -= 1
            if self._ended and not self._waiters:
                self._socket.close()

    def _receive(self) -> None:
        """Take what has arrived, joining packets of the same stream."""
        stream = 0
        parts: list[bytes] = []
        for _ in range(_BATCH):
            try:
                packet = self._socket.recv(_PACKET_OUT)
            except BlockingIOError:
                break
            except OSError:
                packet = b""
            if not packet:
                self._ended = True
                break
            source = _STREAMS.get(packet[0], 1)
            if source != stream and parts:
                self._received.append((stream, b"".join(parts)))
                parts = []
            stream = source
            parts.append(packet[1:])
        if parts:
            self._received.append((stream, b"".join(parts)))


def _discard(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        if not os.read(fd, _PACKET_OUT):  # the writer has gone: this would be readable for ever
            asyncio.get_running_loop().remove_reader(fd)


def _let_go(fds: list[int]) -> None:
    loop = asyncio.get_running_loop()
    for fd in fds:
        loop.remove_reader(fd)
        os.close(fd)


async def connect(directory: str, container_id: str, supervisor_pid: int = 0) -> AttachedStreams:
    """Connect to the attach socket in a supervisor's directory; raise ContainerNotRunning."""
    try:
        fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ContainerNotRunning(container_id) from error
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    try:
        while True:
            try:
                # by descriptor: the path itself may be longer than a socket address can be
                connection.connect(f"/proc/self/fd/{fd}/attach")
            except BlockingIOError:  # conmon's backlog of ten is full
                await asyncio.sleep(_BACKLOG_PAUSE_S)
                continue
            except OSError as error:
                raise ContainerNotRunning(container_id) from error
            return AttachedStreams(connection, supervisor_pid)
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(fd)
