"""Every command and flag that the completion table names exists, and every command is in it."""

from boxship.cli.completion import lists, table
from boxship.cli.completion.sources import _ANSWERS
from boxship.cli.completion.table import argument_source, flag_source
from boxship.cli.global_flags import GLOBAL
from boxship.cli.tree import GROUPS, VERBS, load

COMMANDS = {name: load(entry) for name, entry in VERBS.items()} | {
    f"{noun} {name}": load(entry)
    for noun, group in GROUPS.items()
    for name, entry in group.commands.items()
}
SOURCES = {*_ANSWERS, *lists.FIXED, *lists.POSTFIXED}


def test_every_command_says_what_completes_its_arguments() -> None:
    assert [path for path in COMMANDS if argument_source(path) not in SOURCES] == []


def test_every_flag_is_completed_by_a_source_or_by_the_shell() -> None:
    for path, command in (("", GLOBAL), *COMMANDS.items()):
        for flag in command.flags:
            assert flag_source(path, flag.name) in {"", *SOURCES}, (path, flag.name)


def test_the_table_names_nothing_that_is_not_there() -> None:
    assert set(table.BELOW_GROUPS) <= set(COMMANDS)
    assert set(table.GLOBAL_FLAGS) <= {flag.name for flag in GLOBAL.flags}
    assert set(table.OF_NEW_CONTAINERS) <= {flag.name for flag in COMMANDS["run"].flags}
    for verb, flags in table.FLAGS.items():
        assert set(flags) <= {flag.name for flag in COMMANDS[verb].flags}
