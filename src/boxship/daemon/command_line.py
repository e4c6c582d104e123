"""Reading the daemon's command line as pflag does, with its words."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from boxship.daemon.flags import FLAGS, Flag
from boxship.daemon.kinds import BOOL
from boxship.errors import InvalidArgument

BY_NAME: Final = {flag.name: flag for flag in FLAGS}
BY_LETTER: Final = {flag.short: flag for flag in FLAGS if flag.short}


class UsageError(InvalidArgument):
    """The command line makes no sense."""


def parse(arguments: Sequence[str]) -> dict[str, Any]:
    """The settings that a command line makes; raise UsageError in pflag's words."""
    settings: dict[str, Any] = {}
    for flag, text in _given(iter(arguments)):
        try:
            value = flag.kind.read(text)
        except InvalidArgument as error:
            raise UsageError(
                f'invalid argument "{text}" for "{flag.spelling}" flag: {error}'
            ) from None
        old = settings.get(flag.setting)
        if old is not None and flag.kind.join is not None:
            value = flag.kind.join(old, value)
        settings[flag.setting] = value
    return settings


def _given(rest: Iterator[str]) -> Iterator[tuple[Flag, str]]:
    for argument in rest:
        if argument == "--":
            for unexpected in rest:
                raise UsageError(_no_arguments(unexpected))
        elif argument.startswith("--"):
            yield _long(argument, rest)
        elif argument.startswith("-") and argument != "-":
            yield from _letters(argument, rest)
        else:
            raise UsageError(_no_arguments(argument))


def _no_arguments(argument: str) -> str:
    return f'"boxshipd" accepts no arguments: {argument}'


def _long(argument: str, rest: Iterator[str]) -> tuple[Flag, str]:
    name, equals, value = argument[2:].partition("=")
    flag = BY_NAME.get(name)
    if flag is None:
        raise UsageError(f"unknown flag: --{name}")
    if equals:
        return flag, value
    return flag, "true" if flag.kind is BOOL else _next(rest, f"--{name}")


def _letters(argument: str, rest: Iterator[str]) -> Iterator[tuple[Flag, str]]:
    letters = argument[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = BY_LETTER.get(letter)
        if flag is None:
            raise UsageError(f"unknown shorthand flag: '{letter}' in {argument}")
        if letters.startswith("="):
            yield flag, letters[1:]
            return
        if flag.kind is BOOL:
            yield flag, "true"
            continue
        yield flag, letters or _next(rest, f"'{letter}' in {argument}")
        return


def _next(rest: Iterator[str], what: str) -> str:
    for value in rest:
        return value
    raise UsageError(f"flag needs an argument: {what}")


def usage() -> str:
    """What --help prints."""
    lines = [
        "",
        "Usage:\tboxshipd [OPTIONS]",
        "",
        "A self-sufficient runtime for containers.",
        "",
        "Options:",
    ]
    for flag in FLAGS:
        short = f"-{flag.short}, " if flag.short else "    "
        name = f"  {short}--{flag.name} {flag.metavar}".rstrip()
        default = f' (default "{flag.default}")' if isinstance(flag.default, str) else ""
        if isinstance(flag.default, bool | int) and flag.default:
            default = f" (default {str(flag.default).lower()})"
        lines.append(f"{name:<46}{flag.help}{default}")
    return "\n".join(lines) + "\n"
