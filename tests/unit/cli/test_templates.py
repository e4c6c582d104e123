"""The subset of Go's templates, and its errors."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.cli import gofmt
from boxship.cli.template_functions import Record
from boxship.cli.template_run import parse_template, render
from boxship.cli.templates import TemplateError

DATA: dict[str, Any] = {
    "Name": "web",
    "List": ["a", "b"],
    "Map": {"x": 1, "b": {"c": True}},
    "None": None,
    "Zero": 0,
    "Yes": True,
    "Half": 0.5,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}}", "web"),
        ("{{ .Name }}-{{.Zero}}", "web-0"),
        ("{{.List}} {{.Map}} {{.Half}}", "[a b] map[b:map[c:true] x:1] 0.5"),
        ("{{.Map.b.c}}", "true"),
        ("{{json .Map}}", '{"x":1,"b":{"c":true}}'),
        ('{{json "a<b"}}', '"a<b"'),
        ("{{.None}}", "<no value>"),
        ("{{range .List}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $i, $e := .List}}{{$i}}{{$e}};{{end}}", "0a;1b;"),
        ("{{range $k, $v := .Map.b}}{{$k}}={{$v}}{{end}}", "c=true"),
        ("{{range .None}}x{{else}}empty{{end}}", "empty"),
        ('{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"),
        ('{{range .List}}{{if eq . "a"}}{{continue}}{{end}}{{.}}{{end}}', "b"),
        ("{{if .Zero}}yes{{else if .Yes}}else{{else}}no{{end}}", "else"),
        ("{{with .Map.b}}{{.c}}{{$.Name}}{{end}}", "trueweb"),
        ("{{with .None}}x{{else}}none{{end}}", "none"),
        ('{{$x := .Name}}{{$x = "b"}}{{$x}}', "b"),
        ("{{$x := 1}}{{if .Yes}}{{$x = 2}}{{end}}{{$x}}", "2"),
        (
            '{{printf "%-5s|%5s|%05d|%.2f|%t|%v" .Name .Name 42 .Half .Yes .List}}',
            "web  |  web|00042|0.50|true|[a b]",
        ),
        ('{{index .Map "x"}} {{index .List 1}} {{(index .List 0)}}', "1 b a"),
        ('{{index .Map "nosuch"}}', ""),
        ("{{len .List}} {{len .Name}} {{len .Map}}", "2 3 2"),
        ('{{join .List ","}} {{split "a,b" ","}} {{title "abc def"}}', "a,b [a b] Abc Def"),
        ('{{lower "ABC"}} {{truncate "abcdef" 3}} {{truncate "ab" 3}}', "abc abc ab"),
        ('[{{pad "x" 1 2}}] [{{pad "" 1 2}}]', "[ x  ] []"),
        (
            '{{eq .Name "x" "web"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}}',
            "true true true true false false",
        ),
        ("{{and .Yes .Zero}} {{or .Zero .Name}} {{not .Yes}}", "0 web false"),
        ("{{and .Zero .No.Such}}", "0"),
        ("a {{- .Name -}} b", "awebb"),
        ("a{{/* comment */}}b {{- /* trimmed */ -}} c", "abc"),
        ("{{println .Name 1}}", "web 1\n"),
        ("{{`raw \\n`}} {{'a'}} {{0x10}} {{1.5}} {{nil | json}}", "raw \\n 97 16 1.5 null"),
        ('{{html "<a>"}}', "&lt;a&gt;"),
        ("{{slice .Name 1 2}}", "e"),
        ("{{(print .Name).Foo | json}}", None),
    ],
)
def test_templates(template: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(TemplateError):
            render(parse_template(template), DATA)
        return
    assert render(parse_template(template), DATA) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Foo}}", 'template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"'),
        (
            "{{.Map.Foo}}",
            'template: :1:6: executing "" at <.Map.Foo>: map has no entry for key "Foo"',
        ),
        (
            "\n{{.Name.Foo}}",
            'template: :2:7: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type string',
        ),
        ("{{foo}}", 'template: :1: function "foo" not defined'),
        ("{{$x}}", 'template: :1: undefined variable "$x"'),
        ("{{.Name", "template: :1: unclosed action"),
        ("{{if .Yes}}", "template: :1: unexpected EOF"),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("{{}}", "template: :1: missing value for command"),
        ("{{range .Name}}{{end}}", None),
        ("{{index .List 7}}", None),
        ('{{"abc}}', "template: :1: unterminated quoted string"),
        ("{{len 3}}", None),
        ('{{lt 1 "a"}}', None),
        ("{{.Name 3}}", None),
    ],
)
def test_errors_are_gos(template: str, message: str | None) -> None:
    with pytest.raises(TemplateError) as caught:
        render(parse_template(template), DATA)
    if message is not None:
        assert str(caught.value) == message


def test_a_record_computes_its_fields_on_demand() -> None:
    def fail(_row: object) -> str:
        raise AssertionError

    fields = {"Name": lambda row: row["n"], "Costly": fail}
    calls = {"Label": lambda row, name: row[name]}
    record = Record({"n": "web", "l": "1"}, fields, "*formatter.Thing", calls)
    assert render(parse_template('{{.Name}} {{.Label "l"}}'), record) == "web 1"
    with pytest.raises(TemplateError, match=r"can't evaluate field Foo in type \*formatter\.Thing"):
        render(parse_template("{{.Foo}}"), record)


def test_structs_print_without_their_names() -> None:
    value = gofmt.typed(
        {
            "State": {"Status": "up", "Pid": 5},
            "Ports": {"80/tcp": [{"HostIp": "", "HostPort": "8"}]},
        }
    )
    text = render(parse_template("{{.State}} {{.Ports}}"), value)
    assert text == "{up 5} map[80/tcp:[{ 8}]]"


def test_null_prints_as_the_nil_of_its_type() -> None:
    value = gofmt.typed({"Binds": None, "Labels": None, "Init": None})
    text = render(parse_template("{{.Binds}} {{.Labels}} {{.Init}}"), value, go_types=True)
    assert text == "[] map[] <nil>"


def test_a_map_without_the_key_has_no_value_but_a_struct_is_an_error() -> None:
    value = gofmt.typed({"Labels": {"a": "b"}, "State": {"Pid": 1}})
    template = "{{.Labels.a}}{{.Labels.x}}{{.Labels.x.y}}{{json .Labels.x}}{{if .Labels.x}}y{{end}}"
    assert render(parse_template(template), value, go_types=True) == "b<no value><no value>null"
    assert (
        render(parse_template("{{.State.PID}}{{.State.Health}}"), value, go_types=True) == "1<nil>"
    )
    for bad in ("{{.State.NoSuch}}", "{{.State.Health.Status}}"):
        with pytest.raises(TemplateError, match="map has no entry for key"):
            render(parse_template(bad), value, go_types=True)


@pytest.mark.parametrize(
    "template",
    ["{{upper 3}}", "{{truncate 3 4}}", '{{join "a" ","}}', "{{upper}}", "{{index 3 4}}"],
)
def test_a_function_that_gets_the_wrong_thing_says_so(template: str) -> None:
    with pytest.raises(TemplateError, match=r"wrong|error calling"):
        render(parse_template(template), DATA)


def test_quoting_is_gos() -> None:
    assert gofmt.quoted('a"\\\n\x01é\u200b') == '"a\\"\\\\\\n\\x01é\\u200b"'


@given(st.text(alphabet="{}.$| \"'`()-Aif:=,\\0n%\n", max_size=40))
def test_any_text_is_rendered_or_refused(text: str) -> None:
    """A template from the command line never makes the program fall over."""
    with contextlib.suppress(TemplateError):
        render(parse_template(text), DATA)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('{{define "x"}}[{{.}}]{{end}}{{template "x" .a}}', "[1]"),
        ('{{block "b" .a}}<{{.}}>{{end}}', "<1>"),
        ('{{template "x" .a}}{{define "x"}}{{$}}{{end}}', "1"),
        ('{{define "x"}}a{{end}}{{template "x"}}{{template "x"}}', "aa"),
        ('{{print 1 2 "x" "y" 3}}', "1 2xy3"),
        ('{{js "a\'b<"}}', "a\\'b\\u003C"),
        ('{{urlquery "a b&c"}}', "a+b%26c"),
    ],
)
def test_templates_of_templates_and_functions(source: str, shown: str) -> None:
    assert render(parse_template(source), {"a": 1}) == shown


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (
            '{{template "x"}}',
            'template: :1:11: executing "" at <{{template "x"}}>: template "x" not defined',
        ),
        ("{{template}}", "template: :1: unexpected template clause"),
        ('{{define "x"}}', "template: :1: unexpected EOF"),
        (
            '{{define "x"}}{{template "x"}}{{end}}{{template "x"}}',
            "exceeded maximum template depth",
        ),
    ],
)
def test_templates_that_cannot_be_put_together(source: str, complaint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(parse_template(source), {})
    assert complaint in str(caught.value)
