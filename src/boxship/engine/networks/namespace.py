"""A container's network namespace: made with all its endpoints in a handful of kernel calls. Blocking."""

import contextlib
import ipaddress
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from boxship.errors import NotFound
from boxship.linux import namespaces, netlink, sysctl
from boxship.linux.netlink import RouteSocket
from boxship.linux.netlink_wire import Message
from boxship.model.network import Endpoint

_SPARES: Final = 2


class EndpointPlan(NamedTuple):
    """An endpoint about to be made; `gateway4` and `gateway6` when default routes go through it.

    `isolated` keeps it from its neighbours, `hairpin` lets it reach ports of its own by the host's address.
    """

    endpoint: Endpoint
    bridge: str
    mtu: int
    isolated: bool
    hairpin: bool
    gateway4: bool
    gateway6: bool


class Spare(NamedTuple):
    """A namespace made in advance: a descriptor that holds it, and a socket inside."""

    fd: int
    inside: RouteSocket

    def close(self) -> None:
        """Let go of both; the namespace ends unless it was pinned."""
        os.close(self.fd)
        self.inside.close()


class Namespaces:
    """The namespaces of one engine, by file."""

    def __init__(self, directory: str, route: RouteSocket) -> None:
        self._directory = Path(directory)
        self._route = route
        self._spares: deque[Spare] = deque()

    def prepare(self) -> None:
        """Make the directory of the namespace files."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, sandbox_id: str) -> str:
        """Where the file of a sandbox's namespace is."""
        return str(self._directory / sandbox_id[:12])

    def names(self) -> list[str]:
        """The files there are, of whatever age."""
        return [file.name for file in self._directory.iterdir()]

    def take_spare(self) -> Spare | None:
        """A namespace that is ready, if there is one. Does not block."""
        try:
            return self._spares.popleft()
        except IndexError:
            return None

    def fill_spares(self) -> None:
        """Make namespaces in advance: half the time of an attach."""
        while len(self._spares) < _SPARES:
            self._spares.append(_make())

    def drop_spares(self) -> None:
        """Let go of them."""
        while (spare := self.take_spare()) is not None:
            spare.close()

    def build(self, path: str, plans: Sequence[EndpointPlan]) -> None:
        """Make a namespace and its endpoints; all or nothing."""
        made = self.take_spare() or _make()
        try:
            namespaces.pin_netns(made.fd, path)
        except BaseException:
            made.close()
            raise
        try:
            self._connect(path, made.inside, plans)
        except BaseException:
            self.destroy(path, [plan.endpoint.device for plan in plans])
            raise
        finally:
            made.close()

    def destroy(self, path: str, devices: Sequence[str]) -> None:
        """Let go of a namespace; quiet when it is gone.

        Taking a veth off its bridge is a quarter of a millisecond and ends its traffic; deleting one
        waits some 30 ms for the kernel, which does it by itself once the namespace dies.
        """
        for device in devices:
            with contextlib.suppress(NotFound):
                self._route.request(netlink.set_link(device, master=0))
        namespaces.delete_netns(path)

    def connect(self, path: str, plan: EndpointPlan) -> None:
        """Add an endpoint to a namespace in use."""
        with namespaces.run_in_netns(path, RouteSocket) as inside:
            try:
                self._connect(path, inside, [plan])
            except BaseException:
                with contextlib.suppress(NotFound):
                    self._route.request(netlink.delete_link(plan.endpoint.device))
                raise

    def disconnect(self, path: str, device: str, next_gateways: Sequence[Endpoint]) -> None:
        """Take an endpoint away and send default routes through what is left."""
        with contextlib.suppress(NotFound):
            self._route.request(netlink.delete_link(device))
        self.reroute(path, next_gateways)

    def reroute(self, path: str, gateways: Sequence[Endpoint]) -> None:
        """Send default routes through these endpoints."""
        with namespaces.run_in_netns(path, RouteSocket) as inside:
            for endpoint in gateways:
                index = inside.index(endpoint.interface)
                for gateway in filter(None, (endpoint.gateway, endpoint.ipv6_gateway)):
                    route = netlink.add_route(index, gateway=ipaddress.ip_address(gateway))
                    inside.request(route)

    def reattach(self, device: str, bridge: str) -> None:
        """Put a surviving endpoint back on its bridge, when that was made anew."""
        index = self._route.index(bridge)
        if self._route.link(device).master != index:
            self._route.request(netlink.set_link(device, master=index, up=True))

    def ports_of(self, bridge: str) -> list[str]:
        """The devices on a bridge."""
        links = self._route.links()
        index = next((link.index for link in links if link.name == bridge), -1)
        return [link.name for link in links if link.master == index]

    def remove_device(self, name: str) -> None:
        """Delete a device that nobody knows any more."""
        with contextlib.suppress(NotFound):
            self._route.request(netlink.delete_link(name))

    def _connect(self, path: str, inside: RouteSocket, plans: Sequence[EndpointPlan]) -> None:
        if not plans:
            return
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._route.request(*(self._veth(plan, fd) for plan in plans))
        finally:
            os.close(fd)
        self._configure_ports(plans)
        v6 = [plan.endpoint.interface for plan in plans if plan.endpoint.ipv6_address]
        if v6:
            namespaces.run_in_netns(path, lambda: _enable_ipv6(v6))
        inside.request(*(m for plan in plans for m in _configuration(inside, plan)))

    def _configure_ports(self, plans: Sequence[EndpointPlan]) -> None:
        # With br_netfilter the firewall sees bridged packets too: it then keeps neighbours apart, so that
        # published ports stay open to them; and what it translates back to its sender never leaves the
        # bridge, which sends nothing back to where it came from unless told to.
        filtered = sysctl.read("net/bridge/bridge-nf-call-iptables") == "1"
        for plan in plans:
            isolated = plan.isolated and not filtered
            hairpin = plan.hairpin and filtered
            if isolated or hairpin:
                index = self._route.index(plan.endpoint.device)
                port = netlink.set_bridge_port(index, isolated=isolated, hairpin=hairpin)
                self._route.request(port)

    def _veth(self, plan: EndpointPlan, fd: int) -> Message:
        endpoint = plan.endpoint
        return netlink.add_veth(
            endpoint.device,
            peer=endpoint.interface,
            netns_fd=fd,
            mac=endpoint.mac_address,
            mtu=plan.mtu,
            master=self._route.index(plan.bridge),
        )


