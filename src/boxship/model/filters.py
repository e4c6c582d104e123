"""Filters of list, prune and events calls: `{"label": ["a=b"], "dangling": ["true"]}`."""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from boxship.errors import InvalidArgument

TRUE = frozenset({"1", "true", "True", "TRUE", "t", "T"})
FALSE = frozenset({"0", "false", "False", "FALSE", "f", "F"})


class Filters(msgspec.Struct, frozen=True):
    """Values by filter name. Values of one name are alternatives, names must all match."""

    values: dict[str, tuple[str, ...]] = {}

    def __contains__(self, name: str) -> bool:
        return bool(self.values.get(name))

    def get(self, name: str) -> tuple[str, ...]:
        """The values of one filter; empty when it was not given."""
        return self.values.get(name, ())

    def validate(self, accepted: Iterable[str]) -> None:
        """Raise InvalidArgument, in Docker's words, for a filter this call does not know."""
        known = set(accepted)
        for name in self.values:
            if name not in known:
                raise InvalidArgument(f"invalid filter '{name}'")

    def flag(self, name: str, *, default: bool) -> bool:
        """A filter that is true or false."""
        values = set(self.get(name))
        if not values:
            return default
        if len(values) == 1:
            (value,) = values
            if value in TRUE:
                return True
            if value in FALSE:
                return False
        raise InvalidArgument(f"invalid filter '{name}=[{' '.join(self.get(name))}]'")

    def exact(self, name: str, value: str) -> bool:
        """True when the filter is absent or has exactly this value."""
        return name not in self or value in self.get(name)

    def fuzzy(self, name: str, value: str) -> bool:
        """Docker's match by prefix or regular expression, as for `name` of volumes and events."""
        return name not in self or any(
            value.startswith(pattern) or _search(pattern, value) for pattern in self.get(name)
        )

    def matches(self, name: str, test: Callable[[str], bool]) -> bool:
        """True when the filter is absent or any of its values passes the test."""
        return name not in self or any(test(value) for value in self.get(name))

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
