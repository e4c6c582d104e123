"""The bridge driver: a network is a bridge on this host, an endpoint a veth pair on it.

`bridge_spec` decides what a network needs, pure; `BridgeDriver` does it, blocking.
"""

import ipaddress
import secrets
from typing import Final, NamedTuple

from boxship.engine.networks import ipam
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.firewall import BridgeRules, Firewall
from boxship.errors import (
    AlreadyExists,
    Conflict,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unsupported,
)
from boxship.linux import netlink, sysctl
from boxship.linux.netlink import Interface, RouteSocket
from boxship.model.filters import FALSE, TRUE
from boxship.model.network import Network

PREFIX: Final = "com.docker.network."
NAME: Final = PREFIX + "bridge.name"
ICC: Final = PREFIX + "bridge.enable_icc"
MASQUERADE: Final = PREFIX + "bridge.enable_ip_masquerade"
HOST_BINDING: Final = PREFIX + "bridge.host_binding_ipv4"
DEFAULT: Final = PREFIX + "bridge.default_bridge"
MTU: Final = PREFIX + "driver.mtu"
GATEWAY_MODES: Final = (PREFIX + "bridge.gateway_mode_ipv4", PREFIX + "bridge.gateway_mode_ipv6")
HOST_IPV4: Final = PREFIX + "host_ipv4"
INTERFACE_PREFIX: Final = PREFIX + "container_iface_prefix"


class BridgeSpec(NamedTuple):
    """What a bridge network is made of."""

    device: str
    addresses: tuple[Interface, ...]
    mtu: int
    rules: BridgeRules
    host_ip: str
    interface_prefix: str

    @property
    def isolated(self) -> bool:
        """True when its containers may not talk to each other (icc=false)."""
        return not self.rules.icc


def bridge_spec(network: Network, config: NetworkConfig) -> BridgeSpec:
    """Read a network's options; raise InvalidArgument in Docker's words."""
    options = network.options
    pools = ipam.pools(network)
    device = options.get(NAME) or network.bridge or f"br-{network.id[:12]}"
    icc = _flag(options, ICC, default=config.icc)
    return BridgeSpec(
        device=device,
        addresses=tuple(
            ipaddress.ip_interface((pool.gateway, pool.subnet.prefixlen)) for pool in pools
        ),
        mtu=_number(options, MTU, default=config.mtu),
        rules=BridgeRules(
            device=device,
            subnets=tuple(str(pool.subnet) for pool in pools),
            masquerade=_flag(options, MASQUERADE, default=config.ip_masq),
            internal=network.internal,
            icc=icc,
            snat4=_address(options, HOST_IPV4),
            unprotected="nat-unprotected" in [_gateway_mode(options, n) for n in GATEWAY_MODES],
        ),
        host_ip=_address(options, HOST_BINDING) or config.host_ip,
        interface_prefix=options.get(INTERFACE_PREFIX) or "eth",
    )


def _flag(options: dict[str, str], name: str, *, default: bool) -> bool:
    text = options.get(name, "")
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    if not text:
        return default
    raise InvalidArgument(
        f'failed to parse {name} value: {text} (strconv.ParseBool: parsing "{text}": invalid syntax)'
    )


def _number(options: dict[str, str], name: str, *, default: int) -> int:
    text = options.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise InvalidArgument(
            f'failed to parse {name} value: {text} (strconv.Atoi: parsing "{text}": invalid syntax)'
        )
    return int(text)


def _address(options: dict[str, str], name: str) -> str:
    text = options.get(name, "")
    if text and ipam.find_address(text) is None:
        raise InvalidArgument(f"failed to parse {name} value: {text} (nil ip)")
    # "every address" is the default, and then IPv6 goes with it
    return "" if text == "0.0.0.0" else text  # noqa: S104


def _gateway_mode(options: dict[str, str], name: str) -> str:
    mode = options.get(name, "")
    if mode in ("routed", "isolated"):
        raise Unsupported(f"gateway mode {mode} is not supported")
    if mode not in ("", "nat", "nat-unprotected"):
        raise InvalidArgument(f"failed to parse {name} value: {mode} (unknown gateway mode {mode})")
    return mode


def random_mac() -> str:
    """A locally administered unicast MAC."""
    return "02:42:" + secrets.token_bytes(4).hex(":")


class BridgeDriver:
    """Makes and removes bridges. Blocking."""

    def __init__(self, route: RouteSocket, firewall: Firewall) -> None:
        self._route = route
        self._firewall = firewall

    def ensure(self, spec: BridgeSpec, *, alias: str = "", ours: bool = False) -> bool:
        """Make the bridge, or complete one that exists; True when it was made here.

        One that is *ours* loses the addresses it had under other settings.
        """
        made = self._make(spec, alias)
        try:
            self._configure(spec, ours=ours)
            self._firewall.add_bridge(spec.rules)
        except BaseException:
            if made:
                self.delete(spec.device)
            raise
        return made

    def ipv4_of(self, device: str) -> str:
        """The IPv4 address of somebody else's bridge, with its prefix; raise NotFound without one."""
        index = self._route.index(device)
        for address in self._route.addresses():
            if address.index == index and address.interface.version == 4:
                return str(address.interface)
        raise NotFound(f"bridge {device} has no IPv4 address")

    def delete(self, device: str) -> None:
        """Remove bridge and rules; quiet when they are gone."""
        self._firewall.remove_bridge(device)
        try:
            self._route.request(netlink.delete_link(device))
        except NotFound:
            return

    def forget(self, device: str) -> None:
        """Drop the rules of a bridge that is not ours to remove."""
        self._firewall.remove_bridge(device)

    def _make(self, spec: BridgeSpec, alias: str) -> bool:
        message = netlink.add_bridge(spec.device, mac=random_mac(), mtu=spec.mtu, alias=alias)
        try:
            self._route.request(message)
        except AlreadyExists:
            if self._route.link(spec.device).kind != "bridge":
                raise PermissionDenied(
                    f"bridge device {spec.device} exists and is no bridge"
                ) from None
            return False
        return True

    def _configure(self, spec: BridgeSpec, *, ours: bool) -> None:
        index = self._route.index(spec.device)
        present = {a.interface for a in self._route.addresses() if a.index == index}
        v6 = any(address.version == 6 for address in spec.addresses)
        # Without IPv6 of its own the bridge must not pick some up from a router's advertisement.
        sysctl.write_if_present(f"net/ipv6/conf/{spec.device}/accept_ra", "0")
        sysctl.write_if_present(f"net/ipv6/conf/{spec.device}/disable_ipv6", "0" if v6 else "1")
        if v6 and not spec.rules.internal:
            # Only now: a host that forwards IPv6 no longer learns its own routes from routers.
            sysctl.write_if_present("net/ipv6/conf/all/forwarding", "1")
        if self._firewall.enabled:
            # Lets 127.0.0.1:port of the host reach a container; the firewall keeps the way back shut.
            sysctl.write(f"net/ipv4/conf/{spec.device}/route_localnet", "1")
        missing = [address for address in spec.addresses if address not in present]
        stale = [a for a in present - set(spec.addresses) if ours and not a.is_link_local]
        for address in missing:
            self._require_free(address, index)
        self._route.request(
            netlink.set_link(index, up=True),
            *(netlink.delete_address(index, address) for address in stale),
            *(netlink.add_address(index, address) for address in missing),
        )

    def _require_free(self, address: Interface, index: int) -> None:
        for other in self._route.addresses():
            if other.index != index and other.interface.ip == address.ip:
                raise Conflict(f"address {address.ip} is in use on this host")
