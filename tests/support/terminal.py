"""A program on a pseudo-terminal, as a person at a keyboard sees it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class Terminal:
    """The keyboard and screen of one running program."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master = master
        self._process = process
        self.screen = ""

    def send(self, text: str) -> None:
        os.write(self._master, text.encode())

    def expect(self, text: str, *, within: float = 15) -> str:
        """Read until *text* appears after what was expected before; all the screen showed until then."""
        deadline = time.monotonic() + within
        while text not in self.screen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} did not appear: {self.screen!r}"
            assert self._read(left), f"{text!r} did not appear before the end: {self.screen!r}"
        seen, _, self.screen = self.screen.partition(text)
        return seen + text

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, *, within: float = 15) -> int:
        """Read to the end of the program; its exit code."""
        deadline = time.monotonic() + within
        while self._read(max(deadline - time.monotonic(), 0)):
            pass
        return self._process.wait(max(deadline - time.monotonic(), 1))

    def _read(self, timeout: float) -> bool:
        if not select.select([self._master], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: every program on the terminal has ended
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(
    command: Sequence[str], env: Mapping[str, str], *, rows: int = 24, columns: int = 80
) -> Iterator[Terminal]:
    """Run *command* as the leader of a session on a terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], env=env, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)
