"""Declarative flags with pflag's grammar: `-itd`, `--flag=false`, `-e A=1`, repeated flags.

A command is data: `Command(use, run, arity, flags)`. Help, errors and parsing come from it.
"""

from boxship.cli import PROGRAM
from boxship.cli.quoting import go_quote
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from boxship.cli.running import Context

LIST_KINDS = frozenset(
    (
        "list",
        "strings",
        "stringArray",
        "stringToString",
        "filter",
        "map",
        "mount",
        "network",
        "ulimit",
        "gpu-request",
    )
)
_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))
MANY = 1 << 30

FORMAT_HELP = (
    "Format output using a custom template:\n"
    "'json':             Print in JSON format\n"
    "'TEMPLATE':         Print output using the given Go template.\n"
    "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates"
)
TABLE_FORMAT_HELP = (
    "Format output using a custom template:\n"
    "'table':            Print output in table format with column headers (default)\n"
    "'table TEMPLATE':   Print output in table format using the given Go template\n"
    "'json':             Print in JSON format\n"
    "'TEMPLATE':         Print output using the given Go template.\n"
    "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates"
)


class UsageError(BoxshipError):
    """The command line is wrong; `usage` is the hint printed below the message."""

    def __init__(self, message: str, command: "Command | None" = None, path: str = "") -> None:
        super().__init__(message)
        self.command = command
        self.path = path


class HelpWanted(Exception):
    """`--help` was given."""


class Flag:
    """One flag; `check` turns a text into its value or raises ValueError with Docker's words."""

    __slots__ = (
        "check",
        "default",
        "help",
        "hidden",
        "key",
        "kind",
        "name",
        "same_as",
        "short",
    )

    def __init__(
        self,
        name: str,
        short: str,
        kind: str,
        text: str,
        default: object = None,
        *,
        check: "Callable[[str], Any] | None" = None,
        hidden: bool = False,
        same_as: str = "",
    ) -> None:
        self.name = name
        self.short = short
        self.kind = kind
        self.help = text
        self.default = default
        self.check = check
        self.hidden = hidden
        self.same_as = same_as  # an old name that sets another flag's value
        self.key = (same_as or name).replace("-", "_")

    @property
    def shown(self) -> str:
        """How error messages name it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"

    @property
    def superseded(self) -> bool:
        """Whether its use is answered with a hint at the new name."""
        return bool(self.same_as) and "deprecated" in self.help

    def zero(self) -> object:
        """The value without the flag."""
        if self.default is not None:
            return self.default
        if self.kind == "bool":
            return False
        if self.kind in LIST_KINDS:
            return []
        return "" if self.kind == "string" else 0

    def parse(self, text: str) -> object:
        """The value of *text*; raise ValueError."""
        if self.check is not None:
            return self.check(text)
        if self.kind == "string" or self.kind in LIST_KINDS:
            return text
        if self.kind == "bool":
            return parse_bool(text)
        from boxship.cli import values

        return values.PARSERS[self.kind](text)


def parse_bool(text: str) -> bool:
    """Go's strconv.ParseBool."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {go_quote(text)}: invalid syntax")


class Options:
    """Parsed flags by name (dashes as underscores), the arguments, and which flags were given."""

    def __init__(self, values: "dict[str, Any]") -> None:
        self.values = values
        self.args: list[str] = []
        self.changed: set[str] = set()

    def __getattr__(self, name: str) -> "Any":
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> "Any":
        return self.values[name]


class Command:
    """One verb: its usage line, what runs it, how many arguments it takes, its flags."""

    __slots__ = (
        "aliases",
        "flags",
        "interspersed",
        "long",
        "maximum",
        "minimum",
        "run",
        "use",
    )

    def __init__(
        self,
        use: str,
        run: "Callable[[Context, Options], int | None]",
        *flags: Flag,
        args: "tuple[int, int]" = (0, 0),
        interspersed: bool = True,
        aliases: str = "",
        long: str = "",
    ) -> None:
        self.use = use
        self.run = run
        self.flags = flags
        self.minimum, self.maximum = args
        self.interspersed = interspersed
        self.aliases = aliases
        self.long = long


