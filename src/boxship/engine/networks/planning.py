"""Decides what an attach makes: endpoints with their addresses, ports, files. Nothing here blocks."""

import secrets
from collections.abc import Callable, Iterator, Sequence

import msgspec

from boxship.engine.networks import endpoints, hosts, ipam, links, resolvconf
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.drivers.bridge import random_mac
from boxship.engine.networks.endpoints import Attachment
from boxship.engine.networks.links import Linked, LinkRefused
from boxship.engine.networks.names import Resolver
from boxship.engine.networks.namespace import EndpointPlan
from boxship.engine.networks.ports import HeldPort, HostPorts, Target, port_requests
from boxship.engine.networks.state import NetworkState
from boxship.errors import BoxshipError, Internal, PermissionDenied
from boxship.model.container import Container, NoSuchContainer
from boxship.model.network import Endpoint, EndpointSettings, Network, Sandbox
from boxship.store.metadata import Metadata

Pair = tuple[Endpoint, Network]


class Planner:
    """Plans endpoints and sandboxes; what a plan reserves, `release` and the ports give back."""

    def __init__(
        self,
        config: NetworkConfig,
        metadata: Metadata,
        state: NetworkState,
        ports: HostPorts,
        resolver: Resolver,
        path: Callable[[str], str],
    ) -> None:
        self._config = config
        self._metadata = metadata
        self._state = state
        self._ports = ports
        self._resolver = resolver
        self._path = path

    def __repr__(self) -> str:
        return f"Planner({self._state})"

    def endpoint(self, container: Container, wanted: Attachment, number: int) -> Pair:
        """A container's place in a network, its addresses reserved."""
        network = self._state.get_network(wanted.network)
        endpoints.validate_endpoint(network, wanted.settings)
        if network.config_only:
            raise PermissionDenied(f"network {network.name} only holds configuration for others")
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

    def past(self, container: Container) -> tuple[Endpoint, ...]:
        """What is known of the networks that a container was on when it ran."""
        if endpoints.joined_container(container):
            return ()
        found = []
        for wanted in endpoints.attachments(container):
            network = self._state.find_network_by_name(wanted.network)
            if network is not None:
                named = endpoints.is_user_defined(network)
                endpoint = Endpoint(
                    id="",
                    network_id=network.id,
                    network_name=network.name,
                    container_id=container.id,
                    container_name=container.name,
                    dns_names=endpoints.dns_names(container, wanted.settings) if named else (),
                    settings=wanted.settings,
                )
                found.append(endpoint)
        return tuple(found)

    def sandbox(
        self,
        container: Container,
        pairs: Sequence[Pair],
        held: Sequence[HeldPort],
    ) -> Sandbox:
        """The whole sandbox, as it will be kept."""
        identifier = secrets.token_hex(32)
        on_host = any(network.driver == "host" for _, network in pairs)
        linked = list(self._linked(container, pairs))
        return Sandbox(
            id=identifier,
            container_id=container.id,
            key="" if on_host else self._path(identifier),
            endpoints=tuple(endpoint for endpoint, _ in pairs),
            ports=tuple(each.port for each in held),
            hosts=tuple(self._hosts(container, pairs, linked, on_host=on_host)),
            resolv_conf=self.resolv_conf(container, pairs),
            environment=tuple(
                text
                for alias, other, address in linked
                for text in links.environment(container.name, alias, address, other)
            ),
        )

    def plans(self, pairs: Sequence[Pair], *, hairpin: bool = False) -> list[EndpointPlan]:
        """What the kernel is to make of the endpoints that have devices."""
        leading = leading_pair(pairs)
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

    def release(self, pairs: Sequence[Pair]) -> None:
        """Give the addresses of endpoints back."""
        for endpoint, _ in pairs:
            self._state.release(endpoint)

    def hold_ports(self, container: Container, pairs: Sequence[Pair]) -> list[HeldPort]:
        """Hold the host's ports for what is published; on internal networks nothing is."""
        leading = leading_pair(pairs)
        if leading is None:
            return []
        endpoint, network = leading
        default = self._state.spec(network).host_ip
        requests = port_requests(container, default)
        if not requests:
            return []
        target = Target(endpoint.ipv4_address, endpoint.ipv6_address)
        try:
            return self._ports.allocate(requests, target)
        except BoxshipError as error:
            doing = (
                "driver failed programming external connectivity on endpoint "
                f"{container.name} ({endpoint.id})"
            )
            raise explained(doing, error) from error

    def find_container(self, name: str) -> Container:
        """By ID, name or unique beginning of an ID; raise NoSuchContainer."""
        containers = self._metadata.containers
        found = containers.find(name) or containers.find_by_name(name)
        if found is None and name:
            beginning = containers.find_by_prefix(name)
            found = beginning[0] if len(beginning) == 1 else None
        if found is None:
            raise NoSuchContainer(name)
        return found

    def gateways(self) -> tuple[str, ...]:
        """The addresses that `host-gateway` means."""
        network = self._state.find_network_by_name(endpoints.DEFAULT)
        own = [str(pool.gateway) for pool in ipam.pools(network)] if network else []
        return self._config.host_gateways or tuple(own)

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

    def _hosts(
        self,
        container: Container,
        pairs: Sequence[Pair],
        linked: Sequence[Linked],
        *,
        on_host: bool,
    ) -> list[hosts.Line]:
        lines = self._resolver.host_lines() if on_host else list(hosts.LOCALHOST)
        lines += hosts.extra_lines(container.host_config.extra_hosts, self.gateways())
        for alias, other, address in linked:
            hostname = other.config.hostname or other.id[:12]
            lines.append((address, tuple(dict.fromkeys((alias, hostname, other.name)))))
        names = endpoints.host_names(container)
        addresses = [a for e, _ in pairs for a in (e.ipv4_address, e.ipv6_address) if a]
        return [*lines, *((address, names) for address in addresses)]

    def _linked(self, container: Container, pairs: Sequence[Pair]) -> Iterator[Linked]:
        """The containers of `--link` on the default bridge, where names are not resolved."""
        default = next((n.id for _, n in pairs if n.name == endpoints.DEFAULT), "")
        for name, alias in endpoints.links(container.host_config.links) if default else ():
            other = self.find_container(name)
            while (joined := endpoints.joined_container(other)) is not None:
                other = self.find_container(joined)  # who shares a network is found where it is
            if not other.running:
                raise LinkRefused(
                    f"Cannot link to a non running container: /{other.name} AS "
                    f"/{container.name}/{alias}"
                )
            sandbox = self._state.find_sandbox(other.id)
            found = [e for e in sandbox.endpoints if e.network_id == default] if sandbox else []
            if not found:
                raise LinkRefused(f"container {other.id} not attached to default bridge network")
            yield alias, other, found[0].ipv4_address

    def resolv_conf(self, container: Container, pairs: Sequence[Pair]) -> str:
        """The whole file, as the container's networks want it."""
        if any(network.driver == "host" for _, network in pairs):
            own = container.host_config
            if not (own.dns or own.dns_search or own.dns_options):
                return self._resolver.host_text()
        conf = self._resolver.wanted(container)
        named = any(endpoints.is_user_defined(network) for _, network in pairs)
        comments = resolvconf.comments(conf, embedded=named)
        if named:
            return resolvconf.render(resolvconf.embedded(conf), comments)
        ipv6 = any(endpoint.ipv6_address for endpoint, _ in pairs)
        return resolvconf.render(resolvconf.reachable(conf, ipv6=ipv6), comments)


def explained(doing: str, error: BoxshipError) -> BoxshipError:
    """The same kind of error, with what we were doing before it."""
    kinds = [kind for kind in type(error).__mro__ if kind.__module__ == "boxship.errors"]
    kind: type[BoxshipError] = kinds[0] if kinds else Internal
    return kind(f"{doing}: {error}")


def leading_pair(pairs: Sequence[Pair]) -> Pair | None:
    """The endpoint that leads out of the container; None when none does."""
    ways = [pair for pair in pairs if pair[0].device and not pair[1].internal]
    return endpoints.gateway_order(ways)[0] if ways else None
