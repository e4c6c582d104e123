"""Talking to systemd: sd_notify(3) and socket activation (sd_listen_fds(3))."""

import contextlib
import os
import socket
import time


class Notifier:
    """Tells systemd how we are; silent when it did not ask.

    It takes the address out of the environment: conmon and the OCI runtime would report on it too.
    """

    def __init__(self) -> None:
        address = os.environ.pop("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def __repr__(self) -> str:
        return f"Notifier({self._address!r})"

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.sendto(state.encode(), self._address)

    def ready(self) -> None:
        """We serve."""
        self._send("READY=1")

    def reloading(self) -> None:
        """We read our configuration again; `ready` ends it."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """We end."""
        self._send("STOPPING=1")


def forget_listen_variables() -> None:
    """Keep our children from taking our sockets for theirs."""
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