def parse(command: Command, argv: "list[str]", path: str = "") -> Options:
    """Parse the words behind the command's name; raise UsageError or HelpWanted."""
    flags = command.flags
    options = Options({flag.key: flag.zero() for flag in reversed(flags)})
    longs = {flag.name: flag for flag in flags}
    shorts = {flag.short: flag for flag in flags if flag.short}
    words = iter(argv)
    try:
        for word in words:
            if word == "--":
                options.args += words
            elif word.startswith("--"):
                _long(word, words, longs, options)
            elif word.startswith("-") and word != "-":
                _shorts(word, words, shorts, options)
            else:
                options.args.append(word)
                if not command.interspersed:
                    options.args += words
    except ValueError as error:
        raise UsageError(str(error), command, path) from None
    return options


def _long(word: str, words: "Any", longs: "dict[str, Flag]", options: Options) -> None:
    name, equals, value = word[2:].partition("=")
    if not name or name.startswith("-"):
        raise ValueError(f"bad flag syntax: {word}")
    flag = longs.get(name)
    if flag is None:
        if name == "help":
            if equals and not _bool_flag("--help", value):
                return
            raise HelpWanted
        raise ValueError(f"unknown flag: --{name}")
    if not equals:
        if flag.kind == "bool":
            value = "true"
        else:
            following = next(words, None)
            if following is None:
                raise ValueError(f"flag needs an argument: --{name}")
            value = following
    _set(flag, value, options)
    if name == "help" and options.values["help"]:
        raise HelpWanted


def _bool_flag(name: str, value: str) -> bool:
    try:
        return parse_bool(value)
    except ValueError as error:
        raise ValueError(f'invalid argument {go_quote(value)} for "{name}" flag: {error}') from None


def _shorts(word: str, words: "Any", shorts: "dict[str, Flag]", options: Options) -> None:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        flag = shorts.get(letter)
        if flag is None:
            if letter == "h":
                raise HelpWanted
            raise ValueError(f"unknown shorthand flag: {letter!r} in -{letter}{rest}")
        if rest.startswith("=") and len(rest) > 1:
            value, rest = rest[1:], ""
        elif flag.kind == "bool":
            value = "true"
        elif rest:
            value, rest = rest, ""
        else:
            following = next(words, None)
            if following is None:
                raise ValueError(f"flag needs an argument: {letter!r} in -{letter}")
            value = following
        _set(flag, value, options)


def _set(flag: Flag, text: str, options: Options) -> None:
    if flag.superseded:
        import sys

        sys.stdout.write(f"Flag --{flag.name} has been deprecated, use --{flag.same_as} instead\n")
    try:
        value = flag.parse(text)
    except ValueError as error:
        raise ValueError(
            f'invalid argument {go_quote(text)} for "{flag.shown}" flag: {error}'
        ) from None
    if flag.kind in LIST_KINDS:
        if flag.key not in options.changed:
            options.values[flag.key] = []  # the default goes once the flag is given
        if flag.kind == "strings":
            options.values[flag.key] += str(value).split(",")
        else:
            options.values[flag.key].append(value)
    else:
        options.values[flag.key] = value
    options.changed.add(flag.key)


def check_arity(command: Command, options: Options, path: str) -> None:
    """Raise UsageError unless the number of arguments fits."""
    count, low, high = len(options.args), command.minimum, command.maximum
    if low <= count <= high:
        return
    name = f"'{PROGRAM} {path}'"
    if high == 0:
        text = f"{name} accepts no arguments"
    elif low == high:
        text = f"{name} requires {low} argument{_plural(low)}"
    elif high == MANY:
        text = f"{name} requires at least {low} argument{_plural(low)}"
    elif low == 0:
        text = f"{name} requires at most {high} argument{_plural(high)}"
    else:
        text = f"{name} requires at least {low} and at most {high} argument{_plural(high)}"
    verb = "See" if high == MANY else "Run"
    raise ArityError(
        f"{PROGRAM}: {text}\n\nUsage:  {PROGRAM} {usage_of(command, path)}\n\n"
        f"{verb} '{PROGRAM} {path} --help' for more information"
    )


class ArityError(BoxshipError):
    """Too few or too many arguments; the text is complete."""


def usage_of(command: Command, path: str) -> str:
    """The usage line under the name by which the command was called."""
    parent = path.rpartition(" ")[0]
    return f"{parent} {command.use}" if parent else command.use


def _plural(count: int) -> str:
    return "" if count == 1 else "s"
