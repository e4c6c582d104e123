"""`run` flags to the body of a create, where comparing with docker shows little."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boxship.cli.commands.run import COMMAND
from boxship.cli.create_body import create_body
from boxship.cli.flags import Flag, UsageError, parse
from boxship.errors import InvalidArgument


def body(*argv: str) -> dict[str, object]:
    options = parse(COMMAND, [*argv, "image", "command"])
    return create_body(options, options.args[0], options.args[1:])


def test_a_plain_run_attaches_output_only() -> None:
    made = body()
    assert (made["AttachStdin"], made["AttachStdout"], made["OpenStdin"]) == (False, True, False)
    assert (made["Image"], made["Cmd"]) == ("image", ["command"])


def test_interactive_closes_stdin_once() -> None:
    assert body("-i")["StdinOnce"]
    assert body("-i", "-a", "stdout")["AttachStdout"] is not False


def test_published_port_ranges_are_matched_one_to_one() -> None:
    bindings = body("-p", "8000-8001:80-81/udp")["HostConfig"]["PortBindings"]  # type: ignore[index]
    assert bindings == {
        "80/udp": [{"HostIp": "", "HostPort": "8000"}],
        "81/udp": [{"HostIp": "", "HostPort": "8001"}],
    }


@pytest.mark.parametrize(
    "argv",
    [
        ("-p", "0-99999"),
        ("-p", "80:90-80"),
        ("-p", "1-3:1-2"),
        ("-p", "80/icmp"),
        ("-p", "x:80"),
        ("-p", ":"),
        ("--expose", ""),
        ("--expose", "9-8"),
        ("--device", "a:b:c:d"),
        ("--device", "/dev/x:/y:z"),
        ("--network", "a", "--network", "host"),
        ("--network", "a", "--network", "a"),
        ("--memory-swappiness", "101"),
        ("--health-retries", "-1"),
        ("--restart", ":3"),
        ("--userns", "x"),
    ],
)
def test_nonsense_is_refused_before_anything_is_sent(argv: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgument):
        body(*argv)


@pytest.mark.parametrize(
    "argv",
    [
        ("--mount", ""),
        ("--mount", "type=bind,src=/a,dst=/b,volume-nocopy"),
        ("--mount", 'type="bind'),
        ("--mount", "dst=/a,tmpfs-mode=9"),
        ("--network", "alias=a,ip=b"),
        ("--ulimit", "nofile=2:1"),
        ("--add-host", "a:b:c"),
        ("--gpus", "device=0,device=1"),
        ("-e", "=x"),
    ],
)
def test_nonsense_is_refused_while_parsing(argv: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        body(*argv)


NASTY = st.text(alphabet="a0:=,/-.[]*\"' \n%é\udcff", max_size=14)
VALUED = [flag for flag in COMMAND.flags if flag.kind != "bool" and flag.name != "env-file"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(VALUED), NASTY), max_size=4))
def test_any_command_line_is_sent_or_refused(pairs: list[tuple[Flag, str]]) -> None:
    """No value makes the program fall over."""
    argv = [word for flag, value in pairs for word in (f"--{flag.name}", value)]
    with contextlib.suppress(UsageError, InvalidArgument):
        body(*argv)
