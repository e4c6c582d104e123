"""Decides what a new network is: its subnets, its options, what can never be."""

import ipaddress
import re
import secrets
import time
from collections.abc import Sequence

import msgspec

from boxship.concurrency import in_thread
from boxship.engine.config import AddressPool
from boxship.engine.networks import endpoints, ipam
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.drivers import bridge, host, null
from boxship.engine.networks.drivers.bridge import BridgeDriver
from boxship.engine.networks.ipam import Subnet
from boxship.engine.networks.state import PREDEFINED, NetworkState
from boxship.errors import InvalidArgument, NotFound, PermissionDenied
from boxship.linux.netlink import RouteSocket
from boxship.model.network import IPAM, IPAMPool, Network
from boxship.services.networks import NetworkRequest


class NetworkPlanner:
    """Plans networks beside those there are and what the host already routes."""

    def __init__(
        self,
        config: NetworkConfig,
        state: NetworkState,
        route: RouteSocket,
        bridges: BridgeDriver,
    ) -> None:
        self._config = config
        self._state = state
        self._route = route
        self._bridges = bridges

    def __repr__(self) -> str:
        return f"NetworkPlanner({self._state})"

    async def plan(self, request: NetworkRequest) -> Network:
        """A bridge network; raise InvalidArgument, PoolOverlap or PoolsExhausted."""
        asked = request.ipam or IPAM()
        ipv4 = request.enable_ipv4 is not False
        ipv6 = request.enable_ipv6 is True
        ipam.validate(asked, ipv4=ipv4, ipv6=ipv6)
        taken = await self._taken_subnets()
        given = [ipam.parse_subnet(pool.subnet) for pool in asked.config if pool.subnet]
        own = self._own_subnets()
        for number, subnet in enumerate(given):
            if ipam.overlaps(subnet, [*own, *given[:number]]):
                raise ipam.PoolOverlap
        wanted = {version for version, on in ((4, ipv4), (6, ipv6)) if on}
        wanted -= {subnet.version for subnet in given}
        chosen = self._choose_missing(given, taken, wanted)
        identifier = secrets.token_hex(32)
        return Network(
            id=identifier,
            name=request.name,
            created=time.time_ns(),
            driver=request.driver or "bridge",
            enable_ipv4=ipv4,
            enable_ipv6=ipv6,
            ipam=IPAM(
                driver=asked.driver or "default",
                options=asked.options,
                config=(*(pool for pool in asked.config if pool.subnet), *chosen),
            ),
            internal=request.internal,
            attachable=request.attachable,
            ingress=request.ingress,
            config_from=request.config_from,
            options=request.options,
            labels=request.labels,
            bridge=request.options.get(bridge.NAME) or f"br-{identifier[:12]}",
            automatic=tuple(pool.subnet for pool in chosen),
        )

    def configuration(self, request: NetworkRequest) -> Network:
        """A network that only others are made from: no device, no addresses."""
        return Network(
            id=secrets.token_hex(32),
            name=request.name,
            created=time.time_ns(),
            driver=null.NAME,
            enable_ipv4=request.enable_ipv4 is not False,
            enable_ipv6=request.enable_ipv6 is True,
            ipam=request.ipam or IPAM(),
            internal=request.internal,
            config_only=True,
            options=request.options,
            labels=request.labels,
        )

    def configured(self, request: NetworkRequest) -> NetworkRequest:
        """The request with what its configuration network says."""
        if not request.config_from:
            return request
        source = self._state.find_network_by_name(request.config_from)
        if source is None or not source.config_only:
            raise NotFound(f'configuration network "{request.config_from}" does not exist')
        if request.options or (request.ipam and request.ipam.config):
            raise PermissionDenied(
                "user specified configurations are not supported if the network depends on a "
                "configuration network"
            )
        return msgspec.structs.replace(
            request,
            enable_ipv4=source.enable_ipv4,
            enable_ipv6=source.enable_ipv6,
            ipam=source.ipam,
            internal=source.internal,
            options=source.options,
            labels={**source.labels, **request.labels},
        )

    async def _default_pools(self, present: Network | None) -> list[IPAMPool]:
        config = self._config
        pools = [await self._default_ipv4(present)]
        if config.ipv6:
            subnet = config.fixed_cidr_v6
            if not subnet:
                (pool,) = self._choose_missing((), await self._taken_subnets(present), {6})
                subnet = pool.subnet
            pools.append(IPAMPool(subnet=subnet, gateway=config.default_gateway_v6))
        return pools

    async def _default_ipv4(self, present: Network | None) -> IPAMPool:
        config = self._config
        given = config.bip
        if not config.bridge_is_ours:
            given = await in_thread(self._bridges.ipv4_of, config.bridge)
        if given:
            gateway = ipaddress.ip_interface(given)
            ip = config.default_gateway or str(gateway.ip)
            subnet = str(gateway.network)
            return IPAMPool(subnet=subnet, gateway=ip, ip_range=config.fixed_cidr)
        if present is not None and present.ipam.config:
            return present.ipam.config[0]
        (pool,) = self._choose_missing((), await self._taken_subnets(), {4})
        return msgspec.structs.replace(pool, ip_range=config.fixed_cidr)

    async def default_network(self, present: Network | None) -> Network:
        """The default network as the settings want it, keeping what it is already known by."""
        pools = await self._default_pools(present)
        config = self._config
        flag = {True: "true", False: "false"}
        return Network(
            id=present.id if present else secrets.token_hex(32),
            name=endpoints.DEFAULT,
            created=present.created if present else time.time_ns(),
            driver="bridge",
            enable_ipv6=config.ipv6,
            ipam=IPAM(config=tuple(pools)),
            bridge=config.bridge if config.bridge_is_ours else "",
            automatic=tuple(pool.subnet for pool in pools),
            options={
                bridge.DEFAULT: "true",
                bridge.ICC: flag[config.icc],
                bridge.MASQUERADE: flag[config.ip_masq],
                bridge.HOST_BINDING: config.host_ip or "0.0.0.0",  # noqa: S104 - as Docker shows it
                bridge.NAME: config.bridge,
                bridge.MTU: str(config.mtu),
            },
        )

    def _choose_missing(
        self, given: Sequence[Subnet], taken: Sequence[Subnet], versions: set[int]
    ) -> list[IPAMPool]:
        """Free subnets, one of each IP version."""
        chosen = []
        if 4 in versions:
            chosen.append(ipam.choose_subnet(self._config.address_pools, [*taken, *given]))
        if 6 in versions:
            base = ipam.unique_local_prefix(self._config.netns_directory)
            pools = [*self._config.address_pools, AddressPool(base=base, size=64)]
            chosen.append(ipam.choose_subnet(pools, [*taken, *given], version=6))
        return [IPAMPool(subnet=str(s), gateway=str(s.network_address + 1)) for s in chosen]

    async def _taken_subnets(self, without: Network | None = None) -> list[Subnet]:
        """What a new network must not overlap: ours, and every route and address of the host."""
        if without is not None:
            others = [n for n in self._state.networks() if n != without and not n.config_only]
            return [subnet for network in others for subnet in _subnets(network)]
        routes, addresses = await in_thread(lambda: (self._route.routes(), self._route.addresses()))
        on_host: list[Subnet] = [r.destination for r in routes if r.destination is not None]
        on_host += [address.interface.network for address in addresses]
        return [*self._own_subnets(), *on_host]

    def _own_subnets(self) -> list[Subnet]:
        networks = [network for network in self._state.networks() if not network.config_only]
        return [subnet for network in networks for subnet in _subnets(network)]


