"""JSON as Go's encoding/json reads and writes it."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.api.docker import wire
from boxship.errors import InvalidArgument
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import HostConfig
from boxship.model.mount import BindOptions, MountRequest
from boxship.model.network import EndpointSettings, PortBinding


def test_names_that_deviate_from_the_rule() -> None:
    document = wire.encode(HostConfig())
    expected = {
        "NanoCpus",
        "UTSMode",
        "BlkioDeviceReadIOps",
        "IOMaximumBandwidth",
        "ContainerIDFile",
        "CpusetCpus",
        "DnsSearch",
        "CgroupnsMode",
    }
    assert expected <= document.keys()


def test_empty_fields_that_docker_leaves_out() -> None:
    document = wire.encode(HostConfig(mounts=(), tmpfs={}, init=False))
    assert not {"Mounts", "Tmpfs", "KernelMemory", "Runtime"} & document.keys()
    assert document["Init"] is False
    assert document["Binds"] is None
    assert wire.encode(RunConfig())["Entrypoint"] is None


def test_nested_values() -> None:
    host_config = HostConfig(
        port_bindings={"80/tcp": (PortBinding(host_port="8080"),), "81/tcp": None},
        mounts=(
            MountRequest(type="bind", target="/t", bind_options=BindOptions(non_recursive=True)),
        ),
    )
    document = wire.encode(host_config)
    assert document["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": "8080"}],
        "81/tcp": None,
    }
    assert document["Mounts"] == [
        {"Type": "bind", "Target": "/t", "BindOptions": {"NonRecursive": True}}
    ]
    assert wire.decode(HostConfig, wire.parse(wire.dump(document))) == host_config


@pytest.mark.parametrize(
    "value", [HostConfig(), RunConfig(), EndpointSettings(), Healthcheck(test=("NONE",))]
)
def test_what_is_written_can_be_read(value: Any) -> None:
    assert wire.decode(type(value), wire.parse(wire.dump(wire.encode(value)))) == value


def test_null_is_absent_and_unknown_keys_are_ignored() -> None:
    given_ = {"Image": None, "Labels": None, "Env": ["a", None], "Nope": 1, "Volumes": {"/x": None}}
    assert wire.decode(RunConfig, given_) == RunConfig(env=("a",), volumes={"/x": {}})


def test_a_string_is_a_command_of_one_word() -> None:
    assert wire.decode(RunConfig, {"Cmd": "ls", "Entrypoint": ["a", "b"]}).cmd == ("ls",)


def test_the_last_of_equal_keys_wins_in_any_case() -> None:
    """Also for letters that only fold to ASCII: the Kelvin sign is a k, the long s an s."""
    value = wire.parse(b'{"image":"a","Image":"b","IMAGE":"c"}')
    assert wire.decode(RunConfig, value).image == "c"
    assert wire.decode(HostConfig, {"privileged": True, "Privileged": False}).privileged is False
    assert wire.decode(RunConfig, {"U\u017fer": "root"}).user == "root"


@pytest.mark.parametrize(
    ("cls", "value", "expected"),
    [
        (
            HostConfig,
            {"Memory": "x"},
            "cannot unmarshal string into Go struct field .Memory of type int64",
        ),
        (
            HostConfig,
            {"Memory": 1.5},
            "cannot unmarshal number 1.5 into Go struct field .Memory of type int64",
        ),
        (
            HostConfig,
            {"Memory": True},
            "cannot unmarshal bool into Go struct field .Memory of type int64",
        ),
        (
            HostConfig,
            {"Memory": 1 << 63},
            "cannot unmarshal number 9223372036854775808 into Go struct field .Memory of type int64",
        ),
        (
            HostConfig,
            {"Privileged": 1},
            "cannot unmarshal number into Go struct field .Privileged of type bool",
        ),
        (
            HostConfig,
            {"Binds": "a"},
            "cannot unmarshal string into Go struct field .Binds of type []string",
        ),
        (
            HostConfig,
            {"PortBindings": []},
            "cannot unmarshal array into Go struct field .PortBindings of type nat.PortMap",
        ),
        (
            HostConfig,
            {"RestartPolicy": {"MaximumRetryCount": "x"}},
            "cannot unmarshal string into Go struct field .RestartPolicy.MaximumRetryCount of type int",
        ),
        (
            EndpointSettings,
            {"IPAMConfig": 3},
            "cannot unmarshal number into Go struct field .IPAMConfig of type network.EndpointIPAMConfig",
        ),
        (RunConfig, [], "cannot unmarshal array into Go value of type container.CreateRequest"),
    ],
)
def test_wrong_types(cls: Any, value: Any, expected: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        wire.decode(cls, value)
    assert str(caught.value) == f"invalid JSON: json: {expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ("[1 2]", "invalid character '2' after array element"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        ("{bad}", "invalid character 'b' looking for beginning of object key string"),
        ("@", "invalid character '@' looking for beginning of value"),
        ('{"a":', "unexpected EOF"),
        ('{"a":1e400}', "Number out of range - at `$[...]`"),
    ],
)
def test_malformed_documents(text: str, expected: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        wire.parse(text.encode())
    assert str(caught.value) == f"invalid JSON: {expected}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Memory", "Binds", "Mounts", "PortBindings", "Ulimits", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_anything_is_read_or_refused(value: Any) -> None:
    try:
        wire.decode(HostConfig, value)
        wire.decode(RunConfig, value)
    except InvalidArgument:
        pass


@given(st.binary(max_size=30))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InvalidArgument):
        wire.parse(data)


def test_a_document_as_docker_writes_it() -> None:
    assert wire.dump({"a": "<é>"}) == '{"a":"<é>"}\n'.encode()
    assert json.loads(wire.answer([1], 201).body) == [1]
