"""Networks: create, inspect, list, connect, disconnect, remove, prune."""

import asyncio
import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from boxship.concurrency import in_thread
from boxship.engine.config import AddressPool
from boxship.engine.events import EventBus
from boxship.engine.networks import endpoints, ipam
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.drivers import bridge, host, null
from boxship.engine.networks.drivers.bridge import BridgeDriver, BridgeSpec
from boxship.engine.networks.ipam import Subnet
from boxship.engine.networks.sandboxes import NetworkSandboxes
from boxship.engine.networks.state import PREDEFINED, NetworkState
from boxship.errors import (
    BoxshipError,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from boxship.linux import sysctl
from boxship.linux.netlink import RouteSocket
from boxship.model.container import Container, NoSuchContainer
from boxship.model.filters import Filters
from boxship.model.moment import parse_moment
from boxship.model.network import (
    IPAM,
    EndpointSettings,
    IPAMPool,
    Network,
    NetworkInUse,
    NetworkNameTaken,
)
from boxship.services.containers import PruneResult
from boxship.services.networks import NetworkDetail, NetworkRequest
from boxship.store.metadata import Metadata

log = logging.getLogger(__name__)

_LIST_FILTERS: Final = ("dangling", "driver", "id", "label", "name", "scope", "type")
_PRUNE_FILTERS: Final = ("label", "label!", "until")


class NetworkService:
    """Implements services.networks.Networks."""

    def __init__(
        self,
        config: NetworkConfig,
        metadata: Metadata,
        state: NetworkState,
        events: EventBus,
        *,
        route: RouteSocket,
        bridges: BridgeDriver,
        sandboxes: NetworkSandboxes,
    ) -> None:
        self._config = config
        self._metadata = metadata
        self._state = state
        self._events = events
        self._route = route
        self._bridges = bridges
        self._sandboxes = sandboxes
        self._lock = asyncio.Lock()  # around choosing a subnet and making the network with it

    def __repr__(self) -> str:
        return f"NetworkService({self._config.bridge})"

    # ---- the engine's start

    async def start(self) -> None:
        """Make the predefined networks, and the devices of all; what fails is logged.

        A bridge that cannot be made must not keep containers without network from running.
        """
        if self._config.ip_forward:
            await in_thread(_switch_on_forwarding)
        for name, make in (("none", null.network), ("host", host.network)):
            if self._state.find_network_by_name(name) is None:
                self._state.add_network(make(secrets.token_hex(32), time.time_ns()))
        if self._config.bridge != "none":
            await self._ensure_default()
        for network in self._state.networks():
            if network.driver == "bridge":
                await self._ensure_device(network)

    async def _ensure_default(self) -> None:
        present = self._state.find_network_by_name(endpoints.DEFAULT)
        try:
            pools = await self._default_pools(present)
        except BoxshipError as error:
            log.error("no default network: %s", error)  # noqa: TRY400 - the text says all
            return
        wanted = self._default_network(present, pools)
        if wanted != present:
            self._state.put_network(wanted)

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

    def _default_network(self, present: Network | None, pools: Sequence[IPAMPool]) -> Network:
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

    async def _ensure_device(self, network: Network) -> None:
        try:
            spec = self._state.spec(network)
            await in_thread(self._bridges.ensure, spec, alias=_alias(network))
        except BoxshipError as error:
            log.error("network %s: %s", network.name, error)  # noqa: TRY400 - the text says all

    # ---- create

    async def create(self, request: NetworkRequest) -> str:
        """See services.networks."""
        _require_possible(request)
        async with self._lock, AsyncExitStack() as undo:
            if self._state.find_network_by_name(request.name) is not None:
                raise NetworkNameTaken(request.name)
            if request.config_only:
                return self._keep_configuration(request)
            request = self._configured(request)
            network = await self._plan(request)
            spec = self._state.spec(network)
            self._require_own_device(network, spec)
            self._state.add_network(network)
            undo.callback(self._state.delete_network, network.id)
            made = await in_thread(self._bridges.ensure, spec, alias=_alias(network))
            if not made:  # somebody else's bridge: used, and left alone when the network goes
                self._state.put_network(msgspec.structs.replace(network, bridge=""))
            undo.pop_all()
        self._tell("create", network)
        return network.id

    def _keep_configuration(self, request: NetworkRequest) -> str:
        """A network that only others are made from: no device, no addresses."""
        network = Network(
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
        self._state.add_network(network)
        self._tell("create", network)
        return network.id

    def _configured(self, request: NetworkRequest) -> NetworkRequest:
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

    async def _plan(self, request: NetworkRequest) -> Network:
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

    def _require_own_device(self, network: Network, spec: BridgeSpec) -> None:
        for other in self._state.networks():
            if other.driver == "bridge" and self._state.spec(other).device == spec.device:
                raise PermissionDenied(
                    f"cannot create network {network.id} ({spec.device}): conflicts with network "
                    f"{other.id} ({spec.device}): networks have same bridge name"
                )

    # ---- look

    async def inspect(self, name: str) -> NetworkDetail:
        """See services.networks."""
        return self._detail(self._state.get_network(name))

    async def list(self, filters: Filters) -> Sequence[NetworkDetail]:
        """See services.networks."""
        filters.validate(_LIST_FILTERS)
        kinds = filters.get("type")
        if wrong := [kind for kind in kinds if kind not in ("builtin", "custom")]:
            raise InvalidArgument(f"invalid filter: 'type'='{wrong[0]}'")
        details = [self._detail(network) for network in self._state.networks()]
        return [detail for detail in details if _selected(detail, filters)]

    def _detail(self, network: Network) -> NetworkDetail:
        return NetworkDetail(network, tuple(self._state.endpoints(network.id)))

    # ---- remove

    async def remove(self, name: str) -> None:
        """See services.networks."""
        async with self._lock:
            network = self._state.get_network(name)
            if network.name in PREDEFINED:
                raise NetworkInUse(f"{network.name} is a pre-defined network and cannot be removed")
            await self._remove(network)

    async def _remove(self, network: Network) -> None:
        active = self._state.endpoints(network.id)
        if active or self._state.used(network.id):
            listed = ", ".join(f'name:"{e.container_name}" id:"{e.id[:12]}"' for e in active)
            raise NetworkInUse(
                f"error while removing network: network {network.name} has active endpoints "
                f"({listed})"
            )
        users = [n.name for n in self._state.networks() if n.config_from == network.name]
        if network.config_only and users:
            raise NetworkInUse(
                f"configuration network {network.name!r} is in use".replace("'", '"')
            )
        if network.driver == "bridge":
            await self._remove_device(network)
        self._state.delete_network(network.id)
        self._tell("destroy", network)

    async def _remove_device(self, network: Network) -> None:
        device = self._state.spec(network).device
        undertake = self._bridges.delete if network.bridge else self._bridges.forget
        await in_thread(undertake, device)

    async def prune(self, filters: Filters) -> PruneResult:
        """See services.networks."""
        filters.validate(_PRUNE_FILTERS)
        before_ns = _until(filters)
        removed = []
        async with self._lock:
            for network in self._state.networks():
                if network.name in PREDEFINED or network.created > before_ns:
                    continue
                if self._state.used(network.id) or self._state.endpoints(network.id):
                    continue
                if not filters.labels(network.labels) or _unwanted(network, filters):
                    continue
                await self._remove(network)
                removed.append(network.name)
        self._events.publish("network", "prune", "", {"reclaimed": "0"})
        return PruneResult(tuple(removed))

    # ---- connect

    async def connect(self, name: str, container: str, settings: EndpointSettings) -> None:
        """See services.networks."""
        network = self._state.get_network(name)
        found = self._get_container(container)
        mode = endpoints.network_mode(found)
        if network.driver == host.NAME:
            raise InvalidArgument(
                "cannot connect container to host network - container must be created in host "
                "network mode"
            )
        if mode == endpoints.HOST or endpoints.joined_container(found) is not None:
            raise InvalidArgument(
                "container sharing network namespace with another container or host cannot be "
                "connected to any other network"
            )
        if network.driver == null.NAME or mode == endpoints.NONE:
            raise InvalidArgument(
                "container cannot be connected to multiple networks with one of the networks in "
                "private (none) mode"
            )
        endpoints.validate_endpoint(network, settings)
        current = _networks_of(found)
        if network.name in current:
            raise PermissionDenied(
                f"endpoint with name {found.name} already exists in network {network.name}"
            )
        self._put_networks(found.id, {**current, network.name: settings})
        try:
            await self._sandboxes.connect(found, network, settings)
        except BaseException:
            self._put_networks(found.id, current)
            raise

    async def disconnect(self, name: str, container: str, *, force: bool = False) -> None:
        """See services.networks."""
        network = self._state.get_network(name)
        try:
            found = self._get_container(container)
        except NoSuchContainer:
            if force:
                raise NotFound(f"endpoint {container} not found") from None
            raise
        if network.driver == host.NAME and endpoints.network_mode(found) == endpoints.HOST:
            raise InvalidArgument(
                "cannot disconnect container from host network - container "
                "must be created in host network mode"
            )
        current = _networks_of(found)
        if network.name not in current:
            raise Internal(f"container {found.id} is not connected to network {network.name}")
        await self._sandboxes.disconnect(found, network)
        remaining = {key: value for key, value in current.items() if key != network.name}
        self._put_networks(found.id, remaining)

    def _get_container(self, name: str) -> Container:
        containers = self._metadata.containers
        found = containers.find(name) or containers.find_by_name(name.removeprefix("/"))
        if found is None and name:
            beginning = containers.find_by_prefix(name)
            found = beginning[0] if len(beginning) == 1 else None
        if found is None:
            raise NoSuchContainer(name)
        return found

    def _put_networks(self, container_id: str, networks: dict[str, EndpointSettings]) -> None:
        # Read again: what else happened to the container meanwhile must not be undone.
        now = self._metadata.containers.find(container_id)
        if now is not None:
            self._metadata.containers.put(msgspec.structs.replace(now, networks=networks))

    def _tell(self, action: str, network: Network) -> None:
        attributes = {"name": network.name, "type": network.driver}
        self._events.publish("network", action, network.id, attributes)


def _require_possible(request: NetworkRequest) -> None:
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


def _selected(detail: NetworkDetail, filters: Filters) -> bool:
    network = detail.network
    kind = "builtin" if network.name in PREDEFINED else "custom"
    dangling = kind == "custom" and not detail.endpoints
    return (
        filters.exact("driver", network.driver)
        and filters.exact("scope", network.scope)
        and filters.exact("type", kind)
        and filters.labels(network.labels)
        and filters.matches("id", network.id.startswith)
        and filters.matches("name", lambda text: text in network.name)
        and ("dangling" not in filters or dangling == filters.flag("dangling", default=False))
    )


def _unwanted(network: Network, filters: Filters) -> bool:
    return "label!" in filters and any(
        Filters({"label": (text,)}).labels(network.labels) for text in filters.get("label!")
    )


def _until(filters: Filters) -> int:
    """Only networks made before this are pruned; nanoseconds since the epoch."""
    texts = filters.get("until")
    if not texts:
        return 1 << 63
    if len(texts) > 1:
        raise InvalidArgument("more than one until filter specified")
    return parse_moment(texts[0], time.time_ns())


def _networks_of(container: Container) -> dict[str, EndpointSettings]:
    """The networks a container is on, the default one of its mode spelled out."""
    return {
        attachment.network: attachment.settings for attachment in endpoints.attachments(container)
    }


def _subnets(network: Network) -> list[Subnet]:
    return [ipaddress.ip_network(pool.subnet, strict=False) for pool in network.ipam.config]


def _alias(network: Network) -> str:
    return f"boxship network {network.id[:12]}"


def _switch_on_forwarding() -> None:
    if sysctl.read("net/ipv4/ip_forward") == "0":
        sysctl.write("net/ipv4/ip_forward", "1")
