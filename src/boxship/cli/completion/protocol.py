"""`boxship __complete WORD…`: one candidate a line, then `:directive`, as cobra's programs answer."""

import sys
from os import environ

from boxship.cli.completion import REQUESTS
from boxship.cli.completion.sources import Sources
from boxship.cli.completion.table import argument_source, flag_source
from boxship.cli.completion.words import (
    DEFAULT,
    ERROR,
    NO_FILES,
    Place,
    Unfit,
    Wanted,
    directive_name,
    find,
    first_line,
    flag_names,
)
from boxship.cli.flags import parse_bool
from boxship.errors import BoxshipError


def answer(request: str, words: "list[str]") -> int:
    """Print what the last of *words* may become."""
    described = request == REQUESTS[0] and _descriptions_wanted()
    try:
        candidates, directive = complete(words)
    except Unfit as error:
        sys.stderr.write(f"[Error] {error}\n")
        candidates, directive = [], DEFAULT
    for candidate in candidates:
        text = candidate if described else candidate.partition("\t")[0]
        sys.stdout.write(first_line(text).strip() + "\n")
    sys.stdout.write(f":{directive}\n")
    sys.stdout.flush()
    sys.stderr.write(f"Completion ended with directive: {directive_name(directive)}\n")
    return 0


def _descriptions_wanted() -> bool:
    """Cobra's switches for all its programs, and for this one."""
    said = environ.get("BOXSHIP_COMPLETION_DESCRIPTIONS") or environ.get(
        "COBRA_COMPLETION_DESCRIPTIONS", ""
    )
    try:
        return parse_bool(said)
    except ValueError:
        return True


def complete(words: "list[str]") -> "tuple[list[str], int]":
    """The candidates for the last word, and what the shell does with them; raise Unfit."""
    place = find(words[:-1])
    wanted = Wanted(place, words[-1])
    if wanted.helped:
        return [], NO_FILES
    if (
        wanted.flag is None
        and wanted.flags_possible
        and wanted.last.startswith("-")
        and "=" not in wanted.last
    ):
        return flag_names(place.command, wanted.options, wanted.last), NO_FILES
    sources = Sources(place, wanted)
    if wanted.flag is not None:
        source = flag_source(place.path, wanted.flag.name)
        return _asked(sources, source) if source else ([], DEFAULT)
    if not wanted.options.args and place.children:
        return _children(place, wanted.last), NO_FILES
    source = argument_source(place.path) if place.entry is not None else ""
    return _asked(sources, source) if source else ([], DEFAULT)


def _asked(sources: Sources, source: str) -> "tuple[list[str], int]":
    try:
        return sources.ask(source)
    except (BoxshipError, OSError):
        return [], ERROR  # no daemon: the shell stays silent


def _children(place: Place, last: str) -> "list[str]":
    return [
        f"{name}\t{child.short}"
        for name, child in sorted(place.children.items())
        if name.startswith(last) and not child.hidden
    ]
