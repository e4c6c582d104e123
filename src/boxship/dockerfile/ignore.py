"""`.dockerignore`: which paths of a context stay out (moby/patternmatcher)."""

import posixpath
from collections.abc import Iterable, Sequence
from typing import Final

from boxship.dockerfile.glob import Glob
from boxship.errors import InvalidArgument

MAX_PATTERNS: Final = 10_000


def read_ignore_file(data: bytes) -> tuple[str, ...]:
    """The patterns of an ignore file, cleaned; comments and empty lines dropped."""
    patterns: list[str] = []
    for line in data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").split("\n"):
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        negated = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip()
        if pattern:
            pattern = posixpath.normpath(pattern)
            if len(pattern) > 1:
                pattern = pattern.lstrip("/")
        patterns.append("!" + pattern if negated else pattern)
    if len(patterns) > MAX_PATTERNS:
        raise InvalidArgument(f"more than {MAX_PATTERNS} patterns in the ignore file")
    return tuple(patterns)


class IgnoreMatcher:
    """Decides by patterns in order: the last that matches a path or one of its folders wins."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules: list[tuple[Glob, bool]] = []
        for pattern in patterns:
            if pattern == "!":
                raise InvalidArgument('illegal exclusion pattern: "!"')
            negated = pattern.startswith("!")
            self._rules.append((Glob(pattern.removeprefix("!"), deep=True), not negated))
        self.has_exceptions = any(not excludes for _, excludes in self._rules)

    def excluded(self, path: str) -> bool:
        """Whether *path*, relative and with slashes, stays out."""
        above: list[bool] = []
        result = False
        for end in (*(at for at, character in enumerate(path) if character == "/"), len(path)):
            above, result = self._matches(path[:end], above)
        return result

    def _matches(self, path: str, above: Sequence[bool]) -> tuple[list[bool], bool]:
        """Which rules match a path or were decisive for a folder above it; what they come to."""
        found: list[bool] = []
        result = False
        for number, (glob, excludes) in enumerate(self._rules):
            # a rule that would not change the answer is not asked, and counts as no match further down
            match = bool(above and above[number]) or (result is not excludes and glob.matches(path))
            found.append(match)
            if match:
                result = excludes
        return found, result
