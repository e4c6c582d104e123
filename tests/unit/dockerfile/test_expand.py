"""Variables and quotes, as the classic builder and BuildKit read them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.dockerfile.expand import MAX_LENGTH, expand, expand_raw, expand_words
from boxship.errors import InvalidArgument

ENVIRONMENT = {
    "A": "value",
    "EMPTY": "",
    "PATH_": "/usr/local/lib/a.tar.gz",
    "SPACES": "a b  c",
    "LINES": "ab\nab",
    "NAME_1": "n",
    "é": "accent",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A", "value"),
        ("${A}", "value"),
        ("$A$A", "valuevalue"),
        ("x${A}y", "xvaluey"),
        ("$Ay", ""),
        ("$NAME_1-", "n-"),
        ("$é", "accent"),
        ("$UNSET", ""),
        ("a$", "a$"),
        ("$.", "$."),
        ("$1A", "A"),
        ("$12A", "A"),
        ("$$", ""),
        ("$@x", "x"),
        ("\\$A", "$A"),
        ("\\\\$A", "\\value"),
        ("a\\", "a"),
        ("\\a", "a"),
        ("'$A'", "$A"),
        ("'a\\'", "a\\"),
        ('"$A"', "value"),
        ('"\\$A"', "$A"),
        ('"a\\b"', "a\\b"),
        ('"a\\"b"', 'a"b'),
        ('"it\'s"', "it's"),
        ("'say \"x\"'", 'say "x"'),
        ("a' 'b", "a b"),
        ("${A:-w}", "value"),
        ("${UNSET:-w}", "w"),
        ("${EMPTY:-w}", "w"),
        ("${EMPTY-w}", ""),
        ("${UNSET-w}", "w"),
        ("${A:+w}", "w"),
        ("${UNSET:+w}", ""),
        ("${EMPTY:+w}", ""),
        ("${EMPTY+w}", "w"),
        ("${UNSET:-${A}}", "value"),
        ("${UNSET:-'}'}", "}"),
        ('${UNSET:-"a b"}', "a b"),
        ("${A?m}", "value"),
        ("${PATH_#*/}", "usr/local/lib/a.tar.gz"),
        ("${PATH_##*/}", "a.tar.gz"),
        ("${PATH_%.*}", "/usr/local/lib/a.tar"),
        ("${PATH_%%.*}", "/usr/local/lib/a"),
        ("${PATH_#nothing}", "/usr/local/lib/a.tar.gz"),
        ("${PATH_%/?.tar.gz}", "/usr/local/lib"),
        ("${PATH_/l/L}", "/usr/Local/lib/a.tar.gz"),
        ("${PATH_//l/L}", "/usr/LocaL/Lib/a.tar.gz"),
        ("${PATH_//\\//-}", "-usr-local-lib-a.tar.gz"),
        ("${PATH_/l*/X}", "/usr/X"),
        ("${PATH_//./}", "/usr/local/lib/atargz"),
        ("${UNSET/a/b}", ""),
        ("${A#\\*}", "value"),
        ("${LINES#*b}", "\nab"),
        ("${LINES##*b}", "\nab"),
        ("${LINES//a*/x}", "x\nx"),
        ("${A//?/x}", "xxxxx"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert expand(text, ENVIRONMENT) == expected


def test_the_other_escape() -> None:
    assert expand("`$A \\x", ENVIRONMENT, "`") == "$A \\x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", ["a", "b"]),
        ("  a  b ", ["a", "b"]),
        ("$SPACES", ["a", "b", "c"]),
        ('"$SPACES"', ["a b  c"]),
        ("a\\ b", ["a b"]),
        ("x$SPACES", ["xa", "b", "c"]),
        ("$UNSET", []),
        ('""', []),
        ("80 $A", ["80", "value"]),
        ("${UNSET:-a b}", ["a", "b"]),
    ],
)
def test_words_apart(text: str, expected: list[str]) -> None:
    assert expand_words(text, ENVIRONMENT) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("'a", "unexpected end of statement while looking for matching single-quote"),
        ('"a', "unexpected end of statement while looking for matching double-quote"),
        ("${", "syntax error: missing '}'"),
        ("${}", "syntax error: bad substitution"),
        ("${{x}", "syntax error: bad substitution"),
        ("${:x}", "syntax error: bad substitution"),
        ("${A", "unsupported modifier (\ufffd) in substitution"),
        ("${A!x}", "unsupported modifier (!) in substitution"),
        ("${A:z}", "unsupported modifier (:z) in substitution"),
        ("${A:", "syntax error: missing '}'"),
        ("${A:-", "syntax error: missing '}'"),
        ("${A:-'x}", "syntax error: missing '}'"),
        ("${A/x}", "syntax error: missing '/' in ${}"),
        ("${A/x/y", "syntax error: missing '}'"),
        ("${A#\\x}", "invalid pattern (\\x) in substitution: invalid escape '\\x'"),
        ("${UNSET?}", "UNSET: is not allowed to be unset"),
        ("${EMPTY:?}", "EMPTY: is not allowed to be empty"),
        ("${UNSET:?say it}", "UNSET: say it"),
    ],
)
def test_what_is_wrong_is_said_in_dockers_words(text: str, complaint: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        expand(text, ENVIRONMENT)
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert str(raised.value) == f'failed to process "{quoted}": {complaint}'


def test_nothing_grows_without_end() -> None:
    big = {"B": "x" * 100_000}
    for text in ("$B" * 20, "${B//x/$B}", "${B//x/${B//x/$B}}"):
        with pytest.raises(InvalidArgument, match="too long"):
            expand(text, big)


def test_nesting_has_an_end() -> None:
    with pytest.raises(InvalidArgument, match="nested too deeply"):
        expand("${A:+" * 5000 + "}" * 5000, ENVIRONMENT)


@pytest.mark.parametrize("form", ["${V#%s}", "${V##%s}", "${V%%%s}", "${V%%%%%s}", "${V//%s/y}"])
def test_hostile_patterns_end_soon(form: str) -> None:
    started = time.monotonic()
    expand(form % ("*a" * 200 + "b"), {"V": "a" * 20_000})
    assert time.monotonic() - started < 2


@given(st.text(alphabet="ab$\\{}'\":-+?#%/*A \n", max_size=30))
def test_any_text_expands_or_is_refused(text: str) -> None:
    try:
        result = expand(text, ENVIRONMENT)
    except InvalidArgument:
        return
    assert len(result) <= MAX_LENGTH


@given(st.text(max_size=50))
def test_single_quotes_keep_everything(text: str) -> None:
    quoted = "'" + text.replace("'", "'\"'\"'") + "'"
    assert expand(quoted, ENVIRONMENT) == text


def test_here_documents_keep_their_quotes() -> None:
    text = "it's \"$A\" \\$A ${UNSET:-'x'}\n"
    assert expand_raw(text, ENVIRONMENT) == "it's \"value\" $A 'x'\n"
