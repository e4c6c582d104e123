"""Signals by name or number, as Docker takes them."""

import signal
from typing import Final

from boxship.errors import InvalidArgument

_NUMBERS: Final = {each.name.removeprefix("SIG"): each.value for each in signal.Signals} | {
    "STKFLT": 16,
    "CLD": signal.SIGCHLD.value,
    "UNUSED": signal.SIGSYS.value,
    **{f"RTMIN+{offset}": 34 + offset for offset in range(1, 16)},
    **{f"RTMAX-{offset}": 64 - offset for offset in range(1, 15)},
    "RTMIN": 34,
    "RTMAX": 64,
}
_HIGHEST: Final = 64


def parse_signal(text: str) -> int:
    """The number of `SIGTERM`, `term` or `15`; raise InvalidArgument in Docker's words."""
    if text.isascii() and text.lstrip("-").isdigit():
        number = int(text)
        if is_signal(number):
            return number
        if number:
            raise InvalidArgument(f"the linux daemon does not support signal {text}")
        raise InvalidArgument(f"invalid signal: {text}")
    number = _NUMBERS.get(text.upper().removeprefix("SIG"), 0)
    if number == 0:
        raise InvalidArgument(f"invalid signal: {text}")
    return number


def is_signal(number: int) -> bool:
    """Whether the kernel has a signal of this number."""
    return 0 < number <= _HIGHEST


def stop_number(text: str) -> int:
    """Like parse_signal, but any number that is not 0 will do, as in Docker's stop and restart."""
    if text.isascii() and text.removeprefix("-").isdigit() and int(text):
        return int(text)
    return parse_signal(text)


def stop_signal(text: str) -> int:
    """What stops a container with this StopSignal; SIGTERM when it names none."""
    try:
        return parse_signal(text) if text else int(signal.SIGTERM)
    except InvalidArgument:
        return int(signal.SIGTERM)
