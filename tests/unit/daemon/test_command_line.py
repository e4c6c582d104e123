"""The command line as pflag reads it."""

import re
from pathlib import Path
from typing import Any

import pytest

from boxship.daemon.command_line import UsageError, parse, usage
from boxship.daemon.flags import FLAGS
from boxship.engine.config import AddressPool, RuntimeConfig
from boxship.model.container import Ulimit


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--debug"], {"debug": True}),
        (["--debug=false"], {"debug": False}),
        (["-D"], {"debug": True}),
        (["-Dl", "warn"], {"debug": True, "log-level": "warn"}),
        (["-lwarn"], {"log-level": "warn"}),
        (["-l=warn"], {"log-level": "warn"}),
        (["-H", "tcp://x:1", "-H", "fd://"], {"hosts": ("tcp://x:1", "fd://")}),
        (["--label", "a=b", "--label=c=d"], {"labels": ("a=b", "c=d")}),
        (["--log-opt", "a=b", "--log-opt", "c=d=e"], {"log-opts": {"a": "b", "c": "d=e"}}),
        (["--feature", "x", "--feature", "y=false"], {"features": {"x": True, "y": False}}),
        (["--add-runtime", "X=/bin/x"], {"runtimes": {"x": RuntimeConfig(path="/bin/x")}}),
        (
            ["--default-ulimit", "nofile=1:2"],
            {"default-ulimits": {"nofile": Ulimit(name="nofile", soft=1, hard=2)}},
        ),
        (
            ["--default-address-pool", "base=10.0.0.0/8,size=24"],
            {"default-address-pools": (AddressPool(base="10.0.0.0/8", size=24),)},
        ),
        (["--default-network-opt", "bridge=a=b"], {"default-network-opts": {"bridge": {"a": "b"}}}),
        (["--default-shm-size", "1g"], {"default-shm-size": 1 << 30}),
        (["--mtu", "9000", "--"], {"mtu": 9000}),
        (["--dns", "::1"], {"dns": ("::1",)}),
        (["--http-proxy", "http://x"], {"proxies.http-proxy": "http://x"}),
    ],
)
def test_meaning(arguments: list[str], expected: dict[str, Any]) -> None:
    assert parse(arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--foo"], "unknown flag: --foo"),
        (["--foo=1"], "unknown flag: --foo"),
        (["-X"], "unknown shorthand flag: 'X' in -X"),
        (["-DX"], "unknown shorthand flag: 'X' in -DX"),
        (["--bip"], "flag needs an argument: --bip"),
        (["-H"], "flag needs an argument: 'H' in -H"),
        (
            ["--debug=xx"],
            'invalid argument "xx" for "-D, --debug" flag: strconv.ParseBool: parsing "xx": invalid syntax',
        ),
        (
            ["--mtu=zz"],
            'invalid argument "zz" for "--mtu" flag: strconv.ParseInt: parsing "zz": invalid syntax',
        ),
        (
            ["--dns=zz"],
            'invalid argument "zz" for "--dns" flag: invalid string being converted to IP address: zz',
        ),
        (["--label=zz"], 'invalid argument "zz" for "--label" flag: bad attribute format: zz'),
        (
            ["--host=zz://"],
            'invalid argument "zz://" for "-H, --host" flag: invalid bind address (zz://): unsupported proto \'zz\'',
        ),
        (
            ["--add-runtime=zz"],
            'invalid argument "zz" for "--add-runtime" flag: invalid runtime argument: zz',
        ),
        (
            ["--default-ulimit=zz"],
            'invalid argument "zz" for "--default-ulimit" flag: invalid ulimit argument: zz',
        ),
        (
            ["--default-ulimit=a=5:2"],
            'invalid argument "a=5:2" for "--default-ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 5 > 2',
        ),
        (
            ["--default-address-pool=zz"],
            'invalid argument "zz" for "--default-address-pool" flag: invalid field \'zz\' must be a key=value pair',
        ),
        (
            ["--default-shm-size=zz"],
            'invalid argument "zz" for "--default-shm-size" flag: invalid size: \'zz\'',
        ),
        (
            ["--default-network-opt=a"],
            'invalid argument "a" for "--default-network-opt" flag: invalid value format: a must be driver=key=value',
        ),
        (["run"], '"boxshipd" accepts no arguments: run'),
        (["--", "run"], '"boxshipd" accepts no arguments: run'),
    ],
)
def test_refusals(arguments: list[str], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(arguments)
    assert str(caught.value) == expected


def test_names_are_unique_and_in_the_help() -> None:
    names = [flag.name for flag in FLAGS]
    assert len(set(names)) == len(names)
    text = usage()
    assert all(re.search(rf"--{name}\b", text) for name in names)
    assert Path("/etc/boxship/daemon.json").as_posix() in text
