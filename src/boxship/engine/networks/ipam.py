"""Addresses: which subnet a network gets, which address an endpoint; pure, Docker's rules and words."""

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from boxship.engine.config import AddressPool
from boxship.errors import Internal, InvalidArgument, PermissionDenied
from boxship.model.network import IPAM, IPAMPool, Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_SCANNED: Final = 1 << 17  # of a huge IPv6 subnet, only the beginning is ever handed out


class PoolsExhausted(Internal):
    """Every piece of the address pools is taken."""

    def __init__(self) -> None:
        super().__init__("all predefined address pools have been fully subnetted")


class PoolOverlap(PermissionDenied):
    """The subnet that was asked for meets one that is in use."""

    def __init__(self) -> None:
        super().__init__("invalid pool request: Pool overlaps with other one on this address space")


class NoAddressLeft(Internal):
    """The network is full."""

    def __init__(self, network: Network, version: int) -> None:
        super().__init__(
            f"no available IPv{version} addresses on this network's address pools: "
            f"{network.name} ({network.id})"
        )


class AddressTaken(Internal):
    """Another endpoint, or the gateway, has the address that was asked for."""

    def __init__(self) -> None:
        super().__init__("Address already in use")


class Pool(NamedTuple):
    """One subnet, parsed; `range` is the part that addresses are handed out from."""

    subnet: Subnet
    range: Subnet
    gateway: Address
    reserved: frozenset[Address]

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.subnet.version


def parse_subnet(text: str) -> Subnet:
    """A CIDR block; raise InvalidArgument in Docker's words."""
    try:
        subnet = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidArgument(f"invalid subnet {text}: invalid CIDR block notation") from None
    if "/" not in text:
        raise InvalidArgument(f"invalid subnet {text}: invalid CIDR block notation")
    return subnet


def validate(ipam: IPAM, *, ipv4: bool, ipv6: bool) -> None:
    """Raise InvalidArgument with all complaints at once, as Docker does."""
    complaints = [complaint for pool in ipam.config for complaint in _complaints(pool, ipv4, ipv6)]
    if complaints:
        marked = complaints if len(complaints) == 1 else [f"* {text}" for text in complaints]
        raise InvalidArgument("invalid network config:\n" + "\n".join(marked))


def _complaints(pool: IPAMPool, ipv4: bool, ipv6: bool) -> Iterator[str]:  # noqa: FBT001
    try:
        subnet = parse_subnet(pool.subnet)
    except InvalidArgument as error:
        yield str(error)
        return
    if not (ipv4 if subnet.version == 4 else ipv6):
        return  # Docker keeps what it does not use as it is
    given = ipaddress.ip_interface(pool.subnet)
    if given.ip != subnet.network_address:
        yield f"invalid subnet {pool.subnet}: it should be {subnet}"
    if pool.ip_range:
        yield from _range_complaints(pool.ip_range, subnet)
    named = {"gateway " + pool.gateway: pool.gateway} if pool.gateway else {}
    named |= {f"auxiliary address {k}": v for k, v in (pool.auxiliary_addresses or {}).items()}
    for what, text in named.items():
        address = find_address(text)
        if address is None:
            yield f"invalid {what}: invalid address"
        elif address not in subnet:
            yield f"invalid {what}: parent subnet {subnet} doesn't contain this address"


def _range_complaints(text: str, subnet: Subnet) -> Iterator[str]:
    try:
        chosen = ipaddress.ip_network(text, strict=False)
    except ValueError:
        yield f"invalid ip-range {text}: invalid CIDR block notation"
        return
    if chosen.version != subnet.version or not chosen.subnet_of(subnet):  # type: ignore[arg-type]
        yield f"invalid ip-range {text}: parent subnet {subnet} doesn't contain ip-range"
    elif ipaddress.ip_interface(text).ip != chosen.network_address:
        yield f"invalid ip-range {text}: it should be {chosen}"


