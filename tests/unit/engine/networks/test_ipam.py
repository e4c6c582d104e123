"""Subnets and addresses."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.engine.config import AddressPool
from boxship.engine.networks import ipam
from boxship.engine.networks.config import LOCAL_POOLS, device_names
from boxship.errors import InvalidArgument
from boxship.model.network import IPAM, IPAMPool, Network

net = ipaddress.ip_network
address = ipaddress.ip_address


def network(*pools: IPAMPool, enable_ipv6: bool = False) -> Network:
    return Network(
        id="i" * 64,
        name="n",
        created=0,
        driver="bridge",
        enable_ipv6=enable_ipv6,
        ipam=IPAM(config=pools),
    )


def test_the_first_subnet_is_docker_s_and_the_next_is_free() -> None:
    assert ipam.choose_subnet(LOCAL_POOLS, []) == net("172.17.0.0/16")
    taken = [net("172.17.0.0/16"), net("172.18.3.0/24")]
    assert ipam.choose_subnet(LOCAL_POOLS, taken) == net("172.19.0.0/16")
    assert ipam.choose_subnet(LOCAL_POOLS, [net("172.16.0.0/12")]) == net("192.168.0.0/20")


def test_exhausted_pools_say_so() -> None:
    with pytest.raises(
        ipam.PoolsExhausted, match="all predefined address pools have been fully subnetted"
    ):
        ipam.choose_subnet([AddressPool(base="10.0.0.0/24", size=24)], [net("10.0.0.0/8")])


@given(st.sets(st.integers(2, 254)))
def test_the_lowest_free_address_is_taken(numbers: set[int]) -> None:
    used = {address(f"10.0.0.{number}") for number in numbers}
    pools = ipam.pools(network(IPAMPool(subnet="10.0.0.0/24")))
    free = sorted(set(range(2, 255)) - numbers)
    if not free:
        with pytest.raises(ipam.NoAddressLeft):
            ipam.choose_address(network(), pools, used, "", 4)
        return
    chosen, _ = ipam.choose_address(network(), pools, used, "", 4)
    assert chosen == address(f"10.0.0.{free[0]}")


def test_gateway_broadcast_and_auxiliary_addresses_are_never_handed_out() -> None:
    pool = IPAMPool(subnet="10.0.0.0/29", gateway="10.0.0.3", auxiliary_addresses={"a": "10.0.0.1"})
    pools = ipam.pools(network(pool))
    used: set[ipam.Address] = set()
    for _ in range(4):
        used.add(ipam.choose_address(network(), pools, used, "", 4)[0])
    assert used == {address(f"10.0.0.{n}") for n in (2, 4, 5, 6)}
    text = f"no available IPv4 addresses on this network's address pools: n \\({'i' * 64}\\)"
    with pytest.raises(ipam.NoAddressLeft, match=text):
        ipam.choose_address(network(), pools, used, "", 4)
    assert ipam.choose_address(network(), pools, used, "10.0.0.1", 4)[0] == address("10.0.0.1")
    for taken in ("10.0.0.3", "10.0.0.2", "10.0.0.7"):
        with pytest.raises(ipam.AddressTaken, match="Address already in use"):
            ipam.choose_address(network(), pools, used, taken, 4)


def test_a_range_limits_what_is_handed_out_but_not_what_is_asked_for() -> None:
    pools = ipam.pools(network(IPAMPool(subnet="10.0.0.0/24", ip_range="10.0.0.128/25")))
    assert pools[0].gateway == address("10.0.0.128")
    assert ipam.choose_address(network(), pools, (), "", 4)[0] == address("10.0.0.129")
    assert ipam.choose_address(network(), pools, (), "10.0.0.7", 4)[0] == address("10.0.0.7")


def test_a_huge_subnet_costs_no_time() -> None:
    pools = ipam.pools(network(IPAMPool(subnet="fd00::/64"), enable_ipv6=True))
    assert ipam.choose_address(network(), pools, (), "", 6)[0] == address("fd00::2")


@pytest.mark.parametrize(
    ("pool", "complaint"),
    [
        (IPAMPool(subnet="bad"), "invalid subnet bad: invalid CIDR block notation"),
        (IPAMPool(subnet="10.1.0.1"), "invalid subnet 10.1.0.1: invalid CIDR block notation"),
        (IPAMPool(subnet="10.1.0.5/24"), "invalid subnet 10.1.0.5/24: it should be 10.1.0.0/24"),
        (
            IPAMPool(subnet="10.1.0.0/24", gateway="10.2.0.1"),
            "invalid gateway 10.2.0.1: parent subnet 10.1.0.0/24 doesn't contain this address",
        ),
        (IPAMPool(subnet="10.1.0.0/24", gateway="x"), "invalid gateway x: invalid address"),
        (
            IPAMPool(subnet="10.1.0.0/24", ip_range="10.2.0.0/25"),
            "invalid ip-range 10.2.0.0/25: parent subnet 10.1.0.0/24 doesn't contain ip-range",
        ),
        (
            IPAMPool(subnet="10.1.0.0/24", auxiliary_addresses={"a": "10.2.0.1"}),
            "invalid auxiliary address a: parent subnet 10.1.0.0/24 doesn't contain this address",
        ),
    ],
)
def test_complaints_are_docker_s(pool: IPAMPool, complaint: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ipam.validate(IPAM(config=(pool,)), ipv4=True, ipv6=False)
    assert str(caught.value) == f"invalid network config:\n{complaint}"


@given(st.text())
def test_no_text_is_worse_than_invalid(text: str) -> None:
    pool = IPAMPool(subnet=text, gateway=text, ip_range=text, auxiliary_addresses={"a": text})
    try:
        ipam.validate(IPAM(config=(pool,)), ipv4=True, ipv6=True)
    except InvalidArgument:
        return


def test_a_mac_is_made_of_the_address() -> None:
    assert ipam.mac_for(address("172.17.0.2")) == "02:42:ac:11:00:02"


def test_only_the_default_root_has_the_plain_names() -> None:
    assert device_names("/var/lib/boxship/") == ("boxship0", "boxship")
    bridge, table = device_names("/tmp/a")
    assert bridge != device_names("/tmp/b")[0]
    assert len(bridge) <= 15
    assert table.isidentifier()


def test_a_subnet_of_a_family_that_is_off_is_kept_as_it_is() -> None:
    """docker-py's test_create_with_ipv6_address: no IPv6, but a subnet and an address of it."""
    asked = IPAM(config=(IPAMPool(subnet="2001:389::1/64"),))
    ipam.validate(asked, ipv4=True, ipv6=False)
    with pytest.raises(InvalidArgument, match="it should be 2001:389::/64"):
        ipam.validate(asked, ipv4=True, ipv6=True)
