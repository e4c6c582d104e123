"""A table of routes, compiled once: static paths by dictionary, the rest by one pattern for each method.

`{name}` stands for one path segment, `{name:.*}` for any number of them (image names have slashes).
"""

import re
from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

_VARIABLE: Final = re.compile(r"\{(\w+)(:\.\*)?\}")


class Match(NamedTuple, Generic[T]):
    """What a path leads to, and the values of its variables."""

    target: T
    variables: dict[str, str]


class Router(Generic[T]):
    """Finds the target of a method and a path; the first route that fits wins."""

    def __init__(self, routes: Iterable[tuple[str, str, T]]) -> None:
        self._static: dict[tuple[str, str], T] = {}
        self._dynamic: dict[tuple[str, str], list[tuple[re.Pattern[str], T]]] = {}
        for method, template, target in routes:
            if "{" not in template:
                self._static.setdefault((method, template), target)
            else:
                first = _first_segment(template)
                key = (method, "" if "{" in first else first)
                self._dynamic.setdefault(key, []).append((_compile(template), target))

    def __repr__(self) -> str:
        return f"Router({len(self._static) + sum(map(len, self._dynamic.values()))} routes)"

    def find(self, method: str, path: str) -> Match[T] | None:
        """The route of a decoded path, or None."""
        target = self._static.get((method, path))
        if target is not None:
            return Match(target, {})
        for first in (_first_segment(path), ""):
            for pattern, dynamic in self._dynamic.get((method, first), ()):
                if found := pattern.fullmatch(path):
                    return Match(dynamic, found.groupdict())
        return None


def clean(path: str) -> str:
    """The path without `//`, `.` and `..`, as Go's path.Clean keeping a final slash."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    cleaned = "/" + "/".join(parts)
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def _first_segment(path: str) -> str:
    end = path.find("/", 1)
    return path if end < 0 else path[:end]


def _compile(template: str) -> re.Pattern[str]:
    pattern, position = "", 0
    for variable in _VARIABLE.finditer(template):
        pattern += re.escape(template[position : variable.start()])
        pattern += f"(?P<{variable[1]}>{'.*' if variable[2] else '[^/]+'})"
        position = variable.end()
    return re.compile(pattern + re.escape(template[position:]), re.DOTALL)
