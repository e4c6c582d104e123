"""JSON by the C scanner, compared with the standard library's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.client.codec import BadJSON, dumps, indent, json_lines, loads

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert json.loads(dumps(value)) == value
    assert loads(dumps(value)) == value


@given(values)
def test_reading_agrees_with_json(value: Any) -> None:
    assert loads(json.dumps(value)) == value


@given(values)
def test_indenting_agrees_with_json(value: Any) -> None:
    assert indent(json.dumps(value)) == json.dumps(value, indent=4)


@pytest.mark.parametrize("text", ["", " ", "{", "[1,", "nul", '{"a"}', "]", "{'a': 1}"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadJSON):
        loads(text)


def test_html_is_escaped_on_request() -> None:
    assert dumps({"a": "<&>"}, html=True) == '{"a":"\\u003c\\u0026\\u003e"}'


@given(st.lists(values, max_size=5), st.integers(1, 9))
def test_lines_may_arrive_in_any_pieces(lines: list[Any], size: int) -> None:
    data = b"".join(json.dumps(line).encode() + b"\r\n" for line in lines)
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert list(json_lines(pieces)) == lines
