"""Which command the words name, what has been said, and what the last word may become.

The rules and the answer's form are those of cobra's `__complete`, which every docker user's shell knows.
"""

from boxship.cli.flags import Command, Flag, HelpWanted, Options, UsageError, parse
from boxship.cli.global_flags import GLOBAL
from boxship.cli.tree import GROUPS, VERBS, Group, load
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.cli.tree import Entry

DEFAULT = 0  # the shell may offer file names
ERROR = 1
NO_SPACE = 2
NO_FILES = 4
ONLY_FOLDERS = 16

_NAMES = (
    (ERROR, "ShellCompDirectiveError"),
    (NO_SPACE, "ShellCompDirectiveNoSpace"),
    (NO_FILES, "ShellCompDirectiveNoFileComp"),
    (ONLY_FOLDERS, "ShellCompDirectiveFilterDirs"),
)


def directive_name(directive: int) -> str:
    """What a directive is called, for people who debug their shell."""
    named = ", ".join(name for bit, name in _NAMES if directive & bit)
    return named or "ShellCompDirectiveDefault"


class Unfit(BoxshipError):
    """The words make no command: nothing can follow them."""


class Place:
    """A node of the command tree, the words behind it, and the global flags before it."""

    def __init__(self, top: Options) -> None:
        self.top = top
        self.path = ""
        self.group: Group | None = None
        self.entry: Entry | None = None
        self.command = GLOBAL
        self.words: list[str] = []

    @property
    def children(self) -> "dict[str, Entry | Group]":
        """The names that may follow."""
        if self.group is not None:
            return {**self.group.commands}
        return {} if self.entry is not None else {**VERBS, **GROUPS}


def find(words: "list[str]") -> Place:
    """The deepest command that *words* name; raise Unfit."""
    before, words = _before_command(words, GLOBAL)
    if not words or (words[0] not in VERBS and words[0] not in GROUPS):
        place = Place(parse(GLOBAL, []))  # a flag may still lack its value
        place.words = before + words
        return place
    place = Place(_parsed(GLOBAL, before))
    place.path = words[0]
    if words[0] in VERBS:
        place.entry = VERBS[words[0]]
    else:
        place.group = GROUPS[words[0]]
        place.command = Command(f"{words[0]} COMMAND", _nothing, args=(0, 1 << 30))
        verb = place.group.aliases.get(words[1], words[1]) if len(words) > 1 else ""
        if verb in place.group.commands:
            place.entry = place.group.commands[verb]
            place.path += f" {verb}"
            words = words[1:]
            place.group = None
    place.words = words[1:]
    if place.entry is not None:
        place.command = load(place.entry)
    return place


def _nothing(_context: object, _options: Options) -> None:
    """A group runs nothing."""


def _parsed(command: Command, words: "list[str]") -> Options:
    try:
        return parse(command, words)
    except (UsageError, HelpWanted) as error:
        raise Unfit(str(error)) from None


def _before_command(words: "list[str]", command: Command) -> "tuple[list[str], list[str]]":
    """The flags that stand before the first word that is not one, and the rest."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if _takes_next(words[index], command) else 1
    return words[:index], words[index:]


def _takes_next(word: str, command: Command) -> bool:
    if "=" in word:
        return False
    flag = flag_of(word, command)
    return flag is not None and flag.kind != "bool"


def flag_of(word: str, command: Command) -> Flag | None:
    """The flag that *word* ends with: `--name`, or the last letter of `-itv`."""
    if word.startswith("--"):
        return next((flag for flag in command.flags if flag.name == word[2:]), None)
    return next((flag for flag in command.flags if flag.short and flag.short == word[-1]), None)


def is_flag(word: str) -> bool:
    """Whether the shell's user has begun to write a flag there."""
    return (word.startswith("--") and len(word) > 2) or (
        word.startswith("-") and len(word) > 1 and word[1] != "-"
    )


class Wanted:
    """What is to be completed: *flag*'s value, or else an argument or a flag's name."""

    def __init__(self, place: Place, last: str) -> None:
        self.place = place
        self.last = last
        self.flag: Flag | None = None
        words, missing = self._take_flag(list(place.words))
        self.options, self.helped = self._parsed(words)
        # not behind `--`, nor behind an argument from which on all belongs to another program
        self.flags_possible = len(self._parsed([*words, "--"])[0].args) == len(self.options.args)
        if not self.flags_possible:
            self.flag, self.last = None, last
        elif missing and self.flag is None:
            name = place.path.rpartition(" ")[2]
            raise Unfit(f"Subcommand '{name}' does not support flag '{missing.lstrip('-')}'")

    def _take_flag(self, words: "list[str]") -> "tuple[list[str], str]":
        """Find the flag whose value is being written; the words before it, and its name."""
        command = self.place.command
        if self.last.startswith("-"):
            name, equals, value = self.last.partition("=")
            if not equals:
                return words, ""
            self.flag = flag_of(name, command)
            if self.flag is not None:
                self.last = value
            return words, name
        if not words or not is_flag(words[-1]) or "=" in words[-1]:
            return words, ""
        flag = flag_of(words[-1], command)
        if words[-1] == "--help" or (flag is not None and flag.kind == "bool"):
            return words, ""  # takes no value: an argument follows
        self.flag = flag
        return (words if flag is None else words[:-1]), words[-1]

    def _parsed(self, words: "list[str]") -> "tuple[Options, bool]":
        try:
            return parse(self.place.command, words), False
        except HelpWanted:
            own = any(flag.name == "help" for flag in self.place.command.flags)
            return parse(self.place.command, []), not own
        except UsageError as error:
            said = f"Error while parsing flags from args [{' '.join(words)}]: {error}"
            raise Unfit(said) from None


def flag_names(command: Command, options: Options, last: str) -> "list[str]":
    """The flags that may still be given, long and short."""
    left = [
        flag
        for flag in sorted(command.flags, key=lambda flag: flag.name)
        if not flag.hidden
        and (flag.key not in options.changed or flag.kind in {"strings", "stringArray"})
    ]
    return [
        f"{name}\t{first_line(flag.help)}"
        for flag in left
        for name in (f"--{flag.name}", f"-{flag.short}" if flag.short else "")
        if name and name.startswith(last)
    ]


def first_line(text: str) -> str:
    """A description on one line."""
    return text.partition("\n")[0]
