"""pflag's grammar and Docker's texts."""

import pytest

from boxship.cli.flags import (
    MANY,
    ArityError,
    Command,
    Flag,
    HelpWanted,
    Options,
    UsageError,
    check_arity,
    parse,
)
from boxship.cli.values import parse_cpus, parse_duration, parse_int, parse_size, parse_swap


def _nothing(_context: object, _options: Options) -> None:
    """A command that does nothing."""


FLAGS = (
    Flag("all", "a", "bool", "all"),
    Flag("interactive", "i", "bool", "stdin"),
    Flag("tty", "t", "bool", "tty"),
    Flag("detach", "d", "bool", "detach"),
    Flag("sig-proxy", "", "bool", "proxy (default true)", default=True),
    Flag("env", "e", "list", "environment"),
    Flag("platform", "", "strings", "platforms"),
    Flag("name", "", "string", "name"),
    Flag("memory", "m", "bytes", "memory"),
    Flag("last", "n", "int", "last", -1),
    Flag("net", "", "list", "network", hidden=True, same_as="network"),
    Flag("network", "", "list", "network"),
)
ANYWHERE = Command("thing [OPTIONS] ARG...", _nothing, *FLAGS, args=(0, MANY))
BEFORE = Command("run [OPTIONS] IMAGE", _nothing, *FLAGS, args=(1, MANY), interspersed=False)


def test_defaults_are_there_without_flags() -> None:
    options = parse(ANYWHERE, [])
    assert (options.all, options.env, options.name, options.last) == (False, [], "", -1)
    assert options.sig_proxy
    assert options.changed == set()


def test_short_flags_are_joined_and_the_last_takes_the_rest() -> None:
    options = parse(ANYWHERE, ["-itdeA=1", "-e", "B", "-n=3"])
    assert (options.interactive, options.tty, options.detach) == (True, True, True)
    assert (options.env, options.last) == (["A=1", "B"], 3)


def test_a_boolean_takes_its_value_only_with_an_equals_sign() -> None:
    options = parse(ANYWHERE, ["--all", "false", "--sig-proxy=false", "-t=0"])
    assert (options.all, options.sig_proxy, options.tty) == (True, False, False)
    assert options.args == ["false"]


def test_flags_may_follow_arguments_unless_the_command_says_otherwise() -> None:
    assert parse(ANYWHERE, ["x", "-a", "y"]).all
    options = parse(BEFORE, ["-t", "x", "-a", "--", "y"])
    assert (options.all, options.args) == (False, ["x", "-a", "--", "y"])


def test_a_double_dash_ends_the_flags() -> None:
    assert parse(ANYWHERE, ["--", "-a"]).args == ["-a"]
    assert parse(ANYWHERE, ["-"]).args == ["-"]


def test_an_old_name_sets_the_new_flag() -> None:
    assert parse(ANYWHERE, ["--net", "a", "--network=b"]).network == ["a", "b"]


def test_comma_lists_are_split() -> None:
    assert parse(ANYWHERE, ["--platform", "a,b", "--platform=c"]).platform == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--nosuch"], "unknown flag: --nosuch"),
        (["--nosuch=1"], "unknown flag: --nosuch"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["-ax"], "unknown shorthand flag: 'x' in -x"),
        (["-e"], "flag needs an argument: 'e' in -e"),
        (["--name"], "flag needs an argument: --name"),
        (["--="], "bad flag syntax: --="),
        (["---"], "bad flag syntax: ---"),
        (
            ["--all=maybe"],
            (
                'invalid argument "maybe" for "-a, --all" flag: '
                'strconv.ParseBool: parsing "maybe": invalid syntax'
            ),
        ),
        (["-m", "1x"], 'invalid argument "1x" for "-m, --memory" flag: invalid suffix: \'x\''),
    ],
)
def test_errors_are_pflags(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(ANYWHERE, argv)
    assert str(caught.value) == message


@pytest.mark.parametrize("word", ["--help", "-h", "--help=true"])
def test_help_is_known_to_every_command(word: str) -> None:
    with pytest.raises(HelpWanted):
        parse(ANYWHERE, [word])
    assert parse(ANYWHERE, ["--help=false"]).args == []


def test_too_few_arguments() -> None:
    with pytest.raises(ArityError, match="'boxship run' requires at least 1 argument"):
        check_arity(BEFORE, parse(BEFORE, []), "run")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        ("1k", 1024),
        ("1.5g", 3 << 29),
        ("64KiB", 65536),
        ("2MB", 2 << 20),
        ("5 m", 5 << 20),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1kk", "1e5", "1.2.3", "m", "٣"])
def test_bad_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid"):
        parse_size(text)


def test_swap_may_be_unlimited() -> None:
    assert parse_swap("-1") == -1


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0", 0),
        ("1s", 10**9),
        ("1.5s", 1_500_000_000),
        ("1m30s", 90 * 10**9),
        ("-2ms", -2_000_000),
        ("3us", 3000),
    ],
)
def test_durations(text: str, nanos: int) -> None:
    assert parse_duration(text) == nanos


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1..2s", ".s"])
def test_bad_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time: "):
        parse_duration(text)


def test_cpus_are_billionths() -> None:
    assert parse_cpus("1.5") == 1_500_000_000
    assert parse_cpus("1/2") == 500_000_000
    with pytest.raises(ValueError, match="too precise"):
        parse_cpus("0.0000000001")


def test_integers_are_gos() -> None:
    assert (parse_int("-5"), parse_int("0x10"), parse_int("010")) == (-5, 16, 8)
    for text in ("", "x", "1.0", "--1", " 1"):
        with pytest.raises(ValueError, match=r"strconv\.ParseInt"):
            parse_int(text)
    with pytest.raises(ValueError, match="out of range"):
        parse_int(str(1 << 63))
