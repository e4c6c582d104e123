"""Help pages in Docker's form, made from the same declarations that parse the command line."""

import sys

from boxship.cli import PROGRAM
from boxship.cli.flags import Command, Flag, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from boxship.cli.tree import Entry, Group

SLOP = 5  # a line may be this much longer where that avoids an orphaned word
_TYPELESS = {"bool": ""}


def terminal_width() -> int:
    """Columns of the terminal on stdin; 80 without one."""
    from os import get_terminal_size

    try:
        return get_terminal_size(0).columns or 80
    except OSError:
        return 80


def command_help(command: Command, path: str, short: str) -> str:
    """The page of one verb."""
    parts = ["", f"Usage:  {PROGRAM} {usage_of(command, path)}", "", command.long or short, ""]
    if command.aliases:
        parts += ["Aliases:", "  " + command.aliases.replace("docker ", PROGRAM + " "), ""]
    visible = [flag for flag in command.flags if not flag.hidden]
    if visible:
        parts += ["Options:", flag_table(visible, terminal_width() - 1)]
    return "\n".join(parts[1:]).rstrip("\n") + "\n"


def flag_table(flags: "Iterable[Flag]", columns: int) -> str:
    """The aligned and wrapped list of flags, as pflag prints it."""
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        head = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
        kind = _TYPELESS.get(flag.kind, flag.kind)
        rows.append((f"{head} {kind}" if kind else head, flag.help))
    width = max(len(head) for head, _ in rows) + 3
    return "\n".join(
        head + " " * (width - len(head)) + _wrap(width, columns, text) for head, text in rows
    )


def _wrap(indent: int, columns: int, text: str) -> str:
    room = columns - indent
    if room < 24:
        return ("\n" + " " * 16) + text.replace("\n", "\n" + " " * 16)
    room -= SLOP
    lines = []
    while True:
        line, text = _first_line(room, text)
        lines += line.split("\n")
        if not text:
            return ("\n" + " " * indent).join(lines)


def _first_line(room: int, text: str) -> "tuple[str, str]":
    if room + SLOP > len(text):
        return text, ""
    head = text[:room]
    cut = max(head.rfind(char) for char in " \t\n")
    if cut <= 0:
        return text, ""
    newline = head.rfind("\n")
    if 0 < newline < cut:
        cut = newline
    return text[:cut], text[cut + 1 :]


def group_help(group: "Group", path: str) -> str:
    """The page of a management command such as `container`."""
    lines = [f"Usage:  {PROGRAM} {path} COMMAND", "", group.long or group.short, "", "Commands:"]
    lines += _summaries((name, entry) for name, entry in sorted(group.commands.items()))
    lines += ["", f"Run '{PROGRAM} {path} COMMAND --help' for more information on a command."]
    return "\n".join(lines) + "\n"


def _summaries(entries: "Iterable[tuple[str, Entry | Group]]") -> "list[str]":
    return [f"  {name:<11} {entry.short}" for name, entry in entries if not entry.hidden]


def top_help(flags: "tuple[Flag, ...]") -> str:
    """The page of `boxship` itself."""
    from boxship.cli.tree import COMMON, GROUPS, VERBS

    lines = [
        f"Usage:  {PROGRAM} [OPTIONS] COMMAND",
        "",
        "A self-sufficient runtime for containers",
        "",
        "Common Commands:",
        *_summaries((name, VERBS[name]) for name in COMMON),
        "",
        "Management Commands:",
        *_summaries(sorted(GROUPS.items())),
        "",
        "Commands:",
        *_summaries((n, e) for n, e in sorted(VERBS.items()) if n not in COMMON),
        "",
        "Global Options:",
        flag_table([flag for flag in flags if not flag.hidden], terminal_width() - 1),
        "",
        f"Run '{PROGRAM} COMMAND --help' for more information on a command.",
    ]
    return "\n".join(lines) + "\n"


def write(text: str) -> None:
    """Print a page."""
    sys.stdout.write(text)
