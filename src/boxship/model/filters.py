"""Filters of list, prune and events calls: `{"label": ["a=b"], "dangling": ["true"]}`."""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from boxship.errors import InvalidArgument

TRUE = frozenset({"1", "true"})
FALSE = frozenset({"0", "false"})


class Filters(msgspec.Struct, frozen=True):
    """Values by filter name. Values of one name are alternatives, names must all match."""

    values: dict[str, tuple[str, ...]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> tuple[str, ...]:
        """The values of one filter; empty when it was not given."""
        return self.values.get(name, ())

    def validate(self, accepted: Iterable[str]) -> None:
        """Raise InvalidArgument, in Docker's words, for a filter this call does not know."""
        known = set(accepted)
        for name in self.values:
            if name not in known:
                raise InvalidArgument(f"invalid filter '{name}'" if name else "invalid filter")

    def flag(self, name: str, *, default: bool) -> bool:
        """A filter that is true or false."""
        if name not in self:
            return default
        values = self.get(name)
        is_true, is_false = not TRUE.isdisjoint(values), not FALSE.isdisjoint(values)
        if is_true == is_false:
            told = f"=[{' '.join(values)}]" if values else ""
            raise InvalidArgument(f"invalid filter '{name}{told}'")
        return is_true

    def exact(self, name: str, value: str) -> bool:
        """True when the filter has no values or this one."""
        wanted = self.get(name)
        return not wanted or value in wanted

    def search(self, name: str, value: str) -> bool:
        """True when the filter has no values, this one, or a regular expression that finds it."""
        return self.exact(name, value) or any(_search(text, value) for text in self.get(name))

    def fuzzy(self, name: str, value: str) -> bool:
        """True when the filter has no values, this one, or a prefix of it."""
        wanted = self.get(name)
        return not wanted or any(value.startswith(prefix) for prefix in wanted)

    def matches(self, name: str, test: Callable[[str], bool]) -> bool:
        """True when the filter has no values or one that passes the test."""
        wanted = self.get(name)
        return not wanted or any(map(test, wanted))

    def labels(self, labels: Mapping[str, str] | None, name: str = "label") -> bool:
        """True when every `key` or `key=value` of the filter is among the labels."""
        return all(_has_label(labels or {}, wanted) for wanted in self.get(name))


def _has_label(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


def _search(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False
