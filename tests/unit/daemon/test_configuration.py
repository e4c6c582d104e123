"""daemon.json, and how it joins the flags."""

import json
from pathlib import Path
from typing import Any

import pytest

from boxship.daemon.command_line import parse
from boxship.daemon.configuration import DaemonConfig, load, unused
from boxship.engine.config import AddressPool, RuntimeConfig
from boxship.errors import InvalidArgument
from boxship.model.container import Ulimit


def loaded(tmp_path: Path, text: str, *flags: str) -> DaemonConfig:
    path = tmp_path / "daemon.json"
    path.write_text(text)
    return load(parse([*flags, "--config-file", str(path)]))


def test_defaults() -> None:
    config = load({"config-file": "/dev/null"})
    assert config.engine.data_root == Path("/var/lib/boxship")
    assert (config.default_socket, config.hosts, config.group) == (
        "/run/boxship/boxship.sock",
        (),
        None,
    )
    assert config.engine.live_restore


def test_a_missing_default_file_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "boxship.daemon.configuration._DEFAULTS",
        {"config-file": str(tmp_path / "no"), "pidfile": "/x"},
    )
    assert load({}).log_level == "info"


def test_every_kind_of_value(tmp_path: Path) -> None:
    document = {
        "data-root": "/d",
        "hosts": ["unix:///s"],
        "labels": ["a=b"],
        "debug": True,
        "log-level": "warn",
        "log-opts": {"max-size": "1m"},
        "runtimes": {
            "x": {"path": "/bin/x", "runtimeArgs": ["-v"]},
            "y": {"runtimeType": "io.x.v1", "options": {"a": 1}},
        },
        "default-runtime": "x",
        "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 5, "Soft": 3}},
        "default-address-pools": [{"base": "10.0.0.0/8", "size": 24}],
        "default-shm-size": "64M",
        "dns": ["1.1.1.1"],
        "icc": False,
        "ip": "1.2.3.4",
        "bip": "10.9.0.1/16",
        "mtu": 1400,
        "live-restore": False,
        "exec-opts": ["native.cgroupdriver=systemd"],
        "registry-mirrors": ["https://mirror.example"],
        "insecure-registries": ["10.0.0.0/8", "r:5000"],
        "proxies": {"http-proxy": "http://p", "no-proxy": "x"},
        "features": {"buildkit": True},
        "builder": {"gc": {"enabled": True}},
        "userland-proxy": False,
        "shutdown-timeout": None,
    }
    config = loaded(tmp_path, json.dumps(document))
    engine = config.engine
    assert (config.hosts, config.debug, config.log_level) == (("unix:///s",), True, "warn")
    assert engine.runtimes == {
        "x": RuntimeConfig(path="/bin/x", args=("-v",)),
        "y": RuntimeConfig(path="", type="io.x.v1", options={"a": 1}),
    }
    assert engine.default_ulimits == (Ulimit(name="nofile", soft=3, hard=5),)
    assert engine.default_address_pools == (AddressPool(base="10.0.0.0/8", size=24),)
    assert (engine.default_shm_size, engine.mtu, engine.icc, engine.ip) == (
        64 << 20,
        1400,
        False,
        "1.2.3.4",
    )
    assert (engine.cgroup_driver, engine.http_proxy, engine.no_proxy) == (
        "systemd",
        "http://p",
        "x",
    )
    assert engine.live_restore
    assert engine.shutdown_timeout == 15
    assert unused(config) == ["builder"]


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        (
            '{"nope":1,"zz":2}',
            [],
            "the following directives don't match any configuration option: nope, zz",
        ),
        (
            '{"Debug":true}',
            [],
            "the following directives don't match any configuration option: Debug",
        ),
        (
            '{"config-file":"x"}',
            [],
            "the following directives don't match any configuration option: config-file",
        ),
        (
            '{"debug":"x"}',
            [],
            "invalid JSON: json: cannot unmarshal string into Go struct field Config.debug of type bool",
        ),
        (
            '{"log-opts":{"a":1}}',
            [],
            "invalid JSON: json: cannot unmarshal number into Go struct field Config.log-opts.a of type string",
        ),
        (
            '{"dns":"1.1.1.1"}',
            [],
            "invalid JSON: json: cannot unmarshal string into Go struct field Config.dns of type []net.IP",
        ),
        ('{"dns":["zz"]}', [], "invalid JSON: invalid IP address: zz"),
        ('{"default-shm-size":"zz"}', [], "invalid JSON: invalid size: 'zz'"),
        (
            "{bad",
            [],
            "invalid JSON: invalid character 'b' looking for beginning of object key string",
        ),
        (
            "[]",
            [],
            "invalid JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (
            '{"debug":true}',
            ["--debug"],
            "the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, from file: true)",
        ),
        (
            '{"hosts":["unix:///x"],"labels":["a=b"]}',
            ["-H", "unix:///y", "--label", "c=d"],
            "the following directives are specified both as a flag and in the configuration file: hosts: (from flag: [unix:///y], from file: [unix:///x]), labels: (from flag: [c=d], from file: [a=b])",
        ),
        (
            '{"proxies":{"http-proxy":"x"}}',
            ["--http-proxy", "y"],
            "the following directives are specified both as a flag and in the configuration file: proxies.http-proxy: (from flag: y, from file: x)",
        ),
        (
            '{"log-level":"zz"}',
            [],
            "merged configuration validation from file and command line flags failed: invalid logging level: zz",
        ),
        (
            '{"labels":["a"]}',
            [],
            "merged configuration validation from file and command line flags failed: bad attribute format: a",
        ),
        (
            '{"labels":["a=1","a=2"]}',
            [],
            "merged configuration validation from file and command line flags failed: conflict labels for a=2 and a=1",
        ),
        (
            '{"mtu":-1}',
            [],
            "merged configuration validation from file and command line flags failed: invalid default MTU: -1",
        ),
        (
            '{"max-concurrent-downloads":-1}',
            [],
            "merged configuration validation from file and command line flags failed: invalid max concurrent downloads: -1",
        ),
        (
            '{"max-download-attempts":0}',
            [],
            "merged configuration validation from file and command line flags failed: invalid max download attempts: 0",
        ),
        (
            '{"exec-opts":["zz=1"]}',
            [],
            "merged configuration validation from file and command line flags failed: invalid exec-opt (zz=1): unknown option: 'zz'",
        ),
        (
            '{"registry-mirrors":["zz"]}',
            [],
            "merged configuration validation from file and command line flags failed: invalid mirror: no scheme specified for \"zz\": must use either 'https://' or 'http://'",
        ),
        (
            '{"bip":"x"}',
            [],
            "merged configuration validation from file and command line flags failed: invalid CIDR address for bip: x",
        ),
    ],
)
def test_refusals(tmp_path: Path, text: str, flags: list[str], expected: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        loaded(tmp_path, text, *flags)
    path = tmp_path / "daemon.json"
    assert (
        str(caught.value) == f"unable to configure the Docker daemon with file {path}: {expected}"
    )


def test_a_named_file_must_exist() -> None:
    with pytest.raises(InvalidArgument, match="open /nope: no such file or directory"):
        load({"config-file": "/nope"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("userns-remap", "x"),
        ("selinux-enabled", True),
        ("authorization-plugins", ("p",)),
        ("rootless", True),
    ],
)
def test_protections_we_do_not_have_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"{name} is not supported"):
        load({"config-file": "/dev/null", name: value})


def test_an_empty_file(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").engine.mtu == 1500
    assert loaded(tmp_path, "\ufeff{}").engine.mtu == 1500


def test_a_bridge_of_somebody_else() -> None:
    assert not load({"config-file": "/dev/null", "bridge": "br0"}).engine.bridge_is_ours


def test_verification_implies_tls() -> None:
    assert load({"config-file": "/dev/null", "tlsverify": True}).tls


def test_an_empty_list_of_cdi_directories_is_not_the_usual_ones(tmp_path: Path) -> None:
    assert loaded(tmp_path, '{"cdi-spec-dirs": []}').engine.cdi_spec_dirs == ()
    assert loaded(tmp_path, "{}").engine.cdi_spec_dirs is None
