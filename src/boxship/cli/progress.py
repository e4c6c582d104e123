"""Docker's stream of progress messages: bars that move on a terminal, plain lines elsewhere."""

import sys

from boxship.cli.running import Failed
from boxship.cli.units import human_size
from boxship.client.codec import json_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TextIO

BAR = 50


def bar(progress: "dict[str, Any]", columns: int) -> str:
    """`[====>   ]  1.2MB/3MB`, as wide as the terminal allows; empty when nothing is known."""
    current, total = progress.get("current") or 0, progress.get("total") or 0
    units = progress.get("units") or ""
    if current <= 0 and total <= 0:
        return ""
    if total <= 0:
        return f"{current} {units}" if units else f"{human_size(current):>8}"
    done = min(int(current / total * 100) // 2, BAR)
    box = f"[{'=' * done}>{' ' * (BAR - done)}] " if columns > 110 else ""
    if progress.get("hidecounts"):
        numbers = ""
    elif units:
        numbers = f"{current} {units}" if current > total else f"{current}/{total} {units}"
    else:
        numbers = f"{human_size(current):>8}"
        if current <= total:
            numbers += f"/{human_size(total)}"
    return box + numbers


class _Screen:
    """Where each ID has its line, counted from the bottom."""

    def __init__(self, out: "TextIO") -> None:
        self.out = out
        self.lines: dict[str, int] = {}
        from os import get_terminal_size

        try:
            self.columns = get_terminal_size(out.fileno()).columns or 200
        except (OSError, ValueError):
            self.columns = 200

    def show(self, message: "dict[str, Any]") -> None:
        write = self.out.write
        identity = message.get("id") or ""
        progress = message.get("progressDetail")
        up = 0
        if identity and progress is not None:
            if identity not in self.lines:
                self.lines[identity] = len(self.lines)
                write("\n")
            up = len(self.lines) - self.lines[identity]
            if up:
                write(f"\x1b[{up}A")
        else:
            self.lines.clear()
        if progress is not None and not message.get("stream"):
            write("\x1b[2K\r")
        write(_prefix(message))
        if progress is not None:
            write(f"{message.get('status', '')} {bar(progress, self.columns)}\r")
        elif message.get("stream"):
            write(message["stream"])
        else:
            write(f"{message.get('status', '')}\n")
        if identity and up:
            write(f"\x1b[{up}B")
        self.out.flush()


def _prefix(message: "dict[str, Any]") -> str:
    text = f"{message['id']}: " if message.get("id") else ""
    if message.get("from"):
        text += f"(from {message['from']}) "
    return text


def show_messages(
    chunks: "Iterable[bytes]",
    out: "TextIO | None",
    on_aux: "Callable[[Any], None] | None" = None,
) -> None:
    """Print a stream of messages to *out* (None: nowhere); raise Failed for the error in it."""
    screen = _Screen(out) if out is not None and out.isatty() else None
    for message in json_lines(chunks):
        if message.get("aux") is not None:
            if on_aux is not None:
                on_aux(message["aux"])
            continue
        _raise_error(message)
        if screen is not None:
            screen.show(message)
        elif out is not None:
            _plain(message, out)


def _raise_error(message: "dict[str, Any]") -> None:
    detail = message.get("errorDetail")
    if detail is None and not message.get("error"):
        return
    detail = detail or {"message": message["error"]}
    sys.stdout.flush()
    if detail.get("code") == 401:
        raise Failed("authentication is required")
    raise StreamFailed(str(detail.get("message", "")), int(detail.get("code") or 0))


class StreamFailed(Failed):
    """The daemon reported an error in the midst of a stream."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def _plain(message: "dict[str, Any]", out: "TextIO") -> None:
    progress = message.get("progressDetail")
    if progress and bar(progress, 0):
        return
    if message.get("stream"):
        out.write(_prefix(message) + message["stream"])
    else:
        out.write(f"{_prefix(message)}{message.get('status', '')}\n")
    out.flush()
