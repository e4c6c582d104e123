"""Kinds of failure, by what the caller can do about them.

Concrete errors subclass one kind and live beside their noun in `boxship.model`. Anything raised across
a service boundary that is not a `BoxshipError` is a bug of ours.
"""


class BoxshipError(Exception):
    """Whatever Boxship reports on purpose; its text is for the user.

    `hint` is a next step, shown by the CLI only.
    """

    hint: str | None = None


class NotModified(BoxshipError):
    """What was asked for is already so."""


class InvalidArgument(BoxshipError):
    """The request itself is wrong and never right when repeated."""


class Unauthenticated(BoxshipError):
    """We do not know who asks."""


class PermissionDenied(BoxshipError):
    """We know who asks and they may not."""


class NotFound(BoxshipError):
    """The thing named does not exist."""


class Conflict(BoxshipError):
    """The state of things forbids it now."""


class AlreadyExists(Conflict):
    """The name or ID is taken."""


class Unsupported(BoxshipError):
    """Boxship, this kernel or this driver cannot do it."""


class Unavailable(BoxshipError):
    """A part we need does not answer, or is out of resources; a later try may succeed."""


class Internal(BoxshipError):
    """The kernel, the runtime or a file system refused a step; Docker answers 500 with the reason."""
