"""What -p and -P ask for."""

import pytest

from boxship.engine.networks.ports import PortRequest, parse_port, port_requests
from boxship.errors import InvalidArgument
from boxship.model.config import RunConfig
from boxship.model.container import Container, HostConfig
from boxship.model.network import PortBinding

EVERYWHERE = ("0.0.0.0", "::")


def container(*, exposed: tuple[str, ...] = (), **host: object) -> Container:
    return Container(
        id="c" * 64,
        name="c",
        created=0,
        image=None,
        image_reference="",
        config=RunConfig(exposed_ports={port: {} for port in exposed}),
        host_config=HostConfig(**host),  # type: ignore[arg-type]
    )


def requests(text: str, *bindings: PortBinding, default: str = "") -> list[PortRequest]:
    return port_requests(container(port_bindings={text: bindings}), default)


def test_a_binding_without_an_address_is_for_every_address() -> None:
    assert requests("80/tcp", PortBinding(host_port="8080")) == [
        PortRequest(80, "tcp", EVERYWHERE, 8080, 8080)
    ]
    assert requests("80/tcp", PortBinding(host_port="8080"), default="127.0.0.1") == [
        PortRequest(80, "tcp", ("127.0.0.1",), 8080, 8080)
    ]


def test_addresses_ranges_and_free_ports() -> None:
    assert requests(
        "53/udp", PortBinding(host_ip="[::1]"), PortBinding(host_ip="0.0.0.0", host_port="1-9")
    ) == [
        PortRequest(53, "udp", ("::1",)),
        PortRequest(53, "udp", ("0.0.0.0",), 1, 9),
    ]


def test_publishing_all_takes_what_is_exposed_and_keeps_what_is_bound() -> None:
    found = port_requests(
        container(
            exposed=("80/tcp", "53/udp"),
            publish_all_ports=True,
            port_bindings={"80/tcp": (PortBinding(host_port="8080"),)},
        ),
        "",
    )
    assert found == [
        PortRequest(53, "udp", EVERYWHERE),
        PortRequest(80, "tcp", EVERYWHERE, 8080, 8080),
    ]


@pytest.mark.parametrize(
    "text", ["", "80/foo", "0", "65536/tcp", "80-81/tcp", "-1", "80/tcp/udp", "٨٠"]
)
def test_ports_that_are_none(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid port specification"):
        parse_port(text)


@pytest.mark.parametrize(
    ("ip", "port"), [("", "x"), ("", "70000"), ("", "9-8"), ("1.2.3", "80"), ("", "80/udp")]
)
def test_bindings_that_are_none(ip: str, port: str) -> None:
    with pytest.raises(InvalidArgument):
        requests("80/tcp", PortBinding(host_ip=ip, host_port=port))