def _make() -> Spare:
    return Spare(*namespaces.open_netns(_enter))


def _enter() -> RouteSocket:
    # New interfaces start without IPv6: one that has no IPv6 address must not make one up from a
    # router's advertisement (CVE-2024-32473). Loopback exists already and keeps its ::1.
    sysctl.write_if_present("net/ipv6/conf/default/disable_ipv6", "1")
    # They tell their neighbours when they come up: whoever had the address before had another MAC.
    sysctl.write_if_present("net/ipv4/conf/default/arp_notify", "1")
    inside = RouteSocket()
    try:
        inside.request(netlink.set_link(1, up=True))
    except BaseException:
        inside.close()
        raise
    return inside


def _enable_ipv6(interfaces: Sequence[str]) -> None:
    for name in interfaces:
        sysctl.write(f"net/ipv6/conf/{name}/accept_ra", "0")
        sysctl.write(f"net/ipv6/conf/{name}/disable_ipv6", "0")


def _configuration(inside: RouteSocket, plan: EndpointPlan) -> Iterator[Message]:
    endpoint = plan.endpoint
    index = inside.index(endpoint.interface)
    if endpoint.ipv4_address:
        text = f"{endpoint.ipv4_address}/{endpoint.ipv4_prefix}"
        yield netlink.add_address(index, ipaddress.ip_interface(text))
    if endpoint.ipv6_address:
        text = f"{endpoint.ipv6_address}/{endpoint.ipv6_prefix}"
        yield netlink.add_address(index, ipaddress.ip_interface(text))
    yield netlink.set_link(index, up=True)
    if plan.gateway4 and endpoint.gateway:
        yield netlink.add_route(index, gateway=ipaddress.ip_address(endpoint.gateway))
    if plan.gateway6 and endpoint.ipv6_gateway:
        yield netlink.add_route(index, gateway=ipaddress.ip_address(endpoint.ipv6_gateway))
