"""Sizes such as `10k` and `1.5gb`, in powers of 1024. Pure."""

import re
from typing import Final

from boxship.errors import InvalidArgument

_SIZE: Final = re.compile(r"(-?\d+(?:\.\d+)?) ?([kmgtp])?i?b?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Bytes; raise InvalidArgument as go-units does."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"invalid size: '{text}'")
    shift = 10 * " kmgtp".index((match[2] or " ").lower())
    return int(float(match[1]) * (1 << shift))
