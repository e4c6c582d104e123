"""The networks of running containers: attach at start, detach at exit, find again after a restart."""

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec

from boxship.concurrency import KeyedLocks, Supervisor, in_thread
from boxship.engine.events import EventBus
from boxship.engine.networks import endpoints, hosts, ipam, resolvconf
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.drivers.bridge import random_mac
from boxship.engine.networks.endpoints import Attachment
from boxship.engine.networks.firewall import Firewall, Publication
from boxship.engine.networks.names import Resolver
from boxship.engine.networks.namespace import EndpointPlan, Namespaces
from boxship.engine.networks.ports import HeldPort, HostPorts, Target, port_requests
from boxship.engine.networks.relay import Relays
from boxship.engine.networks.state import NetworkState
from boxship.errors import BoxshipError, Conflict, Internal, InvalidArgument
from boxship.linux import conntrack
from boxship.model.container import Container, NoSuchContainer
from boxship.model.network import Endpoint, EndpointSettings, Network, Sandbox
from boxship.store.metadata import Metadata

log = logging.getLogger(__name__)

_SPARE_DELAY_S: Final = 0.02  # the container that just attached goes first

Pair = tuple[Endpoint, Network]


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
        self._metadata = metadata
        self._state = state
        self._kernel = kernel
        self._events = events
        self._relays = relays
        self._resolver = resolver
        self._supervisor = supervisor
        self.followers: list[Callable[[Sandbox], None]] = []  # told when a running one changes
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
            except BoxshipError as error:
                raise explained("failed to set up container networking", error) from error

    async def detach(self, container: Container) -> None:
        """See the contract."""
        async with self._locks.hold(container.id):
            await self._take_down(container.id)

    async def find(self, container_id: str) -> Sandbox | None:
        """See the contract."""
        return self._state.find_sandbox(container_id)

    async def host_gateways(self) -> tuple[str, ...]:
        """See the contract."""
        return self._gateways()

    def _gateways(self) -> tuple[str, ...]:
        network = self._state.find_network_by_name(endpoints.DEFAULT)
        own = [str(pool.gateway) for pool in ipam.pools(network)] if network else []
        return self._config.host_gateways or tuple(own)

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
            other = self._find_container(name)
        except NoSuchContainer as error:
            raise explained("joining network namespace of container", error) from error
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

    def _find_container(self, name: str) -> Container:
        containers = self._metadata.containers
        found = containers.find(name) or containers.find_by_name(name)
        if found is None and name:
            beginning = containers.find_by_prefix(name)
            found = beginning[0] if len(beginning) == 1 else None
        if found is None:
            raise NoSuchContainer(name)
        return found

    async def _attach(self, container: Container) -> Sandbox:
        wanted = endpoints.attachments(container)
        pairs: list[Pair] = []
        async with AsyncExitStack() as undo:
            undo.callback(self._release, pairs)
            for number, attachment in enumerate(wanted):
                pairs.append(self._plan_endpoint(container, attachment, number))
            held = self._hold_ports(container, pairs)
            undo.callback(self._kernel.ports.release, held)
            sandbox = self._plan_sandbox(container, pairs, held)
            undo.push_async_callback(in_thread, self._demolish, sandbox, held)
            # The kernel builds while the database writes; either failure undoes both.
            building = asyncio.ensure_future(
                in_thread(self._build, sandbox, self._plans(pairs, hairpin=bool(held)), held)
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

    def _plan_endpoint(self, container: Container, wanted: Attachment, number: int) -> Pair:
        network = self._state.get_network(wanted.network)
        endpoints.validate_endpoint(network, wanted.settings)
        endpoint = Endpoint(
            id=secrets.token_hex(32),
            network_id=network.id,
            network_name=network.name,
            container_id=container.id,
            container_name=container.name,
            settings=wanted.settings,
        )
        if network.driver != "bridge":
            return endpoint, network
        named = endpoints.is_user_defined(network)
        return self._with_device(
            msgspec.structs.replace(
                endpoint,
                dns_names=endpoints.dns_names(container, wanted.settings) if named else (),
            ),
            network,
            number,
        ), network

    def _with_device(self, endpoint: Endpoint, network: Network, number: int) -> Endpoint:
        spec = self._state.spec(network)
        ipv4 = self._choose_address(network, endpoint.settings, 4) if network.enable_ipv4 else None
        ipv6 = self._choose_address(network, endpoint.settings, 6) if network.enable_ipv6 else None
        used = [pair[0] for pair in (ipv4, ipv6) if pair]
        self._state.reserve(network.id, used)
        mac = endpoint.settings.mac_address or (ipam.mac_for(ipv4[0]) if ipv4 else random_mac())
        return msgspec.structs.replace(
            endpoint,
            mac_address=mac.lower().replace("-", ":"),
            ipv4_address=str(ipv4[0]) if ipv4 else "",
            ipv4_prefix=ipv4[1].subnet.prefixlen if ipv4 else 0,
            ipv6_address=str(ipv6[0]) if ipv6 else "",
            ipv6_prefix=ipv6[1].subnet.prefixlen if ipv6 else 0,
            gateway=str(ipv4[1].gateway) if ipv4 and not network.internal else "",
            ipv6_gateway=str(ipv6[1].gateway) if ipv6 and not network.internal else "",
            device=f"veth{secrets.token_hex(4)[:7]}",
            interface=f"{spec.interface_prefix}{number}",
        )

    def _choose_address(
        self, network: Network, settings: EndpointSettings, version: int
    ) -> tuple[ipam.Address, ipam.Pool]:
        asked = settings.ipam_config
        wanted = ""
        if asked is not None:
            wanted = asked.ipv4_address if version == 4 else asked.ipv6_address
        used = self._state.used(network.id)
        return ipam.choose_address(network, ipam.pools(network), used, wanted, version)

    def _release(self, pairs: Sequence[Pair]) -> None:
        for endpoint, _ in pairs:
            self._state.release(endpoint)

    def _hold_ports(self, container: Container, pairs: Sequence[Pair]) -> list[HeldPort]:
        leading = _leading(pairs)
        if leading is None:
            return []
        endpoint, network = leading
        default = self._state.spec(network).host_ip
        requests = port_requests(container, default)
        if not requests:
            return []
        target = Target(endpoint.ipv4_address, endpoint.ipv6_address)
        try:
            return self._kernel.ports.allocate(requests, target)
        except BoxshipError as error:
            doing = (
                "driver failed programming external connectivity on endpoint "
                f"{container.name} ({endpoint.id})"
            )
            raise explained(doing, error) from error

    def _plan_sandbox(
        self,
        container: Container,
        pairs: Sequence[Pair],
        held: Sequence[HeldPort],
    ) -> Sandbox:
        identifier = secrets.token_hex(32)
        on_host = any(network.driver == "host" for _, network in pairs)
        return Sandbox(
            id=identifier,
            container_id=container.id,
            key="" if on_host else self._kernel.namespaces.path(identifier),
            endpoints=tuple(endpoint for endpoint, _ in pairs),
            ports=tuple(each.port for each in held),
            hosts=tuple(self._hosts(container, pairs, on_host=on_host)),
            resolv_conf=self._resolv_conf(container, pairs),
        )

    def _hosts(
        self, container: Container, pairs: Sequence[Pair], *, on_host: bool
    ) -> list[hosts.Line]:
        lines = self._resolver.host_lines() if on_host else list(hosts.LOCALHOST)
        lines += hosts.extra_lines(container.host_config.extra_hosts, self._gateways())
        lines += self._linked(container, pairs)
        names = endpoints.host_names(container)
        addresses = [a for e, _ in pairs for a in (e.ipv4_address, e.ipv6_address) if a]
        return [*lines, *((address, names) for address in addresses)]

    def _linked(
        self, container: Container, pairs: Sequence[Pair]
    ) -> list[tuple[str, tuple[str, ...]]]:
        """Lines for `--link` on the default bridge, where names are not resolved."""
        default = [network for _, network in pairs if network.name == endpoints.DEFAULT]
        lines = []
        for name, alias in endpoints.links(container.host_config.links) if default else ():
            other = self._find_container(name)
            sandbox = self._state.find_sandbox(other.id)
            for endpoint in sandbox.endpoints if sandbox else ():
                if endpoint.network_id == default[0].id:
                    hostname = other.config.hostname or other.id[:12]
                    names = tuple(dict.fromkeys((alias, hostname, other.name)))
                    lines.append((endpoint.ipv4_address, names))
        return lines

    def _resolv_conf(self, container: Container, pairs: Sequence[Pair]) -> str:
        if any(network.driver == "host" for _, network in pairs):
            own = container.host_config
            if not (own.dns or own.dns_search or own.dns_options):
                return self._resolver.host_text()
        conf = self._resolver.wanted(container)
        if any(endpoints.is_user_defined(network) for _, network in pairs):
            servers = ", ".join(f"host({server})" for server in conf.servers)
            comments = (
                f"Based on host file: '{resolvconf.HOST_FILE}' (internal resolver)",
                f"ExtServers: [{servers}]",
            )
            return resolvconf.render(resolvconf.embedded(conf), comments)
        ipv6 = any(endpoint.ipv6_address for endpoint, _ in pairs)
        reachable = resolvconf.reachable(conf, ipv6=ipv6)
        return resolvconf.render(
            reachable, (f"Based on host file: '{resolvconf.HOST_FILE}' (legacy)",)
        )

    def _plans(self, pairs: Sequence[Pair], *, hairpin: bool = False) -> list[EndpointPlan]:
        leading = _leading(pairs)
        plans = []
        for endpoint, network in pairs:
            if endpoint.device:
                spec = self._state.spec(network)
                leads = leading is not None and leading[0].id == endpoint.id
                plans.append(
                    EndpointPlan(
                        endpoint,
                        spec.device,
                        spec.mtu,
                        isolated=spec.isolated,
                        hairpin=hairpin and leads,
                        gateway4=leads,
                        gateway6=leads,
                    )
                )
        return plans

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
        pairs = []
        for endpoint in sandbox.endpoints:
            try:
                pairs.append((endpoint, self._state.get_network(endpoint.network_id)))
            except BoxshipError as error:
                log.warning("container %s: %s", sandbox.container_id[:12], error)
        held: list[HeldPort] = []
        leading = _leading(pairs)
        if leading is not None:
            target = Target(leading[0].ipv4_address, leading[0].ipv6_address)
            held, failures = self._kernel.ports.reclaim(sandbox.ports, target)
            for failure in failures:
                log.warning("container %s: %s", sandbox.container_id[:12], failure)
        self._kernel.firewall.expect((), _translated(held))
        for plan in self._plans(pairs):
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
            endpoint, _ = self._plan_endpoint(container, attachment, number)
            undo.callback(self._state.release, endpoint)
            pairs = [*self._pairs(sandbox), (endpoint, network)]
            plan = next(p for p in self._plans(pairs) if p.endpoint.id == endpoint.id)
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
            if _leading(self._pairs(sandbox)) not in pairs:
                held = await self._move_ports(container, held, pairs)
            leading = _leading(pairs)
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
        leading = _leading(pairs)
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
        return [(e, self._state.get_network(e.network_id)) for e in sandbox.endpoints]

    def _put(self, sandbox: Sandbox) -> None:
        self._state.put_sandbox(sandbox)
        for follower in self.followers:
            follower(sandbox)

    def _renamed(self, endpoint: Endpoint, container: Container) -> Endpoint:
        names = endpoint.dns_names and endpoints.dns_names(container, endpoint.settings)
        return msgspec.structs.replace(endpoint, container_name=container.name, dns_names=names)

    def _tell(self, action: str, sandbox: Sandbox) -> None:
        for endpoint, network in self._pairs(sandbox):
            self._tell_one(action, endpoint.container_id, network)

    def _tell_one(self, action: str, container_id: str, network: Network) -> None:
        attributes = {"container": container_id, "name": network.name, "type": network.driver}
        self._events.publish("network", action, network.id, attributes)


def explained(doing: str, error: BoxshipError) -> BoxshipError:
    """The same kind of error, with what we were doing before it."""
    kinds = [kind for kind in type(error).__mro__ if kind.__module__ == "boxship.errors"]
    kind: type[BoxshipError] = kinds[0] if kinds else Internal
    return kind(f"{doing}: {error}")


def _leading(pairs: Sequence[Pair]) -> Pair | None:
    """The endpoint that leads out of the container; None when none does."""
    ways = [pair for pair in pairs if pair[0].device and not pair[1].internal]
    return endpoints.gateway_order(ways)[0] if ways else None


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
