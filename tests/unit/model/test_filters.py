"""Filters select as Docker's do."""

import pytest

from boxship.errors import InvalidArgument
from boxship.model.filters import Filters


def test_unknown_filter_is_refused_in_dockers_words() -> None:
    with pytest.raises(InvalidArgument, match="invalid filter 'color'"):
        Filters({"color": ("red",)}).validate(["label"])


def test_every_label_must_be_there() -> None:
    filters = Filters({"label": ("a=1", "b")})
    assert filters.labels({"a": "1", "b": "x"})
    assert not filters.labels({"a": "2", "b": "x"})
    assert not filters.labels({"a": "1"})
    assert not filters.labels(None)


def test_values_of_one_name_are_alternatives() -> None:
    filters = Filters({"name": ("web", "^db$")})
    assert filters.search("name", "my-web-1")
    assert filters.search("name", "db")
    assert not filters.search("name", "cache")
    assert filters.fuzzy("name", "web-1")
    assert not filters.fuzzy("name", "my-web-1")


def test_a_broken_pattern_matches_nothing() -> None:
    assert not Filters({"name": ("(",)}).search("name", "web")


@pytest.mark.parametrize(("value", "meant"), [("true", True), ("1", True), ("0", False)])
def test_flags(value: str, *, meant: bool) -> None:
    assert Filters({"dangling": (value,)}).flag("dangling", default=not meant) is meant


def test_a_flag_that_is_neither_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid filter 'dangling=\[maybe\]'$"):
        Filters({"dangling": ("maybe",)}).flag("dangling", default=False)
    with pytest.raises(InvalidArgument, match=r"^invalid filter 'dangling'$"):
        Filters({"dangling": ()}).flag("dangling", default=False)
