"""Each keyword's grammar, and Docker's words for what is wrong with it."""

import pytest

from boxship.dockerfile.instructions import (
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    HealthCheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from boxship.dockerfile.parser import DockerfileError, parse
from boxship.dockerfile.reading import read_instructions, read_text
from boxship.dockerfile.suggest import edit_distance, suggestion

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("FROM a", From, {"image": "a", "name": "", "platform": ""}),
        (
            "FROM --platform=$P a:b AS Name-1",
            From,
            {"image": "a:b", "name": "name-1", "platform": "$P"},
        ),
        ("CMD a b", Cmd, {"command.words": ("a b",), "command.shell_form": True}),
        ('CMD ["a", "b c"]', Cmd, {"command.words": ("a", "b c"), "command.shell_form": False}),
        ('CMD ["a" "b"]', Cmd, {"command.words": ('["a" "b"]',), "command.shell_form": True}),
        ("CMD", Cmd, {"command.words": (), "command.shell_form": True}),
        ("CMD []", Cmd, {"command.words": (), "command.shell_form": False}),
        ('ENTRYPOINT ["x"]', Entrypoint, {"command.words": ("x",)}),
        (
            "RUN --mount=type=cache,target=/x --mount=type=tmpfs,target=/y --network=none a",
            Run,
            {
                "mounts": ("type=cache,target=/x", "type=tmpfs,target=/y"),
                "network": "none",
                "command.words": ("a",),
                "buildkit_flag": "mount",
            },
        ),
        ("RUN -- --x", Run, {"command.words": ("--x",), "buildkit_flag": ""}),
        (
            "COPY --from=b --chown=1:2 --chmod=644 --link --parents --exclude=*.a --exclude=c a b /d/",
            Copy,
            {
                "keyword": "COPY",
                "sources": ("a", "b"),
                "destination": "/d/",
                "from_": "b",
                "chown": "1:2",
                "chmod": "644",
                "link": True,
                "parents": True,
                "exclude": ("*.a", "c"),
            },
        ),
        ('COPY ["a b", "c d"]', Copy, {"sources": ("a b",), "destination": "c d"}),
        (
            "ADD --checksum=sha256:aa --keep-git-dir=true --unpack=false http://x/y /z",
            Copy,
            {
                "keyword": "ADD",
                "checksum": "sha256:aa",
                "keep_git_dir": True,
                "unpack": False,
                "sources": ("http://x/y",),
            },
        ),
        ("ADD a b", Copy, {"unpack": None, "keep_git_dir": False}),
        ("ENV A b c", Env, {"pairs": (("A", "b c"),)}),
        ("ENV A=b C='d e' F=\"g h\"", Env, {"pairs": (("A", "b"), ("C", "'d e'"), ("F", '"g h"'))}),
        ("ENV A=b\\ c D=", Env, {"pairs": (("A", "b\\ c"), ("D", ""))}),
        ('LABEL a=b "c d"=e', Label, {"pairs": (("a", "b"), ('"c d"', "e"))}),
        ("ARG A B=c D=", Arg, {"pairs": (("A", None), ("B", "c"), ("D", ""))}),
        ('SHELL ["a", "b"]', Shell, {"words": ("a", "b")}),
        ("EXPOSE 80 81-83/udp $P", Expose, {"ports": ("80", "81-83/udp", "$P")}),
        ("VOLUME /a /b", Volume, {"paths": ("/a", "/b")}),
        ('VOLUME ["/a b"]', Volume, {"paths": ("/a b",)}),
        ("USER a b", User, {"user": "a b"}),
        ("WORKDIR a b", Workdir, {"path": "a b"}),
        ("STOPSIGNAL 9", StopSignal, {"signal": "9"}),
        ("MAINTAINER a <b@c>", Maintainer, {"name": "a <b@c>"}),
        ("onbuild  run x  y", Onbuild, {"trigger": "run x  y"}),
        ("HEALTHCHECK NONE", HealthCheck, {"test": ("NONE",)}),
        ("HEALTHCHECK CMD a b", HealthCheck, {"test": ("CMD-SHELL", "a b"), "interval": 0}),
        (
            (
                "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=2s "
                '--start-interval=1500ms --retries=3 CMD ["a", "b"]'
            ),
            HealthCheck,
            {
                "test": ("CMD", "a", "b"),
                "interval": 90 * SECOND,
                "timeout": SECOND * 3 // 2,
                "start_period": 2 * SECOND,
                "start_interval": SECOND * 3 // 2,
                "retries": 3,
            },
        ),
    ],
)
def test_instructions(text: str, kind: type, expected: dict[str, object]) -> None:
    found = read_text(text)
    assert isinstance(found, kind)
    for name, value in expected.items():
        got: object = found
        for part in name.split("."):
            got = getattr(got, part)
        assert got == value, name


def test_a_copied_here_document_is_a_source() -> None:
    (copy,) = read_instructions(parse(b"COPY a <<B /x/\nb\nB\n"))
    assert isinstance(copy, Copy)
    assert [each.name for each in copy.heredocs] == ["B"]
    assert copy.sources == ("a",)
    assert copy.destination == "/x/"


