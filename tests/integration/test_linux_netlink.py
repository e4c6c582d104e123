"""rtnetlink on the real kernel, in a namespace of the test's own, judged by iproute2."""

import ipaddress
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from boxship.errors import AlreadyExists, InvalidArgument, NotFound
from boxship.linux import namespaces, netlink
from boxship.linux.netlink import RouteSocket

pytestmark = pytest.mark.root

T = TypeVar("T")
Host = tuple[Path, RouteSocket]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A namespace that plays the host, and a socket in it."""
    path = tmp_path / "host"
    route = namespaces.create_netns(path, RouteSocket)
    try:
        yield path, route
    finally:
        route.close()
        namespaces.delete_netns(path)


def ip(path: Path, *arguments: str) -> Any:
    """What iproute2 sees there."""
    command = ["nsenter", f"--net={path}", "ip", "-json", "-details", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout or b"[]")


def inside(path: Path, function: Callable[[], T]) -> T:
    return namespaces.run_in_netns(path, function)


def test_a_container_endpoint_as_iproute2_sees_it(host: Host, tmp_path: Path) -> None:
    path, route = host
    route.request(netlink.add_bridge("br0", mac="02:42:00:00:00:01", mtu=1400, alias="a bridge"))
    bridge = route.index("br0")
    route.request(
        netlink.add_address(bridge, ipaddress.ip_interface("172.17.0.1/16")),
        netlink.add_address(bridge, ipaddress.ip_interface("fd00:17::1/64")),
        netlink.set_link(bridge, up=True),
    )
    box = tmp_path / "box"
    inner = namespaces.create_netns(box, RouteSocket)
    try:
        fd = os.open(box, os.O_RDONLY)
        mac = "02:42:ac:11:00:02"
        route.request(
            netlink.add_veth("veth1", peer="eth0", netns_fd=fd, mac=mac, mtu=1400, master=bridge)
        )
        os.close(fd)
        eth0 = inner.index("eth0")
        inner.request(
            netlink.set_link(1, up=True),
            netlink.add_address(eth0, ipaddress.ip_interface("172.17.0.2/16")),
            netlink.set_link(eth0, up=True),
            netlink.add_route(eth0, gateway=ipaddress.ip_address("172.17.0.1")),
        )
        route.request(netlink.set_bridge_port(route.index("veth1"), isolated=True, hairpin=True))
        (veth,) = ip(path, "link", "show", "veth1")
        assert (veth["master"], veth["mtu"], "UP" in veth["flags"]) == ("br0", 1400, True)
        assert veth["linkinfo"]["info_slave_data"]["isolated"] is True
        assert veth["linkinfo"]["info_slave_data"]["hairpin"] is True
        (seen,) = ip(box, "addr", "show", "eth0")
        assert seen["address"] == mac
        (v4,) = (a for a in seen["addr_info"] if a["family"] == "inet")
        assert (v4["local"], v4["prefixlen"], v4["broadcast"]) == (
            "172.17.0.2",
            16,
            "172.17.255.255",
        )
        routes = {(r["dst"], r.get("gateway")) for r in ip(box, "route")}
        assert routes == {("default", "172.17.0.1"), ("172.17.0.0/16", None)}
    finally:
        inner.close()
        namespaces.delete_netns(box)


def test_our_reading_agrees_with_iproute2(host: Host) -> None:
    path, route = host
    route.request(netlink.add_bridge("d0"), netlink.set_link("d0", mtu=1300, up=True))
    index = route.index("d0")
    gateway = ipaddress.ip_address("10.9.0.1")
    route.request(
        netlink.add_address(index, ipaddress.ip_interface("10.9.0.5/24")),
        netlink.add_route(index, destination=ipaddress.ip_network("10.10.0.0/16"), gateway=gateway),
        netlink.add_route(index, destination=ipaddress.ip_network("10.11.0.0/16")),
        netlink.set_neighbour(index, gateway, "02:00:00:00:00:99", permanent=True),
    )
    assert {link.name for link in route.links()} == {e["ifname"] for e in ip(path, "link")}
    link = route.link("d0")
    assert (link.kind, link.mtu, link.up, link.master) == ("bridge", 1300, True, 0)
    assert link.statistics is not None
    ours = {str(a.interface) for a in route.addresses() if a.index == index}
    (seen,) = ip(path, "addr", "show", "d0")
    assert ours == {f"{a['local']}/{a['prefixlen']}" for a in seen["addr_info"]}
    v4 = {
        (str(r.destination), r.gateway and str(r.gateway))
        for r in route.routes()
        if r.destination is None or r.destination.version == 4
    }
    assert v4 == {(r["dst"], r.get("gateway")) for r in ip(path, "route")}
    assert [(n.address, n.mac) for n in route.neighbours() if n.address == gateway] == [
        (gateway, "02:00:00:00:00:99")
    ]


def test_what_was_made_can_be_changed_and_taken_away(host: Host) -> None:
    path, route = host
    fd = os.open(path, os.O_RDONLY)
    route.request(netlink.add_bridge("br0"), netlink.add_veth("d0", peer="d9", netns_fd=fd))
    os.close(fd)
    bridge, index = route.index("br0"), route.index("d0")
    address = ipaddress.ip_interface("10.9.0.5/24")
    route.request(
        netlink.set_link("d0", master=bridge, up=True),
        netlink.set_link(index, name="d1", mac="02:00:00:00:00:05"),
        netlink.add_address(index, address),
        netlink.add_route(index, destination=ipaddress.ip_network("10.11.0.0/16")),
    )
    assert route.link("d1").master == bridge
    route.request(
        netlink.delete_route(index, destination=ipaddress.ip_network("10.11.0.0/16")),
        netlink.delete_address(index, address),
        netlink.set_link("d1", master=0, up=False),
    )
    (seen,) = ip(path, "addr", "show", "d1")
    assert "master" not in seen
    assert [a for a in seen["addr_info"] if a["family"] == "inet"] == []
    route.request(netlink.delete_link("d1"), netlink.delete_link(bridge))
    assert [link.name for link in route.links()] == ["lo"]


def test_failures_are_kinds_with_the_kernel_s_words_and_leave_the_socket_usable(host: Host) -> None:
    _, route = host
    route.request(netlink.add_bridge("d0"))
    with pytest.raises(AlreadyExists, match="cannot add bridge d0: File exists"):
        route.request(netlink.add_bridge("d0"), netlink.set_link("nowhere", up=True))
    with pytest.raises(NotFound, match="cannot find link nowhere: No such device"):
        route.index("nowhere")
    with pytest.raises(NotFound):
        route.request(netlink.delete_link("nowhere"))
    for name in ("", "sixteen-bytes-xx"):
        with pytest.raises(InvalidArgument):
            netlink.add_bridge(name)
    with pytest.raises(InvalidArgument):
        netlink.parse_mac("02:42:zz")
    assert route.link("d0").name == "d0"


def test_a_large_dump_comes_whole(host: Host) -> None:
    _, route = host
    route.request(*(netlink.add_bridge(f"d{number}") for number in range(200)))
    assert len(route.links()) == 201