def find_address(text: str) -> Address | None:
    """The address, or None when the text is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def pools(network: Network) -> list[Pool]:
    """The network's subnets, parsed; of the families it has switched on."""
    wanted = {4: network.enable_ipv4, 6: network.enable_ipv6}
    given = [pool for pool in network.ipam.config if pool.subnet]
    return [_pool(pool) for pool in given if wanted[parse_subnet(pool.subnet).version]]


def subnets(network: Network, version: int) -> list[Subnet]:
    """All of one family, also when it is off."""
    found = [parse_subnet(pool.subnet) for pool in network.ipam.config if pool.subnet]
    return [subnet for subnet in found if subnet.version == version]


def _pool(pool: IPAMPool) -> Pool:
    subnet = ipaddress.ip_network(pool.subnet, strict=False)
    part = ipaddress.ip_network(pool.ip_range, strict=False) if pool.ip_range else subnet
    auxiliary = {ipaddress.ip_address(a) for a in (pool.auxiliary_addresses or {}).values()}
    edges: set[Address] = set()
    if subnet.num_addresses > 2:
        edges.add(subnet.network_address)
        if subnet.version == 4:
            edges.add(subnet.broadcast_address)
    gateway = find_address(pool.gateway) or _first_free(part, auxiliary | edges)
    reserved = auxiliary | edges | {gateway}
    return Pool(subnet, part, gateway, frozenset(reserved))


def _first_free(part: Subnet, taken: Collection[Address]) -> Address:
    for offset in range(min(part.num_addresses, len(taken) + 1)):
        if part.network_address + offset not in taken:
            return part.network_address + offset
    return part.network_address


def choose_subnet(
    address_pools: Iterable[AddressPool], taken: Collection[Subnet], version: int = 4
) -> Subnet:
    """The first piece of the pools that overlaps nothing; raise PoolsExhausted."""
    for pool in address_pools:
        base = ipaddress.ip_network(pool.base)
        if base.version == version:
            for piece in base.subnets(new_prefix=max(pool.size, base.prefixlen)):
                if not overlaps(piece, taken):
                    return piece
    raise PoolsExhausted


def overlaps(subnet: Subnet, taken: Iterable[Subnet]) -> bool:
    """True when *subnet* shares an address with any of the others."""
    return any(subnet.version == other.version and subnet.overlaps(other) for other in taken)


def choose_address(
    network: Network, pools: Iterable[Pool], used: Collection[Address], wanted: str, version: int
) -> tuple[Address, Pool]:
    """The address for a new endpoint: *wanted*, or the lowest free one."""
    candidates = [pool for pool in pools if pool.version == version]
    if wanted:
        address = ipaddress.ip_address(wanted)
        for pool in candidates:
            if address in pool.subnet:
                if address in used or address in pool.reserved - _auxiliary(pool):
                    raise AddressTaken
                return address, pool
    for pool in candidates:
        for address in _in_order(pool):
            if address not in used and address not in pool.reserved:
                return address, pool
    raise NoAddressLeft(network, version)


def _auxiliary(pool: Pool) -> frozenset[Address]:
    # An auxiliary address is kept from being handed out; who asks for it by name may have it.
    fixed = {pool.gateway, pool.subnet.network_address, pool.subnet.broadcast_address}
    return frozenset(pool.reserved - fixed)


def _in_order(pool: Pool) -> Iterator[Address]:
    first = pool.range.network_address
    for offset in range(min(pool.range.num_addresses, _MAX_SCANNED)):
        yield first + offset


def mac_for(address: Address) -> str:
    """A locally administered MAC made of an IPv4 address.

    Docker 28 draws it by lot and then must tell all neighbours when an address changes hands; made this
    way, an address that is used again has the MAC that everybody remembers.
    """
    return "02:42:" + address.packed[-4:].hex(":")


def unique_local_prefix(seed: str) -> str:
    """A /48 of unique local IPv6 addresses (RFC 4193) that stays the same for one engine."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return f"fd{digest[:2]}:{digest[2:6]}:{digest[6:10]}::/48"
