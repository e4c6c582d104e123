"""Query strings as Go reads them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.errors import InvalidArgument
from boxship.http.query import Query, unescape


def test_the_first_value_counts() -> None:
    query = Query("a=1&a=2&b=x+y%20z&c")
    assert (query.text("a"), query.all("a"), query.text("b")) == ("1", ["1", "2"], "x y z")
    assert "c" in query
    assert query.text("d", "default") == "default"


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("", False),
        ("0", False),
        ("no", False),
        ("False", False),
        (" none ", False),
        ("1", True),
        ("x", True),
        ("2", True),
    ],
)
def test_dockers_truth(text: str, *, truth: bool) -> None:
    assert Query(f"f={text.replace(' ', '+')}").flag("f") is truth


def test_an_absent_flag_has_its_default() -> None:
    assert Query("").flag("f", default=True)
    assert not Query("f=").flag("f", default=True)


@pytest.mark.parametrize(
    ("text", "bad"), [("%zz", "%zz"), ("a%", "%"), ("%4", "%4"), ("%é1", "%é1")]
)
def test_broken_escapes(text: str, bad: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        unescape(text)
    assert str(caught.value) == f'invalid URL escape "{bad}"'


def test_semicolons_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="invalid semicolon separator in query"):
        Query("a=1;b=2")


def test_a_bomb_of_parameters_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="too many"):
        Query("&" * 20_000)


@given(st.text(max_size=50))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgument):
        Query(text)
