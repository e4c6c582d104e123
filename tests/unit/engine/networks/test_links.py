"""The variables of links are Docker's."""

from boxship.engine.networks.links import environment
from boxship.model.config import RunConfig
from boxship.model.container import Container, HostConfig


def told(*ports: str, env: tuple[str, ...] = ()) -> list[str]:
    other = Container(
        id="c" * 64,
        name="db",
        created=0,
        image=None,
        image_reference="",
        config=RunConfig(exposed_ports={port: {} for port in ports}, env=env),
        host_config=HostConfig(),
    )
    return environment("web", "my-db", "172.17.0.3", other)


def test_a_link_without_ports_tells_its_name() -> None:
    assert told() == ["MY_DB_NAME=/web/my-db"]


def test_each_port_is_told_and_the_lowest_tcp_one_is_the_default() -> None:
    assert told("90/udp", "100/tcp", "80/tcp") == [
        "MY_DB_PORT=tcp://172.17.0.3:80",
        "MY_DB_PORT_80_TCP=tcp://172.17.0.3:80",
        "MY_DB_PORT_80_TCP_ADDR=172.17.0.3",
        "MY_DB_PORT_80_TCP_PORT=80",
        "MY_DB_PORT_80_TCP_PROTO=tcp",
        "MY_DB_PORT_100_TCP=tcp://172.17.0.3:100",
        "MY_DB_PORT_100_TCP_ADDR=172.17.0.3",
        "MY_DB_PORT_100_TCP_PORT=100",
        "MY_DB_PORT_100_TCP_PROTO=tcp",
        "MY_DB_PORT_90_UDP=udp://172.17.0.3:90",
        "MY_DB_PORT_90_UDP_ADDR=172.17.0.3",
        "MY_DB_PORT_90_UDP_PORT=90",
        "MY_DB_PORT_90_UDP_PROTO=udp",
        "MY_DB_NAME=/web/my-db",
    ]


def test_neighbouring_ports_are_told_as_a_range_too() -> None:
    found = told("80/tcp", "81/tcp", "82/tcp", "90/tcp", "83/udp")
    assert [text for text in found if "START" in text or "END" in text] == [
        "MY_DB_PORT_80_TCP_START=tcp://172.17.0.3:80",
        "MY_DB_PORT_80_TCP_PORT_START=80",
        "MY_DB_PORT_80_TCP_END=tcp://172.17.0.3:82",
        "MY_DB_PORT_80_TCP_PORT_END=82",
    ]


def test_its_variables_are_told_but_for_home_and_path() -> None:
    assert told(env=("A=b=c", "HOME=/root", "PATH=/bin", "EMPTY=")) == [
        "MY_DB_NAME=/web/my-db",
        "MY_DB_ENV_A=b=c",
        "MY_DB_ENV_EMPTY=",
    ]
