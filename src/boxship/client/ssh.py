"""A daemon behind `ssh`, or any program that hands its standard streams to one."""

import os
import sys
from _socket import AF_UNIX, SOCK_STREAM, socket

from boxship.client.address import Address
from boxship.client.errors import ConnectionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDERR_LIMIT = 4096


class Tunnel(socket):
    """Our end of the program's standard input and output."""

    def __init__(self, descriptor: int, command: "tuple[str, ...]", pid: int, errors: int) -> None:
        super().__init__(AF_UNIX, SOCK_STREAM, 0, fileno=descriptor)
        self._command = command
        self._pid = pid
        self._errors = errors
        self._answered = False

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As a socket's, but where the program ended without a word its own words are raised."""
        try:
            data = super().recv(size, flags)
        except ConnectionResetError:
            data = b""
        if not data and not self._answered:
            raise ConnectionFailed(self._failure())
        self._answered = True
        return data

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        try:
            super().sendall(data, flags)
        except BrokenPipeError:
            raise ConnectionFailed(self._failure()) from None

    def _failure(self) -> str:
        words = os.read(self._errors, STDERR_LIMIT).decode(errors="replace").strip()
        return (
            f"error during connect: command [{' '.join(self._command)}] has exited with exit status "
            f"{self._status()}, make sure the URL is valid, and Boxship is installed on the remote "
            f"host: stderr={words}"
        )

    def _status(self) -> int:
        pid, self._pid = self._pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid else -1

    def close(self) -> None:
        """End the program too: its input ends, and it is not waited for longer than it takes."""
        super().close()
        if self._errors >= 0:
            os.close(self._errors)
            self._errors = -1
        if self._pid:
            os.kill(self._pid, 15)
            self._status()


def dial(where: Address) -> Tunnel:
    """Start the address's program and take its streams."""
    from _socket import socketpair

    ours, theirs = socketpair(AF_UNIX, SOCK_STREAM)
    errors, errors_in = os.pipe2(os.O_CLOEXEC)
    inner = theirs.fileno()
    sys.stdout.flush()
    pid = -1
    try:
        pid = os.posix_spawnp(
            where.command[0],
            where.command,
            dict(os.environ),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, inner, 0),
                (os.POSIX_SPAWN_DUP2, inner, 1),
                (os.POSIX_SPAWN_DUP2, errors_in, 2),
            ],
            setpgroup=0,  # the terminal's Ctrl-C is for us to answer
        )
    except OSError as error:
        os.close(errors)
        ours.close()
        raise ConnectionFailed(
            f"error during connect: cannot run {where.command[0]}: {error.strerror}"
        ) from None
    finally:
        theirs.close()
        os.close(errors_in)
    return Tunnel(ours.detach(), where.command, pid, errors)
