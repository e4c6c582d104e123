"""The user's terminal: raw mode, size, and the keys that detach."""

import os
import termios

from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_DETACH = b"\x10\x11"  # ctrl-p, ctrl-q
_NAMED = {"DEL": 127}
_PUNCTUATION = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def is_terminal(descriptor: int) -> bool:
    """Whether a descriptor is a terminal; a closed one is none."""
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def terminal_size(descriptor: int = 1) -> "tuple[int, int]":
    """Height and width; zeros without a terminal."""
    try:
        size = os.get_terminal_size(descriptor)
    except OSError:
        return 0, 0
    return size.lines, size.columns


class RawTerminal:
    """Puts the terminal on *descriptor* into raw mode until `restore`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._saved: list[Any] | None = termios.tcgetattr(descriptor)
        mode = termios.tcgetattr(descriptor)
        mode[0] &= ~(
            termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
            | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON
        )  # fmt: skip
        mode[1] &= ~termios.OPOST
        mode[2] = (mode[2] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
        mode[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        mode[6][termios.VMIN] = 1
        mode[6][termios.VTIME] = 0
        termios.tcsetattr(descriptor, termios.TCSANOW, mode)

    def restore(self) -> None:
        """Back to what it was; once."""
        if self._saved is not None:
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._saved)
            self._saved = None


def detach_keys(text: str) -> bytes:
    """`ctrl-p,q` as bytes; raise InvalidArgument."""
    keys = bytearray()
    for word in text.split(","):
        if len(word) == 1:
            keys += word.encode()
        elif word.startswith("ctrl-") and len(word) == 6:
            letter = word[5]
            if letter.isascii() and letter.isalpha():
                keys.append(ord(letter.lower()) - ord("a") + 1)
            elif letter in _PUNCTUATION:
                keys.append(_PUNCTUATION[letter])
            else:
                raise InvalidArgument(f"Unknown character: '{word}'")
        elif word in _NAMED:
            keys.append(_NAMED[word])
        else:
            raise InvalidArgument(f"Unknown character: '{word}'")
    return bytes(keys)


class DetachFilter:
    """Watches what is typed for the detach keys; a partial match is held back until it is decided."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = 0

    def feed(self, data: bytes) -> "tuple[bytes, bool]":
        """What to pass on, and whether the sequence is complete."""
        out = bytearray()
        keys = self._keys
        for byte in data:
            if byte == keys[self._held]:
                self._held += 1
                if self._held == len(keys):
                    return bytes(out), True
                continue
            out += keys[: self._held]
            self._held = 0
            if byte == keys[0]:
                self._held = 1
                if len(keys) == 1:
                    return bytes(out), True
            else:
                out.append(byte)
        return bytes(out), False
