"""Passing our signals on to a container, and its terminal's size with SIGWINCH."""

import _signal  # type: ignore[import-not-found] # `signal` costs an import of enum
import sys
from _thread import start_new_thread

from boxship.cli.running import path_name
from boxship.cli.terminal import terminal_size
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.client.http import Client

FORWARDED = {
    1: "HUP",
    2: "INT",
    3: "QUIT",
    10: "USR1",
    12: "USR2",
    14: "ALRM",
    15: "TERM",
    18: "CONT",
    20: "TSTP",
    28: "WINCH",
}
WINCH = 28
FORCE_AFTER = 3
RESIZE_TRIES = 10


class SignalProxy:
    """While it is installed, signals go to the container instead of us."""

    def __init__(self, client: "Client", container: str) -> None:
        self._client = client
        self._path = f"/containers/{path_name(container)}/kill"
        self._previous: dict[int, object] = {}
        self._asked = 0

    def install(self, *, resize: bool) -> None:
        """Take over all signals; SIGWINCH not, where it means a new size for a terminal."""
        for number in FORWARDED:
            if number == WINCH and resize:
                continue
            self._previous[number] = _signal.signal(number, self._forward)

    def remove(self) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            _signal.signal(number, handler)
        self._previous.clear()

    def _forward(self, number: int, _frame: object) -> None:
        try:
            self._client.request("POST", self._path, {"signal": FORWARDED[number]}).read()
        except (BoxshipError, OSError):
            if number in {2, 15}:
                self._asked += 1
            if self._asked >= FORCE_AFTER:
                sys.stderr.write("got 3 SIGTERM/SIGINTs, forcefully exiting\n")
                sys.stderr.flush()
                from os import _exit

                _exit(1)


def follow_size(client: "Client", path: str) -> None:
    """Set a container's or exec's terminal to our size, now and at each change."""

    def resize(_number: int = 0, _frame: object = None) -> bool:
        height, width = terminal_size()
        if not height and not width:
            return True
        try:
            client.request("POST", f"{path}/resize", {"h": str(height), "w": str(width)}).read()
        except (BoxshipError, OSError):
            return False  # it has ended, or has not quite begun
        return True

    def insist() -> None:
        from time import sleep

        for attempt in range(RESIZE_TRIES):
            sleep(0.01 * (attempt + 1))
            if resize():
                return

    if not resize():
        start_new_thread(insist, ())
    _signal.signal(WINCH, resize)


def nudge_size(client: "Client", path: str) -> None:
    """One line more and then as it was: makes the program inside draw its screen anew."""
    height, width = terminal_size()
    if height or width:
        query = {"h": str(height + 1), "w": str(width + 1)}
        client.request("POST", f"{path}/resize", query).read()
