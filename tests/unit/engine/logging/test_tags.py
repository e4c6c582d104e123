"""Tags and attributes of log entries."""

import pytest

from boxship.engine.logging.files import attributes
from boxship.engine.logging.info import LogInfo, extra_attributes
from boxship.engine.logging.tags import parse_tag
from boxship.errors import Internal


def an_info(**facts: object) -> LogInfo:
    known = {
        "options": {},
        "container_id": "0123456789abcdef" * 4,
        "name": "web",
        "command": "sh -c true",
        "image_id": "sha256:6e209555c2de",
        "image_name": "busybox:latest",
        "created": "2026-11-24T11:51:13Z",
        "env": ("PATH=/bin", "OS=x=y", "odd"),
        "labels": {"a": "1", "b": "2", "com.x": "3 4"},
    }
    return LogInfo(**(known | facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("template", "tag"),
    [
        ("", "0123456789ab"),
        ("plain", "plain"),
        ("{{.ID}}", "0123456789ab"),
        ("{{.Name}}/{{.ImageName}}", "web/busybox:latest"),
        ("{{ .FullID }}", "0123456789abcdef" * 4),
        ("{{.ImageID}} {{.ImageFullID}}", "sha256:6e209 sha256:6e209555c2de"),
        ("{{.DaemonName}}: {{.Command}}", "docker: sh -c true"),
        ("{{.Name | upper}}", "WEB"),
        ("{{upper .Name}}", "WEB"),
        ('{{.Name | printf_is_not_here "x"}}', None),
        ('{{index .ContainerLabels "com.x"}}', "3 4"),
        ("{{truncate .ID 4}}", "0123"),
        ("a {{- .Name -}} b", "awebb"),
        ('{{"quoted"}}{{/* comment */}}', "quoted"),
        ("{{json .Name}}", '"web"'),
    ],
)
def test_tags(template: str, tag: str | None) -> None:
    info = an_info(options={"tag": template})
    if tag is None:
        with pytest.raises(Internal, match="not defined"):
            parse_tag(info)
    else:
        assert parse_tag(info) == tag


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            "{{.Foo}}",
            (
                'template: log-tag:1:2: executing "log-tag" at <.Foo>: '
                "can't evaluate field Foo in type *logger.Info"
            ),
        ),
        ("{{.ID", "template: log-tag:1: unclosed action"),
        ("{{}}", "template: log-tag:1: missing value for command"),
    ],
)
def test_bad_tags_in_docker_s_words(template: str, text: str) -> None:
    with pytest.raises(Internal) as refusal:
        parse_tag(an_info(options={"tag": template}))
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, {}),
        ({"labels": "a,zz,b"}, {"a": "1", "b": "2"}),
        ({"labels-regex": "^com"}, {"com.x": "3 4"}),
        ({"env": "OS,NONE"}, {"OS": "x=y"}),
        ({"env-regex": "^P", "labels": "a"}, {"PATH": "/bin", "a": "1"}),
    ],
)
def test_attributes(options: dict[str, str], found: dict[str, str]) -> None:
    assert extra_attributes(an_info(options=options)) == found


def test_a_tag_is_an_attribute_only_if_asked_for() -> None:
    assert attributes("json-file", an_info()) == {}
    assert attributes("json-file", an_info(options={"tag": "{{.Name}}"})) == {"tag": "web"}
    assert attributes("local", an_info(options={"labels": "a"})) == {}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(", "error parsing regexp: missing closing ): `(`"),
        ("[a", "error parsing regexp: missing closing ]: `[a`"),
        ("*", "error parsing regexp: missing argument to repetition operator: `*`"),
    ],
)
def test_bad_patterns_in_go_s_words(pattern: str, text: str) -> None:
    with pytest.raises(Internal) as refusal:
        extra_attributes(an_info(options={"labels-regex": pattern}))
    assert str(refusal.value) == text
