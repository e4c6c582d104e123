"""`--restart`: the policy's name and its number of tries."""

from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_restart_policy(text: str) -> "dict[str, Any]":
    """`on-failure:3` as the API's JSON; the daemon judges the name."""
    name, colon, count = text.partition(":")
    if colon and not name:
        raise InvalidArgument("invalid restart policy format: no policy provided before colon")
    if not count:
        return {"Name": name, "MaximumRetryCount": 0}
    digits = count[1:] if count[0] in "+-" else count
    if not digits.isdigit():
        raise InvalidArgument(
            "invalid restart policy format: maximum retry count must be an integer"
        )
    return {"Name": name, "MaximumRetryCount": int(count)}