def require_possible(request: NetworkRequest) -> None:
    """Raise for what no network can ever be."""
    if not request.name.strip():
        raise InvalidArgument("invalid name: name is empty")
    if request.name in PREDEFINED or request.name == "default":
        raise PermissionDenied(f"operation is not permitted on predefined {request.name} network ")
    if request.driver in (host.NAME, null.NAME):
        raise PermissionDenied(f'only one instance of "{request.driver}" network is allowed')
    if request.scope == "swarm" or request.ingress:
        raise PermissionDenied("cannot create a swarm scoped network when swarm is not active")
    if request.driver not in ("bridge", ""):
        raise NotFound(f'plugin "{request.driver}" not found')
    if request.ipam is not None and request.ipam.driver not in ("default", ""):
        raise NotFound(f'plugin "{request.ipam.driver}" not found')
    if request.enable_ipv4 is False and not request.enable_ipv6:
        raise InvalidArgument("IPv4 or IPv6 must be enabled")
    device = request.options.get(bridge.NAME, "")
    if device and (len(device.encode()) > 15 or not re.fullmatch(r"[^\s/:]+", device)):
        raise InvalidArgument(f"invalid bridge name {device!r}".replace("'", '"'))


def _subnets(network: Network) -> list[Subnet]:
    return [ipaddress.ip_network(pool.subnet, strict=False) for pool in network.ipam.config]
