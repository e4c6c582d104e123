"""Networks: create, inspect, list, connect, disconnect, remove, prune."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Final

import msgspec

from boxship.concurrency import in_thread
from boxship.engine.events import EventBus
from boxship.engine.networks import endpoints
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.creation import NetworkPlanner, require_possible
from boxship.engine.networks.drivers import host, null
from boxship.engine.networks.drivers.bridge import BridgeDriver, BridgeSpec
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
    EndpointSettings,
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
        self._planner = NetworkPlanner(config, state, route, bridges)
        self._bridges = bridges
        self._sandboxes = sandboxes
        # One verb at a time for a container: the engine of containers puts its own lock here.
        self.editing: Callable[[str], AbstractAsyncContextManager[object]] = lambda _: nullcontext()
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

    async def withdraw(self) -> None:
        """Take the devices of all networks away; the next start makes them again."""
        for network in self._state.networks():
            if network.driver == "bridge":
                try:
                    await self._remove_device(network)
                except BoxshipError as error:
                    log.error("network %s: %s", network.name, error)  # noqa: TRY400 - the text says all

    async def _ensure_default(self) -> None:
        present = self._state.find_network_by_name(endpoints.DEFAULT)
        try:
            wanted = await self._planner.default_network(present)
        except BoxshipError as error:
            log.error("no default network: %s", error)  # noqa: TRY400 - the text says all
            return
        if wanted != present:
            self._state.put_network(wanted)

    async def _ensure_device(self, network: Network) -> None:
        try:
            spec = self._state.spec(network)
            ours = bool(network.bridge)
            await in_thread(self._bridges.ensure, spec, alias=_alias(network), ours=ours)
        except BoxshipError as error:
            log.error("network %s: %s", network.name, error)  # noqa: TRY400 - the text says all

    # ---- create

    async def create(self, request: NetworkRequest) -> str:
        """See services.networks."""
        require_possible(request)
        async with self._lock, AsyncExitStack() as undo:
            if self._state.find_network_by_name(request.name) is not None:
                raise NetworkNameTaken(request.name)
            if request.config_only:
                configuration = self._planner.configuration(request)
                self._state.add_network(configuration)
                self._tell("create", configuration)
                return configuration.id
            request = self._planner.configured(request)
            network = await self._planner.plan(request)
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
        identifier = self._get_container(container).id
        async with self.editing(identifier):
            await self._connect(network, self._get_container(identifier), settings)

    async def _connect(
        self, network: Network, found: Container, settings: EndpointSettings
    ) -> None:
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
        if network.name in current and found.running:  # else the settings are changed
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
        async with self.editing(found.id):
            await self._disconnect(network, self._get_container(found.id))

    async def _disconnect(self, network: Network, found: Container) -> None:
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


def _selected(detail: NetworkDetail, filters: Filters) -> bool:
    network = detail.network
    kind = "builtin" if network.name in PREDEFINED else "custom"
    dangling = kind == "custom" and not detail.endpoints
    return (
        filters.exact("driver", network.driver)
        and filters.exact("scope", network.scope)
        and filters.exact("type", kind)
        and filters.labels(network.labels)
        and filters.search("id", network.id)
        and filters.search("name", network.name)
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
    """What is asked of each network that a container is on."""
    return {
        attachment.network: attachment.settings for attachment in endpoints.attachments(container)
    }


def _alias(network: Network) -> str:
    return f"boxship network {network.id[:12]}"


def _switch_on_forwarding() -> None:
    if sysctl.read("net/ipv4/ip_forward") == "0":
        sysctl.write("net/ipv4/ip_forward", "1")
