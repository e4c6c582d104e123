"""What can go wrong between a client and the daemon."""

from boxship.errors import BoxshipError, Unavailable


class ApiError(BoxshipError):
    """The daemon answered with a status of 400 or more; `message` is its own text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Error response from daemon: {message}")
        self.status = status
        self.message = message


class CannotConnect(Unavailable):
    """Nothing listens where the daemon should be."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Cannot connect to the Boxship daemon at {address}. Is the boxship daemon running?"
        )
        self.address = address


class ConnectionFailed(Unavailable):
    """Connecting, or the exchange afterwards, failed for another reason."""


class BadAnswer(BoxshipError):
    """What came back is no HTTP."""
