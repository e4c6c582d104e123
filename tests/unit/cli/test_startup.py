"""Start-up time is designed: what a listing must not import, and what no verb may break."""

import subprocess
import sys
from pathlib import Path

import pytest

from boxship.cli.flags import Command
from boxship.cli.global_flags import GLOBAL
from boxship.cli.tree import COMMON, GROUPS, VERBS, load
from boxship.cli.usage import command_help, top_help

HEAVY = [
    "re",
    "json",
    "asyncio",
    "dataclasses",
    "argparse",
    "typing",
    "socket",
    "pathlib",
    "subprocess",
    "logging",
    "msgspec",
    "enum",
    "http.client",
    "ssl",
]
SOURCE = Path(__file__).parents[3] / "src"
SCRIPT = """
import sys
from boxship.cli.main import run
run(["-H", "unix:///nonexistent/socket", "ps"])
print(" ".join(sys.modules), file=sys.stderr)
"""


def test_ps_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT],
        env={"PYTHONPATH": str(SOURCE), "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    message, modules = done.stderr.splitlines()
    assert message.startswith("Cannot connect to the Boxship daemon at unix:///nonexistent/socket")
    assert set(modules.split()) & set(HEAVY) == set()


def entries() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = list(VERBS.items())
    for noun, group in GROUPS.items():
        found += [(f"{noun} {name}", entry) for name, entry in group.commands.items()]
    return found


@pytest.mark.parametrize(("path", "entry"), entries(), ids=[path for path, _ in entries()])
def test_every_command_loads_and_explains_itself(path: str, entry: object) -> None:
    command = load(entry)  # type: ignore[arg-type]
    assert isinstance(command, Command)
    assert command_help(command, path, "short").startswith(
        f"Usage:  boxship {path.split(maxsplit=1)[0]}"
    )
    names = [flag.name for flag in command.flags]
    shorts = [flag.short for flag in command.flags if flag.short]
    assert len(set(names)) == len(names)
    assert len(set(shorts)) == len(shorts)


def test_the_first_page_lists_every_command() -> None:
    page = top_help(GLOBAL.flags)
    assert set(COMMON) <= set(VERBS)
    for name, hidden in [
        *((name, entry.hidden) for name, entry in VERBS.items()),
        *((name, group.hidden) for name, group in GROUPS.items()),
    ]:
        assert (f"\n  {name:<11} " in page) is not hidden
