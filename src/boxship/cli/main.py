"""Entry point of `boxship`: global flags, then the verb's module, and errors to exit codes."""

import sys

from boxship.cli import PROGRAM
from boxship.cli.flags import (
    ArityError,
    Command,
    HelpWanted,
    UsageError,
    check_arity,
    parse,
    usage_of,
)
from boxship.cli.global_flags import GLOBAL, no_command
from boxship.cli.tree import GROUPS, VERBS, load
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.cli.tree import Entry

USAGE_STATUS = 125
SPECIAL = frozenset(("help", "__complete", "__completeNoDesc"))
LOG_LEVELS = ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace")


class Exit(BoxshipError):
    """Ends the program with a status; the text is printed if there is one."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status


def main() -> None:
    """Run the command line and exit."""
    from os import _exit

    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        # whatever the locale says, as Docker's CLI; file names may hold any bytes
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    try:
        status = run(sys.argv[1:])
    except Exception:  # noqa: BLE001 - the last resort: whatever gets here is a bug of ours
        from traceback import print_exc

        print_exc()
        say(f"{PROGRAM}: this is a bug of Boxship; please report it with the lines above")
        status = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        _exit(status or 141)
    # the kernel frees faster than the interpreter's teardown, which is a tenth of `ps`
    _exit(status)


def _open_missing_streams() -> None:
    """A closed standard stream would be taken by the next socket: put /dev/null in its place."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            # the lowest free descriptor is this stream's own, for those before it are open
            setattr(sys, name, open("/dev/null", "r" if name == "stdin" else "w"))  # noqa: SIM115


def run(argv: "list[str]") -> int:
    """Run one command line; the exit status."""
    try:
        return _dispatch(argv)
    except UsageError as error:
        name = f"{PROGRAM} {error.path}".strip()
        usage = usage_of(error.command or GLOBAL, error.path)
        say(f"{error}\n\nUsage:  {PROGRAM} {usage}\n\nRun '{name} --help' for more information")
        return USAGE_STATUS
    except ArityError as error:
        say(str(error))
        return 1
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        return 130
    except BoxshipError as error:
        status = getattr(error, "exit_status", 1)
        if isinstance(error, Exit):
            status = error.status
        if str(error):
            say(str(error))
        if error.hint:
            say(error.hint)
        return status
    except OSError as error:
        say(_os_text(error))
        return 1


def _os_text(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{(error.strerror or str(error)).lower()}"


def say(text: str) -> None:
    """A line on stderr, behind what stdout has so far."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")


def _dispatch(argv: "list[str]") -> int:
    try:
        top = parse(GLOBAL, argv)
    except HelpWanted:
        return _show_top()
    if top.log_level not in LOG_LEVELS:
        raise Exit(1, f"Unable to parse logging level: {top.log_level}")
    if top.version:
        from boxship.cli.version import version_line

        sys.stdout.write(version_line())
        return 0
    words = top.args
    if not words:
        return _show_top()
    if words[0] in SPECIAL:
        return _special(words)
    try:
        path, entry, rest = _find(words)
    except HelpWanted:
        return _show_top()
    if entry is None:
        return _show_group(path, bare=not rest)
    command = load(entry)
    try:
        options = parse(command, rest, path)
    except HelpWanted:
        return _show(command, path, entry)
    check_arity(command, options, path)
    from boxship.cli.running import Context

    context = Context(top, path)
    try:
        return command.run(context, options) or 0
    finally:
        context.close()


def _special(words: "list[str]") -> int:
    if words[0] == "help":
        return _help(words[1:])
    return _complete(words[0], words[1:])


def _complete(request: str, words: "list[str]") -> int:
    """What the shells' completion scripts ask for."""
    if not words:
        raise Exit(1, "requires at least 1 arg(s), only received 0")
    from boxship.cli.completion.protocol import answer

    return answer(request, words)


def _find(words: "list[str]") -> "tuple[str, Entry | None, list[str]]":
    """The command that *words* begin with: its path, its entry (None: a bare group), the rest."""
    name = words[0]
    if name in VERBS:
        return name, VERBS[name], words[1:]
    group = GROUPS.get(name)
    if group is None:
        if name.startswith("-"):
            raise UsageError(f"unknown flag: {name}")
        if "--help" in words:
            raise HelpWanted
        raise Exit(
            1,
            f"{PROGRAM}: unknown command: {PROGRAM} {name}\n\n"
            f"Run '{PROGRAM} --help' for more information",
        )
    rest = words[1:2]
    if not rest or rest[0] in {"--help", "-h"}:
        return name, None, rest
    verb = group.aliases.get(rest[0], rest[0])
    if verb not in group.commands:
        if verb.startswith("-"):
            raise UsageError(f"unknown flag: {verb}", _bare(name), name)
        if "--help" in words:
            return name, None, words[2:]
        raise Exit(
            1,
            f"{PROGRAM}: unknown command: {PROGRAM} {name} {rest[0]}\n\n"
            f"Usage:  {PROGRAM} {name}{' COMMAND' if name == 'volume' else ''}\n\nRun '{PROGRAM} {name} --help' for more information",
        )
    return f"{name} {verb}", group.commands[verb], words[2:]


def _bare(name: str) -> Command:
    return Command(f"{name} COMMAND", no_command)


def _show_top() -> int:
    from boxship.cli import usage

    usage.write(usage.top_help(GLOBAL.flags))
    return 0


def _show_group(name: str, *, bare: bool = False) -> int:
    """The page of a group; on stderr where a verb is missing."""
    from boxship.cli import usage

    (sys.stderr if bare else sys.stdout).write(usage.group_help(GROUPS[name], name))
    return 0


def _show(command: Command, path: str, entry: "Entry") -> int:
    from boxship.cli import usage

    usage.write(usage.command_help(command, path, entry.short))
    return 0


def _help(words: "list[str]") -> int:
    """`boxship help VERB`."""
    if not words:
        return _show_top()
    try:
        path, entry, _ = _find(words)
    except (Exit, UsageError, HelpWanted):
        raise Exit(1, f"unknown help topic: {' '.join(words)}") from None
    if entry is None:
        return _show_group(path)
    return _show(load(entry), path, entry)


if __name__ == "__main__":
    main()
