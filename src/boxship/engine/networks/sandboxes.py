"""The networks of running containers: attach at start, detach at exit, find again after a restart."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec

from boxship.concurrency import KeyedLocks, Supervisor, in_thread
from boxship.engine.events import EventBus
from boxship.engine.networks import endpoints
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.endpoints import Attachment
from boxship.engine.networks.firewall import Firewall, Publication
from boxship.engine.networks.links import LinkRefused
from boxship.engine.networks.names import Resolver
from boxship.engine.networks.namespace import EndpointPlan, Namespaces
from boxship.engine.networks.planning import Pair, Planner, explained, leading_pair
from boxship.engine.networks.ports import HeldPort, HostPorts, Target, port_requests
from boxship.engine.networks.relay import Relays
from boxship.engine.networks.state import NetworkState
from boxship.errors import BoxshipError, Conflict, Internal, InvalidArgument
from boxship.linux import conntrack
from boxship.model.container import Container, NoSuchContainer
from boxship.model.network import (
    Endpoint,
    EndpointSettings,
    Network,
    NoSuchNetwork,
    Sandbox,
)
from boxship.store.metadata import Metadata

log = logging.getLogger(__name__)

_MANY_PORTS: Final = 32
_SPARE_DELAY_S: Final = 0.02  # the container that just attached goes first


class Kernel(msgspec.Struct, frozen=True):
    """The blocking parts that sandboxes are made with."""

    namespaces: Namespaces
    firewall: Firewall
    ports: HostPorts


class NetworkSandboxes:
    """Implements the contract `Sandboxes` that the life of containers relies on."""

    def __init__(
        self,
        config: NetworkConfig,
        metadata: Metadata,
        state: NetworkState,
        kernel: Kernel,
        events: EventBus,
        *,
        relays: Relays,
        resolver: Resolver,
        supervisor: Supervisor,
    ) -> None:
        self._config = config
        self._state = state
        self._kernel = kernel
        self._events = events
        self._planner = Planner(
            config, metadata, state, kernel.ports, resolver, kernel.namespaces.path
        )
        self._relays = relays
        self._resolver = resolver
        self._supervisor = supervisor
        self.followers: list[Callable[[Sandbox, Sandbox], None]] = []  # told: before, after
        self._filling = False
        self._locks = KeyedLocks()

    def __repr__(self) -> str:
        return f"NetworkSandboxes({self._state})"

    # ---- the contract

    async def validate(self, container: Container) -> None:
        """See the contract. Networks may still be missing: Docker misses them at the start only."""
        endpoints.validate_mode(container)
        port_requests(container, self._config.host_ip)
        for name, settings in endpoints.attachments(container):
            network = self._state.find_network_by_name(name)
            if network is None:
                continue
            try:
                endpoints.validate_endpoint(network, settings)
            except InvalidArgument as error:
                raise InvalidArgument(f"invalid config for network {name}: {error}") from error

    def network_name(self, text: str) -> str:
        """See the contract."""
        try:
            return self._state.get_network(text).name
        except BoxshipError:
            return text  # missed at the start

    async def attach(self, container: Container) -> Sandbox:
        """See the contract."""
        async with self._locks.hold(container.id):
            if self._state.find_sandbox(container.id) is not None:
                await self._take_down(container.id)
            other = endpoints.joined_container(container)
            if other is not None:
                return self._join(container, other)
            try:
                return await self._attach(container)
            except LinkRefused:
                raise  # Docker looks at links later, and says no more than this
            except BoxshipError as error:
                raise explained("failed to set up container networking", error) from error

    async def detach(self, container: Container) -> None:
        """See the contract."""
        async with self._locks.hold(container.id):
            await self._take_down(container.id)

    async def find(self, container_id: str) -> Sandbox | None:
        """See the contract."""
        return self._state.find_sandbox(container_id)

    async def endpoints(self, container: Container) -> tuple[Endpoint, ...]:
        """See the contract."""
        sandbox = self._state.find_sandbox(container.id) if container.running else None
        if sandbox is not None:
            return sandbox.endpoints
        return self._planner.past(container) if container.state.started_at else ()

    async def host_gateways(self) -> tuple[str, ...]:
        """See the contract."""
        return self._planner.gateways()

    async def rename(self, container: Container, old_name: str) -> None:
        """See the contract."""
        async with self._locks.hold(container.id):
            sandbox = self._state.find_sandbox(container.id)
            if sandbox is None:
                return
            del old_name  # the names are made anew, from everything that gives names
            renamed = tuple(self._renamed(e, container) for e in sandbox.endpoints)
            self._put(msgspec.structs.replace(sandbox, endpoints=renamed))

    async def restore(self, running: Sequence[Container]) -> None:
        """See the contract."""
        alive = {container.id for container in running}
        files = set(await in_thread(self._kernel.namespaces.names))
        for sandbox in self._state.load():
            present = not sandbox.key or Path(sandbox.key).name in files
            if sandbox.container_id in alive and present:
                await self._revive(sandbox)
            else:
                await self._take_down(sandbox.container_id)
        await self._sweep(files)
        self._fill_spares()
        await in_thread(self._kernel.firewall.reassert)

    def close(self) -> None:
        """Give back ports and DNS sockets of this process; the containers keep their networks."""
        for sandbox in self._state.sandboxes():
            self._relays.close(sandbox.container_id)
            self._resolver.close(sandbox.container_id)
            self._kernel.ports.release(self._state.held.pop(sandbox.container_id, []))

    # ---- attach

    def _join(self, container: Container, name: str) -> Sandbox:
        try:
            other = self._planner.find_container(name)
        except NoSuchContainer as error:
            raise explained("joining network namespace of container", error) from error
        if other.id == container.id:
            raise Internal("cannot join own network namespace")
        sandbox = self._state.find_sandbox(other.id)
        if sandbox is None or not other.running:
            raise Conflict(
                "cannot join network namespace of a non running container: "
                f"container {other.name} is {other.state.status}"
            )
        joined = Sandbox(
            id=sandbox.id,
            container_id=container.id,
            key=sandbox.key,
            hosts=sandbox.hosts,
            resolv_conf=sandbox.resolv_conf,
            joined=True,
        )
        self._state.put_sandbox(joined)
        return joined

    async def _attach(self, container: Container) -> Sandbox:
        endpoints.check_mixture(container)
        wanted = endpoints.attachments(container)
        pairs: list[Pair] = []
        async with AsyncExitStack() as undo:
            undo.callback(self._planner.release, pairs)
            for number, attachment in enumerate(wanted):
                pairs.append(self._planner.endpoint(container, attachment, number))
            held = await self._hold_ports(container, pairs)
            undo.callback(self._kernel.ports.release, held)
            sandbox = self._planner.sandbox(container, pairs, held)
            undo.push_async_callback(in_thread, self._demolish, sandbox, held)
            # The kernel builds while the database writes; either failure undoes both.
            building = asyncio.ensure_future(
                in_thread(
                    self._build, sandbox, self._planner.plans(pairs, hairpin=bool(held)), held
                )
            )
            await asyncio.sleep(0)
            try:
                undo.callback(self._state.delete_sandbox, container.id)
                self._state.put_sandbox(sandbox)
            finally:
                await building
            await self._serve(sandbox, held)
            undo.pop_all()
        self._tell("connect", sandbox)
        self._fill_spares()
        return sandbox

    async def _hold_ports(self, container: Container, pairs: Sequence[Pair]) -> list[HeldPort]:
        if len(container.host_config.port_bindings or {}) > _MANY_PORTS:
            return await in_thread(self._planner.hold_ports, container, pairs)
        return self._planner.hold_ports(container, pairs)  # quicker than a thread

    def _fill_spares(self) -> None:
        if not self._filling:
            self._filling = True
            self._supervisor.start(self._fill_spares_soon(), name="spare namespaces")

    async def _fill_spares_soon(self) -> None:
        try:
            await asyncio.sleep(_SPARE_DELAY_S)
            await in_thread(self._kernel.namespaces.fill_spares)
        finally:
            self._filling = False

    # ---- in a thread

    def _build(
        self,
        sandbox: Sandbox,
        plans: Sequence[EndpointPlan],
        held: Sequence[HeldPort],
    ) -> None:
        if not sandbox.key:
            return
        self._kernel.namespaces.build(sandbox.key, plans)
        self._kernel.firewall.publish(_translated(held))
        _forget_flows(held)

    def _demolish(self, sandbox: Sandbox, held: Sequence[HeldPort]) -> None:
        self._kernel.firewall.unpublish(_translated(held))
        _forget_flows(held)
        if sandbox.key and not sandbox.joined:
            devices = [endpoint.device for endpoint in sandbox.endpoints if endpoint.device]
            self._kernel.namespaces.destroy(sandbox.key, devices)

    # ---- detach

    async def _take_down(self, container_id: str) -> None:
        sandbox = self._state.find_sandbox(container_id)
        if sandbox is None:
            return
        held = self._state.held.pop(container_id, [])
        self._relays.close(container_id)
        self._resolver.close(container_id)
        try:
            await in_thread(self._demolish, sandbox, held)
        finally:
            self._kernel.ports.release(held)
            self._state.delete_sandbox(container_id)
        self._tell("disconnect", sandbox)

    # ---- restart of the engine

    async def _revive(self, sandbox: Sandbox) -> None:
        """Hold ports, answer names and expect the rules of a container that outlived us."""
        pairs = self._pairs(sandbox)
        held: list[HeldPort] = []
        leading = leading_pair(pairs)
        if leading is not None:
            target = Target(leading[0].ipv4_address, leading[0].ipv6_address)
            held, failures = self._kernel.ports.reclaim(sandbox.ports, target)
            for failure in failures:
                log.warning("container %s: %s", sandbox.container_id[:12], failure)
        self._kernel.firewall.expect((), _translated(held))
        for plan in self._planner.plans(pairs):
            try:
                await in_thread(self._kernel.namespaces.reattach, plan.endpoint.device, plan.bridge)
            except BoxshipError as error:
                log.warning("container %s: %s", sandbox.container_id[:12], error)
        await self._serve(sandbox, held)

    async def _sweep(self, files: set[str]) -> None:
        """Remove namespaces and devices that a killed engine left half made."""
        known = {Path(sandbox.key).name for sandbox in self._state.sandboxes() if sandbox.key}
        devices = {e.device for sandbox in self._state.sandboxes() for e in sandbox.endpoints}
        for name in files - known:
            log.info("removing the stale network namespace %s", name)
            await in_thread(self._kernel.namespaces.destroy, self._kernel.namespaces.path(name), ())
        for network in self._state.networks():
            if network.driver == "bridge":
                bridge = self._state.spec(network).device
                ports = await in_thread(self._kernel.namespaces.ports_of, bridge)
                for device in ports:
                    if device.startswith("veth") and device not in devices:
                        await in_thread(self._kernel.namespaces.remove_device, device)

    # ---- connect and disconnect of running containers

    async def connect(
        self, container: Container, network: Network, settings: EndpointSettings
    ) -> None:
        """Put a running container on one more network."""
        async with self._locks.hold(container.id), AsyncExitStack() as undo:
            sandbox = self._state.find_sandbox(container.id)
            if sandbox is None or not sandbox.key or sandbox.joined:
                return
            if any(e.network_id == network.id for e in sandbox.endpoints):
                return
            number = _free_number(sandbox, self._state.spec(network).interface_prefix)
            attachment = Attachment(network.id, settings)
            endpoint, _ = self._planner.endpoint(container, attachment, number)
            undo.callback(self._state.release, endpoint)
            pairs = [*self._pairs(sandbox), (endpoint, network)]
            plan = next(p for p in self._planner.plans(pairs) if p.endpoint.id == endpoint.id)
            await in_thread(self._kernel.namespaces.connect, sandbox.key, plan)
            undo.push_async_callback(
                in_thread, self._kernel.namespaces.disconnect, sandbox.key, endpoint.device, ()
            )
            names = endpoints.host_names(container)
            lines = [(a, names) for a in (endpoint.ipv4_address, endpoint.ipv6_address) if a]
            grown = msgspec.structs.replace(
                sandbox,
                endpoints=(*sandbox.endpoints, endpoint),
                hosts=(*sandbox.hosts, *lines),
                resolv_conf=self._planner.resolv_conf(container, pairs),
            )
            self._put(grown)
            undo.pop_all()
            await self._resolver.serve(grown)
        self._tell_one("connect", container.id, network)

    async def disconnect(self, container: Container, network: Network) -> None:
        """Take a running container off a network."""
        async with self._locks.hold(container.id):
            sandbox = self._state.find_sandbox(container.id)
            gone = [e for e in sandbox.endpoints if e.network_id == network.id] if sandbox else []
            if sandbox is None or not gone:
                return
            (endpoint,) = gone
            pairs = [pair for pair in self._pairs(sandbox) if pair[0].id != endpoint.id]
            held = self._state.held.get(container.id, [])
            if leading_pair(self._pairs(sandbox)) not in pairs:
                held = await self._move_ports(container, held, pairs)
            leading = leading_pair(pairs)
            gateways = [leading[0]] if leading else []
            await in_thread(
                self._kernel.namespaces.disconnect, sandbox.key, endpoint.device, gateways
            )
            gone_addresses = {endpoint.ipv4_address, endpoint.ipv6_address}
            self._state.release(endpoint)
            self._put(
                msgspec.structs.replace(
                    sandbox,
                    endpoints=tuple(e for e, _ in pairs),
                    ports=tuple(each.port for each in held),
                    hosts=tuple(line for line in sandbox.hosts if line[0] not in gone_addresses),
                    # Names of other networks may still be asked for, and 127.0.0.11 answers on.
                    resolv_conf=sandbox.resolv_conf,
                )
            )
        self._tell_one("disconnect", container.id, network)

    async def _move_ports(
        self, container: Container, held: list[HeldPort], pairs: Sequence[Pair]
    ) -> list[HeldPort]:
        """The endpoint that ports led to goes away: lead them to the next one."""
        self._relays.close(container.id)
        await in_thread(self._kernel.firewall.unpublish, _translated(held))
        self._kernel.ports.release(held)
        leading = leading_pair(pairs)
        moved: list[HeldPort] = []
        if leading is not None:
            target = Target(leading[0].ipv4_address, leading[0].ipv6_address)
            moved, failures = self._kernel.ports.reclaim([h.port for h in held], target)
            for failure in failures:
                log.warning("container %s: %s", container.name, failure)
            await in_thread(self._kernel.firewall.publish, _translated(moved))
        self._state.held[container.id] = moved
        self._relays.serve(container.id, moved)
        return moved

    # ---- small things

    async def _serve(self, sandbox: Sandbox, held: list[HeldPort]) -> None:
        if held:
            self._state.held[sandbox.container_id] = held
            self._relays.serve(sandbox.container_id, held)
        await self._resolver.serve(sandbox)

    def _pairs(self, sandbox: Sandbox) -> list[Pair]:
        pairs = []
        for endpoint in sandbox.endpoints:
            try:
                pairs.append((endpoint, self._state.get_network(endpoint.network_id)))
            except NoSuchNetwork as error:  # the database lost it: carry on with the others
                log.warning("container %s: %s", sandbox.container_id[:12], error)
        return pairs

    def _put(self, sandbox: Sandbox) -> None:
        before = self._state.find_sandbox(sandbox.container_id)
        self._state.put_sandbox(sandbox)
        if before is not None:
            for follower in self.followers:
                follower(before, sandbox)

    def _renamed(self, endpoint: Endpoint, container: Container) -> Endpoint:
        names = endpoint.dns_names and endpoints.dns_names(container, endpoint.settings)
        return msgspec.structs.replace(endpoint, container_name=container.name, dns_names=names)

    def _tell(self, action: str, sandbox: Sandbox) -> None:
        for endpoint, network in self._pairs(sandbox):
            self._tell_one(action, endpoint.container_id, network)

    def _tell_one(self, action: str, container_id: str, network: Network) -> None:
        attributes = {"container": container_id, "name": network.name, "type": network.driver}
        self._events.publish("network", action, network.id, attributes)


def _translated(held: Sequence[HeldPort]) -> list[Publication]:
    return [each.publication for each in held if each.translated]


def _forget_flows(held: Sequence[HeldPort]) -> None:
    """A UDP client that never pauses would be led to where the port led before, for ever."""
    ports = {each.port.host_port for each in held if each.port.protocol == "udp"}
    if ports:
        conntrack.forget(lambda flow: flow.protocol == socket.IPPROTO_UDP and flow.port in ports)


def _free_number(sandbox: Sandbox, prefix: str) -> int:
    taken = {endpoint.interface for endpoint in sandbox.endpoints}
    return next(n for n in range(len(taken) + 1) if f"{prefix}{n}" not in taken)
