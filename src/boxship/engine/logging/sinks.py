"""What a driver that sends entries is: how to reach its collector, and how an entry looks on the wire."""

from collections.abc import Sequence
from typing import Protocol

from boxship.engine.logging.endpoints import Connection
from boxship.store.logs.lines import Message


class Sink(Protocol):
    """One container's way to its collector. Whoever uses it connects again when sending fails."""

    connects_at_start: bool
    """Whether the container must not start while the collector cannot be reached."""

    async def connect(self) -> Connection:
        """A new connection; raise a BoxshipError in Docker's words."""
        ...

    async def send(self, connection: Connection, messages: Sequence[Message]) -> None:
        """Send some entries and, if the protocol knows that, hear that they came; OSError when it cannot."""
        ...
