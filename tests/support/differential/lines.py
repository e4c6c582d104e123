"""Tables of command lines as text: a line is a case, `;;` stands between its commands."""

import shlex

from support.differential.steps import Case, Look, Step, case, cli

STEPS = " ;; "


def cases(text: str, *, slow: bool = False) -> list[Case]:
    """A case a line, named by it; `!` before a command: only its exit code counts, `~`: it sets the scene."""
    lines = [line.strip() for line in text.splitlines()]
    return [
        case(line, *(step(part) for part in line.split(STEPS)), slow=slow)
        for line in lines
        if line and not line.startswith("#")
    ]


def step(text: str) -> Step:
    """One command line, quoted as for a shell, without the program; `A=1 cmd` sets variables."""
    text = text.strip()
    look = {"!": Look.STATUS, "~": Look.NOTHING}.get(text[:1], Look.ALL)
    words = shlex.split(text.lstrip("!~"))
    stdin = b""
    if words[-1].startswith("<<<"):
        stdin = words.pop()[3:].encode().decode("unicode_escape").encode("latin-1")
    environment = {}
    while words and words[0].partition("=")[0].isidentifier() and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    return cli(*words, stdin=stdin, environment=environment, look=look)
