"""Which networks a container wants."""

import msgspec
import pytest

from boxship.engine.networks import endpoints
from boxship.errors import InvalidArgument
from boxship.model.config import RunConfig
from boxship.model.container import Container, HostConfig
from boxship.model.network import (
    IPAM,
    Endpoint,
    EndpointIPAM,
    EndpointSettings,
    IPAMPool,
    Network,
    PortBinding,
)


def container(
    mode: str = "", networks: dict[str, EndpointSettings] | None = None, **options: object
) -> Container:
    return Container(
        id="c" * 64,
        name="web",
        created=0,
        image=None,
        image_reference="",
        config=RunConfig(hostname="h", domainname="example", mac_address=options.pop("mac", "")),  # type: ignore[arg-type]
        host_config=HostConfig(network_mode=mode, **options),  # type: ignore[arg-type]
        networks={mode or "bridge": EndpointSettings()} if networks is None else networks,
    )


def network(name: str, *, automatic: bool = False, internal: bool = False) -> Network:
    pool = IPAMPool(subnet="10.0.0.0/24")
    return Network(
        id=name * 64,
        name=name,
        created=0,
        driver="bridge",
        internal=internal,
        ipam=IPAM(config=(pool,)),
        automatic=(pool.subnet,) if automatic else (),
    )


def names(found: Container) -> list[str]:
    return [attachment.network for attachment in endpoints.attachments(found)]


def test_the_mode_decides_when_nothing_else_was_asked() -> None:
    assert names(container()) == ["bridge"]
    assert names(container("default")) == ["bridge"]
    assert names(container("mine")) == ["mine"]


def test_the_network_of_the_mode_comes_first() -> None:
    asked = {name: EndpointSettings() for name in ("b", "a", "mine")}
    assert names(container("mine", asked)) == ["mine", "a", "b"]
    assert names(container("none", asked)) == ["none"]


def test_a_container_taken_off_its_last_network_stays_off() -> None:
    assert names(container("mine", {})) == []
    assert names(container("host", {})) == ["host"]


def test_the_old_mac_address_field_means_the_first_network() -> None:
    first, second = endpoints.attachments(
        container(
            "mine",
            {"mine": EndpointSettings(aliases=("x",)), "z": EndpointSettings()},
            mac="02:00:00:00:00:01",
        )
    )
    assert (first.settings.mac_address, first.settings.aliases) == ("02:00:00:00:00:01", ("x",))
    assert second.settings.mac_address == ""


def test_names() -> None:
    settings = EndpointSettings(aliases=("db", "web"))
    assert endpoints.dns_names(container(), settings) == ("web", "db", "c" * 12, "h")
    assert endpoints.host_names(container()) == ("h.example", "h")
    assert endpoints.links(("db:database", "/x:/web/y", "z")) == [
        ("db", "database"),
        ("x", "y"),
        ("z", "z"),
    ]


def test_the_way_out_avoids_internal_networks_and_follows_priority() -> None:
    def pair(name: str, priority: int = 0, *, internal: bool = False) -> tuple[Endpoint, Network]:
        settings = EndpointSettings(gw_priority=priority)
        made = Endpoint(
            id=name,
            network_id=name,
            network_name=name,
            container_id="",
            container_name="",
            settings=settings,
        )
        return made, network(name, internal=internal)

    order = endpoints.gateway_order([pair("a", internal=True), pair("c"), pair("b"), pair("d", 1)])
    assert [found.name for _, found in order] == ["d", "b", "c", "a"]


@pytest.mark.parametrize(
    ("where", "settings", "complaint"),
    [
        (
            network("bridge", automatic=True),
            EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="192.168.9.5")),
            "invalid endpoint settings:\n"  # noqa: ISC004
            "* user specified IP address is supported on user defined networks only\n"
            "* no configured subnet or ip-range contain the IP address 192.168.9.5",
        ),
        (
            network("mine"),
            EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="10.9.0.5")),
            "invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 10.9.0.5",
        ),
        (
            network("mine"),
            EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="x")),
            "invalid endpoint settings:\n"  # noqa: ISC004
            "* invalid IPv4 address: x\n* no configured subnet or ip-range contain the IP address x",
        ),
        (
            network("mine"),
            EndpointSettings(ipam_config=EndpointIPAM(ipv6_address="10.0.0.5")),
            "invalid endpoint settings:\n"  # noqa: ISC004
            "* invalid IPv6 address: 10.0.0.5\n"
            "* user specified IP address is supported only when connecting to networks with user configured subnets",
        ),
        (
            network("mine"),
            EndpointSettings(ipam_config=EndpointIPAM(link_local_ips=("y",))),
            "invalid endpoint settings:\ninvalid link-local IP address: y",
        ),
        (
            network("mine"),
            EndpointSettings(mac_address="zz"),
            "invalid MAC address zz",
        ),
    ],
)
def test_settings_that_cannot_be(
    where: Network, settings: EndpointSettings, complaint: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        endpoints.validate_endpoint(where, settings)
    assert str(caught.value) == complaint


def test_in_another_container_s_network_nothing_can_be_published() -> None:
    bound = {"80/tcp": (PortBinding(host_port="80"),)}
    with pytest.raises(
        InvalidArgument,
        match=r"^conflicting options: port publishing and the container type network mode$",
    ):
        endpoints.validate_mode(container("container:x", port_bindings=bound))
    endpoints.validate_mode(container("container:x"))


@pytest.mark.parametrize(
    ("mode", "other", "complaint"),
    [
        ("none", "bridge", "multiple networks with one of the networks in private"),
        ("bridge", "none", "multiple networks with one of the networks in private"),
        ("none", "host", "cannot connect container to host network"),
        ("bridge", "host", "cannot connect container to host network"),
        ("host", "none", "container sharing network namespace"),
        ("host", "bridge", "container sharing network namespace"),
    ],
)
def test_networks_that_cannot_be_had_together(mode: str, other: str, complaint: str) -> None:
    both = {mode: EndpointSettings(), other: EndpointSettings()}
    with pytest.raises(InvalidArgument, match=complaint):
        endpoints.check_mixture(container(mode=mode, networks=both))


def test_one_network_or_two_bridges_can_be_had() -> None:
    for names in (["none"], ["host"], ["bridge", "mine"], []):
        networks = {name: EndpointSettings() for name in names}
        endpoints.check_mixture(container(mode=names[0] if names else "bridge", networks=networks))


def test_a_full_host_name_is_known_by_its_first_part_too() -> None:
    made = container()
    config = msgspec.structs.replace(made.config, hostname="a.b", domainname="c")
    assert endpoints.host_names(msgspec.structs.replace(made, config=config)) == ("a.b.c", "a")
