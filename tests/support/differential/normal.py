"""Takes out of an answer what differs between any two runs: ids, times, addresses, paths, versions."""

import re
from collections.abc import Callable, Iterable
from typing import Any

TIME = re.compile(
    r"\b(?!0001-01-01)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d)( [A-Z]+)?)?"
)
A_WHILE = re.compile(
    r"\b(Less than a second|About an? (minute|hour)|\d+ (second|minute|hour|day)s?)( ago)?\b"
)
MAC = re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b")
IPV4 = re.compile(r"(?<![\d.])(?!127\.0\.0\.1|0\.0\.0\.0|255\.)(\d{1,3}\.){3}\d{1,3}(?![\d.])")
HEX64 = re.compile(r"\b[0-9a-f]{64}\b")
HEX12 = re.compile(r"\b[0-9a-f]{12}\b")  # now and then one has no letter
UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")

NUMBERS = frozenset(
    {"time", "timeNano", "Created", "Pid", "CreatedAt", "LastUsedAt", "execDuration"}
)
"""Fields with numbers that are never the same twice, unless they are zero."""

UNORDERED = frozenset({"Links", "Mounts", "Ports", "Volumes"})
"""Lists that Docker makes of Go's maps, in any order."""
OURS = {"Runtime": ("runc", "crun"), "DefaultRuntime": ("runc", "crun")}
"""What we call otherwise."""
OF_THE_HOST = frozenset({"IPPrefixLen", "GlobalIPv6PrefixLen"})


class Normaliser:
    """Of one case on one engine: the same id gets the same name at each mention."""

    def __init__(self, prefixes: tuple[str, ...], roots: dict[str, str]) -> None:
        self._prefixes = re.compile("|".join(prefixes))
        self._names = re.compile(rf"(?:{self._prefixes.pattern})-([a-z0-9]+)")
        self._roots = sorted(roots.items(), key=lambda root: -len(root[0]))
        self._ids: dict[str, str] = {}

    def text(self, text: str) -> str:
        """A text without what is of this run only."""
        text = self._prefixes.sub("<prefix>", self._names.sub(r"<\1>", text))
        for path, name in self._roots:
            text = text.replace(path, name)
        text = UUID.sub("<uuid>", text)
        text = HEX64.sub(lambda found: self._named(found[0]), text)
        for known, name in self._ids.items():
            text = text.replace(known[:12], f"{name}[:12]")
        text = HEX12.sub("<hex12>", text)
        text = TIME.sub(lambda found: "<time.n>" if found[1] else "<time>", text)
        text = MAC.sub("<mac>", A_WHILE.sub("<a while>", text))
        return IPV4.sub("<ip>", text)

    def _named(self, identity: str) -> str:
        return self._ids.setdefault(identity, f"<id{len(self._ids) + 1}>")

    def table(self, text: str) -> str:
        """A command's output: columns are as wide as what stands in them."""
        lines = (re.sub(r" {2,}", "  ", self.text(line)).rstrip() for line in text.split("\n"))
        return "\n".join(lines)

    def value(self, value: Any, key: str = "") -> Any:
        """A JSON value likewise."""
        match value:
            case dict() if key == "GraphDriver":
                return {"Name": value["Name"], "Data": sorted(value["Data"] or ())}
            case dict():
                return {self.text(name): self.value(item, name) for name, item in value.items()}
            case list():
                items = [self.value(item, key) for item in value]
                is_changes = (
                    items and isinstance(items[0], dict) and set(items[0]) == {"Path", "Kind"}
                )
                return sorted(items, key=repr) if key in UNORDERED or is_changes else items
            case str() if key == "Processes":
                return re.sub(r"\d+", "#", value)
            case str():
                return self._string(value, key)
            case int() | float() if value and key in NUMBERS | OF_THE_HOST:
                return "<number>"
            case _:
                return value

    def _string(self, value: str, key: str) -> str:
        if value in OURS.get(key, ()):
            return f"<{key.lower()}>"
        return "<number>" if key in NUMBERS and value.isdecimal() else self.text(value)


def shape(value: Any) -> Any:
    """Names and types only; the rows of a list are taken together, however many there are."""
    match value:
        case dict():
            return {name: shape(item) for name, item in value.items()}
        case list() if value and all(isinstance(item, dict) for item in value):
            names = list(dict.fromkeys(name for row in value for name in row))
            return [{name: _kinds(row[name] for row in value if name in row) for name in names}]
        case list():
            kinds: list[Any] = []
            for item in map(shape, value):
                if item not in kinds:
                    kinds.append(item)
            return sorted(kinds, key=repr)
        case _:
            return _kind(value)


def _kinds(values: Iterable[Any]) -> str:
    """What a field is in the rows that have it; null only if it is nothing else."""
    kinds = {"<string>" if value == "" else _kind(value) for value in values}
    return "|".join(sorted(kind for kind in kinds if kind)) or "<null>"


def _kind(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "<bool>"
        case int() | float():
            return "<number>"
        case str():
            return "<string>" if value else ""
        case _:
            return f"<{type(value).__name__}>"


def differences(theirs: Any, ours: Any, where: str = "") -> list[tuple[str, Any, Any]]:
    """Where two normalised values differ: path, their value, ours."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = _each(list({**theirs, **ours}), theirs.get, ours.get, where)
        common = [
            [key for key in one if key in other] for one, other in ((theirs, ours), (ours, theirs))
        ]
        if common[0] != common[1]:
            found.append((f"{where}/#order", common[0], common[1]))
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        keys = list(range(max(len(theirs), len(ours))))
        return _each(keys, dict(enumerate(theirs)).get, dict(enumerate(ours)).get, where)
    if type(theirs) is type(ours) and theirs == ours:
        return []
    return [(where, theirs, ours)]


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


def _each(
    keys: list[Any],
    theirs: Callable[[Any, Any], Any],
    ours: Callable[[Any, Any], Any],
    where: str,
) -> list[tuple[str, Any, Any]]:
    return [
        difference
        for key in keys
        for difference in differences(theirs(key, ABSENT), ours(key, ABSENT), f"{where}/{key}")
    ]
