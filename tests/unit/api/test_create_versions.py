"""What create means to clients of each API version."""

from typing import Any

import pytest

from boxship.api.docker.create_versions import MAC_WARNING, SYSCTLS, VOLUME_DRIVER_WARNING, adapted
from boxship.errors import BoxshipError
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import HostConfig
from boxship.model.mount import MountRequest
from boxship.model.network import EndpointSettings
from boxship.services.containers import ContainerRequest

MAC = "02:42:ac:11:00:02"


def asked(**fields: Any) -> ContainerRequest:
    host = {key: fields.pop(key) for key in list(fields) if key in HostConfig.__struct_fields__}
    config = {key: fields.pop(key) for key in list(fields) if key in RunConfig.__struct_fields__}
    return ContainerRequest(config=RunConfig(**config), host_config=HostConfig(**host), **fields)


@pytest.mark.parametrize(
    ("field", "value", "version", "meant"),
    [
        ("auto_remove", True, (1, 24), False),
        ("auto_remove", True, (1, 25), True),
        ("ipc_mode", "", (1, 39), "shareable"),
        ("ipc_mode", "", (1, 40), ""),
        ("console_size", (1, 2), (1, 41), (0, 0)),
        ("console_size", (1, 2), (1, 42), (1, 2)),
        ("kernel_memory", 5, (1, 41), 5),
        ("kernel_memory", 5, (1, 42), 0),
        ("annotations", {"a": "b"}, (1, 42), None),
        ("annotations", {"a": "b"}, (1, 43), {"a": "b"}),
    ],
)
def test_host_config(field: str, value: Any, version: tuple[int, int], meant: Any) -> None:
    request, _ = adapted(asked(**{field: value}), version)
    assert getattr(request.host_config, field) == meant


def test_older_clients_know_no_start_interval_and_no_platform() -> None:
    check = Healthcheck(test=("CMD", "x"), start_interval=5)
    request, _ = adapted(asked(healthcheck=check, platform="linux"), (1, 40))
    assert request.config.healthcheck
    assert (request.config.healthcheck.start_interval, request.platform) == (0, "")


def test_the_container_s_mac_becomes_its_endpoint_s() -> None:
    request, warnings = adapted(asked(mac_address=MAC), (1, 44))
    assert request.config.mac_address == ""
    assert request.networks["bridge"].mac_address == MAC
    assert warnings == [MAC_WARNING]
    old, warnings = adapted(asked(mac_address=MAC, networks={"n": EndpointSettings()}), (1, 43))
    assert (old.networks["n"].mac_address, warnings) == (MAC, [])


@pytest.mark.parametrize(
    ("request_", "version"),
    [
        (asked(mac_address=MAC, networks={"n": EndpointSettings()}), (1, 51)),
        (asked(mac_address=MAC, networks={"bridge": EndpointSettings(mac_address="x")}), (1, 51)),
        (asked(mac_address=MAC, network_mode="host"), (1, 43)),
        (asked(networks={"a": EndpointSettings(), "b": EndpointSettings()}), (1, 43)),
        (asked(sysctls={"net.ipv4.conf.eth0.forwarding": "1"}), (1, 48)),
        (asked(sysctls={"net.ipv4.conf.eth1.forwarding": "1"}), (1, 47)),
    ],
)
def test_what_a_version_refuses(request_: ContainerRequest, version: tuple[int, int]) -> None:
    with pytest.raises(BoxshipError):
        adapted(request_, version)


def test_sysctls_of_eth0_become_an_option_of_the_endpoint() -> None:
    sysctls = {"net.ipv4.conf.eth0.forwarding": "1", "net.core.somaxconn": "2"}
    request, warnings = adapted(asked(sysctls=sysctls), (1, 47))
    assert request.host_config.sysctls == {"net.core.somaxconn": "2"}
    option = "net.ipv4.conf.IFNAME.forwarding=1"
    assert request.networks["bridge"].driver_opts == {SYSCTLS: option}
    assert warnings == [
        f'Migrated sysctl "net.ipv4.conf.eth0.forwarding" to DriverOpts{{"{SYSCTLS}":"{option}"}}.'
    ]


def test_the_volume_driver_is_none_of_mounts() -> None:
    mounts = (MountRequest(type="volume", target="/x"),)
    request = asked(volume_driver="local", mounts=mounts)
    assert adapted(request, (1, 48))[1] == [VOLUME_DRIVER_WARNING]
    assert adapted(request, (1, 47))[1] == []
