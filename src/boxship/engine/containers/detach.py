"""Detach keys: the sequence that leaves a terminal without ending what runs in it. Pure."""

from typing import Final

from boxship.errors import InvalidArgument

DEFAULT: Final = bytes((16, 17))  # ctrl-p ctrl-q
_CONTROL: Final = {f"ctrl-{chr(code + 96)}": code for code in range(1, 27)} | {
    "ctrl-@": 0,
    "ctrl-[": 27,
    "ctrl-\\": 28,
    "ctrl-]": 29,
    "ctrl-^": 30,
    "ctrl-_": 31,
}


def parse_detach_keys(text: str) -> bytes:
    """`ctrl-a,b` → the bytes a terminal sends for it; "" is Docker's default."""
    if not text:
        return DEFAULT
    codes = []
    for key in text.split(","):
        if len(key) == 1 and ord(key) < 256:
            codes.append(ord(key))
        elif key in _CONTROL:
            codes.append(_CONTROL[key])
        else:
            raise InvalidArgument(f"Invalid detach keys ({text}) provided")
    return bytes(codes)


class DetachScanner:
    """Looks for the sequence in what is typed, however it is sliced; what may be part of it waits."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What to pass on, and whether the sequence is complete."""
        data = self._held + data
        self._held = b""
        found = data.find(self._keys)
        if found >= 0:
            return data[:found], True
        for length in range(min(len(self._keys) - 1, len(data)), 0, -1):
            if self._keys.startswith(data[-length:]):
                self._held = data[-length:]
                return data[:-length], False
        return data, False
