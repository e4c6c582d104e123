"""Hints for mistyped words."""

from collections.abc import Iterable
from typing import Final

_TOO_FAR: Final = 3


def suggestion(word: str, known: Iterable[str]) -> str:
    """` (did you mean FROM?)` when a known word is at most two edits away, else nothing."""
    if len(word) > 100:
        return ""
    best, least = "", _TOO_FAR
    for candidate in known:
        distance = edit_distance(word, candidate)
        if distance < least:
            best, least = candidate, distance
    return f" (did you mean {best}?)" if best else ""


def edit_distance(one: str, other: str) -> int:
    """How many characters to add, drop or change (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, character in enumerate(one, 1):
        above, row = row, [number]
        for at, wanted in enumerate(other):
            change = above[at] + (character != wanted)
            row.append(min(change, above[at + 1] + 1, row[at] + 1))
    return row[-1]
