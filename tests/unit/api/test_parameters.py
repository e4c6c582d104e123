"""Parameters of the query."""

import re
from urllib.parse import quote

import pytest

from boxship.api.docker import parameters
from boxship.errors import InvalidArgument
from boxship.http.query import Query

MAP = '{"x":"y","z":null}'
LIST = '["x"]'


def test_filters_in_both_forms() -> None:
    for text in ('{"label":["a","b"]}', '{"label":{"a":true,"b":true}}'):
        found = parameters.filters(Query(f"filters={quote(text)}"))
        assert found.get("label") == ("a", "b")
    assert parameters.filters(Query("")).values == {}
    assert parameters.filters(Query("filters=null")).values == {}


@pytest.mark.parametrize(
    "text", ["x", "[]", "1", '{"a":1}', '{"a":[1]}', '{"a":{"b":1}}', '{"a":"b"}', "{" * 99999]
)
def test_bad_filters(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid filter"):
        parameters.filters(Query(f"filters={quote(text)}"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("1", 10**9),
        ("1.5", 1_500_000_000),
        ("1.000000001", 10**9 + 1),
        ("1.0000000019", 10**9 + 1),
        ("0", 0),
    ],
)
def test_timestamps(text: str, expected: int | None) -> None:
    assert parameters.timestamp_ns(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "invalid syntax"),
        ("1e9", "invalid syntax"),
        ("9" * 30, "out of range"),
        ("9" * 15, "out of range"),
    ],
)
def test_bad_timestamps(text: str, words: str) -> None:
    with pytest.raises(parameters.NotANumber, match=words):
        parameters.timestamp_ns(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "syntax"),
        ("+1", "syntax"),
        ("x", "syntax"),
        ("-100", "out of range"),
        ("4294967296", "out of range"),
    ],
)
def test_bad_sizes_of_a_terminal(text: str, words: str) -> None:
    with pytest.raises(
        InvalidArgument, match=f'^invalid resize height "{re.escape(text)}": .*{words}$'
    ):
        parameters.size(Query(f"h={quote(text)}"), "h", "height")


def test_numbers() -> None:
    assert parameters.optional_integer(Query("t=-1"), "t") == -1
    assert parameters.optional_integer(Query("t="), "t") is None
    assert parameters.number(Query("m=x"), "m") == 0
    with pytest.raises(parameters.NotANumber, match=r'^strconv.Atoi: parsing "x": invalid syntax$'):
        parameters.optional_integer(Query("t=x"), "t")
    with pytest.raises(parameters.NotANumber, match="out of range"):
        parameters.optional_integer(Query("t=99999999999999999999"), "t")


@pytest.mark.parametrize("text", ["", "a", "-1", "+1", "1.0"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid resize height"):
        parameters.size(Query(f"h={quote(text)}"), "h", "height")


def test_json_of_builds() -> None:
    assert parameters.json_map(Query(f"a={quote(MAP)}"), "a") == {"x": "y", "z": None}
    assert parameters.json_list(Query(f"a={quote(LIST)}"), "a") == ("x",)
    for text in ("[1]", "{}x", "3", '{"a":1}'):
        with pytest.raises(InvalidArgument):
            parameters.json_list(Query(f"a={quote(text)}"), "a")
