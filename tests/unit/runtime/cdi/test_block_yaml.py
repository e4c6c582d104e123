from typing import Any

import pytest

from boxship.runtime.cdi.block_yaml import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("--- \na: 1\n", {"a": 1}),
        ("a:\n- 1\n- x # why\nb: null", {"a": [1, "x"], "b": None}),
        ("a:\n  - b: 1\n    c: two\n  - - 3\n    - 4\n", {"a": [{"b": 1, "c": "two"}, [3, 4]]}),
        ("-\n  a: 1\n-\n", [{"a": 1}, None]),
        ("k: \"x: \\\"y\\\" # z\"\nq: 'it''s'\np: a#b", {"k": 'x: "y" # z', "q": "it's", "p": "a#b"}),
        ("f: [ro, 'a, b', {x: 1, y: [2]}]", {"f": ["ro", "a, b", {"x": 1, "y": [2]}]}),
        ("e: {}\ns: []", {"e": {}, "s": []}),
        ("m: 0x1F\nn: -5\nt: true\nv: 0.5.0\nw: /dev/a:b", {"m": 31, "n": -5, "t": True, "v": "0.5.0", "w": "/dev/a:b"}),
        ('"quoted key": x', {"quoted key": "x"}),
        ("args:\n- --link\n- ../x::/y", {"args": ["--link", "../x::/y"]}),
    ],
)  # fmt: skip
def test_what_generators_write_is_read(text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1",
        "a: *x",
        "a: !!python/object:os.system x",
        "a: |\n  text",
        "a: 1\n   b: 2",
        "a: 1\na: 2",
        "a: 'x",
        'a: "x',
        "a: [1, 2",
        "a: {x: 1",
        "a: [1] 2",
        "\ta: 1",
        "- " * 200 + "x",
        "a: " + "[" * 200,
    ],
)
def test_what_they_do_not_write_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line "):
        parse(text)
