"""docs/reference/cli.md knows every verb and every flag."""

from pathlib import Path

from boxship.cli.global_flags import GLOBAL
from boxship.cli.tree import GROUPS, VERBS, load

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text()


def test_every_verb_and_flag_is_on_the_page() -> None:
    commands = [("", GLOBAL), *((name, load(entry)) for name, entry in VERBS.items())]
    for noun, group in GROUPS.items():
        commands += [(f"{noun} {name}", load(entry)) for name, entry in group.commands.items()]
    for name, command in commands:
        for flag in command.flags:
            if not flag.hidden and flag.name != "help":
                assert f"`--{flag.name}`" in PAGE, f"{name} --{flag.name}"
    for name in VERBS:
        assert f"\n### {name}\n" in PAGE
