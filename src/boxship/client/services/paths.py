"""What goes into a URL: names, filters, times."""

from boxship.client.query import escape
from boxship.errors import InvalidArgument
from boxship.model.filters import Filters


def container(name: str, rest: str = "") -> str:
    """`/containers/NAME…`"""
    return f"/containers/{_named(name, 'container')}{rest}"


def image(name: str, rest: str = "") -> str:
    """`/images/NAME…`"""
    return f"/images/{_named(name, 'image', keep=b'/:@')}{rest}"


def network(name: str, rest: str = "") -> str:
    """`/networks/NAME…`"""
    return f"/networks/{_named(name, 'network')}{rest}"


def volume(name: str) -> str:
    """`/volumes/NAME`"""
    return f"/volumes/{_named(name, 'volume')}"


def session(exec_id: str, rest: str) -> str:
    """`/exec/ID…`"""
    return f"/exec/{_named(exec_id, 'exec')}{rest}"


def _named(name: str, kind: str, keep: bytes = b"") -> str:
    if not name.strip("/"):
        raise InvalidArgument(f"invalid {kind} name or ID: value is empty")
    return escape(name, keep)


def filters(given: Filters) -> dict[str, list[str]] | None:
    """The `filters` parameter; None for no filters."""
    return {name: list(values) for name, values in given.values.items()} or None


def moment(nanoseconds: int | None) -> str | None:
    """Seconds with a fraction, as the API takes times."""
    if nanoseconds is None:
        return None
    seconds, fraction = divmod(nanoseconds, 10**9)
    return f"{seconds}.{fraction:09d}"