def test_onbuild_keeps_here_documents() -> None:
    (onbuild,) = read_instructions(parse(b"ONBUILD RUN <<A\nx\nA\n"))
    assert isinstance(onbuild, Onbuild)
    run = read_text(onbuild.trigger)
    assert isinstance(run, Run)
    assert run.heredocs[0].content == "x\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("FOO bar", "unknown instruction: FOO (did you mean FROM?)"),
        ("FORM x", "unknown instruction: FORM (did you mean FROM?)"),
        ("XYZZY q", "unknown instruction: XYZZY"),
        ("FROM", "FROM requires either one or three arguments"),
        ("FROM a AS", "FROM requires either one or three arguments"),
        ("FROM a b c", "FROM requires either one or three arguments"),
        (
            "FROM a AS 0x",
            'invalid name for build stage: "0x", name can\'t start with a number or contain symbols',
        ),
        (
            "FROM a AS $x",
            'invalid name for build stage: "$x", name can\'t start with a number or contain symbols',
        ),
        ("FROM --foo=1 a", "unknown flag: --foo"),
        ("COPY --fro=1 a b", "unknown flag: --fro (did you mean from?)"),
        ("COPY --from a b", "missing a value on flag: --from"),
        ("COPY --from=a --from=b c d", "duplicate flag specified: --from"),
        ("ADD --from=x a b", "unknown flag: --from"),
        ("ADD --keep-git-dir=x a b", "expecting boolean value for flag --keep-git-dir, not: x"),
        (
            "COPY a",
            (
                "COPY requires at least two arguments, but only one was provided. "
                "Destination could not be determined"
            ),
        ),
        ("RUN --network=foo a", 'invalid network mode "foo"'),
        ("LABEL", "LABEL requires at least one argument"),
        ("ARG", "ARG requires at least one argument"),
        ("ARG =a", "ARG names can not be blank"),
        ("ENV =a", "ENV names can not be blank"),
        ("EXPOSE", "EXPOSE requires at least one argument"),
        ("VOLUME", "VOLUME requires at least one argument"),
        ('VOLUME [""]', "VOLUME specified can not be an empty string"),
        ("USER", "USER requires exactly one argument"),
        ("WORKDIR", "WORKDIR requires exactly one argument"),
        ("STOPSIGNAL", "STOPSIGNAL requires exactly one argument"),
        ("MAINTAINER", "MAINTAINER requires exactly one argument"),
        ("SHELL", "SHELL requires at least one argument"),
        ("SHELL []", "SHELL requires at least one argument"),
        ("SHELL foo", "SHELL requires the arguments to be in JSON form"),
        ("ONBUILD", "ONBUILD requires at least one argument"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("ONBUILD maintainer x", "MAINTAINER isn't allowed as an ONBUILD trigger"),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
        ("HEALTHCHECK FOO", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK CMD []", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK --interval=x CMD a", 'time: invalid duration "x"'),
        ("HEALTHCHECK --interval=5 CMD a", 'time: missing unit in duration "5"'),
        ("HEALTHCHECK --timeout=0.5ms CMD a", 'Interval "timeout" cannot be less than 1ms'),
        ("HEALTHCHECK --interval=-1s CMD a", 'Interval "interval" cannot be less than 1ms'),
        ("HEALTHCHECK --retries=-1 CMD a", "--retries cannot be negative (-1)"),
        ("HEALTHCHECK --retries=x CMD a", 'strconv.ParseInt: parsing "x": invalid syntax'),
    ],
)
def test_errors_name_the_line(text: str, complaint: str) -> None:
    with pytest.raises(DockerfileError) as raised:
        read_instructions(parse(f"FROM a\n\n{text}\n".encode()))
    assert str(raised.value) == f"dockerfile parse error on line 3: {complaint}"
    assert raised.value.line == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ENV A", "ENV must have two arguments"),
        (
            "ENV A=b c",
            'Syntax error - can\'t find = in "c". Must be of the form: name=value',
        ),
        ("CMD [1]", "when using JSON array syntax, arrays must be comprised of strings only"),
    ],
)
def test_errors_of_the_first_pass_have_no_line(text: str, complaint: str) -> None:
    with pytest.raises(DockerfileError) as raised:
        read_text(text)
    assert str(raised.value) == f"failed to parse Dockerfile: {complaint}"


def test_an_escape_alone_is_no_instruction() -> None:
    with pytest.raises(DockerfileError, match=r"line 2: unknown instruction: $"):
        read_instructions(parse(b"FROM a\n\\\n"))


def test_suggestions_are_close() -> None:
    assert suggestion("RUNN", ["ADD", "RUN"]) == " (did you mean RUN?)"
    assert suggestion("RUNNER", ["ADD", "RUN"]) == ""
    assert suggestion("x" * 1000, ["ADD"]) == ""
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3
