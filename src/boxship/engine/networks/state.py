"""What networks and sandboxes there are, and which addresses they use."""

import ipaddress
from collections.abc import Iterable, Sequence

from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.drivers.bridge import BridgeSpec, bridge_spec
from boxship.engine.networks.ipam import Address
from boxship.engine.networks.ports import HeldPort
from boxship.model.network import AmbiguousNetwork, Endpoint, Network, NoSuchNetwork, Sandbox
from boxship.store.metadata import Metadata

PREDEFINED = frozenset({"bridge", "host", "none"})


class NetworkState:
    """Networks and sandboxes, in memory over the database. Used from the event loop only."""

    def __init__(self, metadata: Metadata, config: NetworkConfig) -> None:
        self._metadata = metadata
        self._config = config
        self._networks = {network.id: network for network in metadata.networks.list()}
        self._specs: dict[str, tuple[Network, BridgeSpec]] = {}
        self._sandboxes: dict[str, Sandbox] = {}
        self._used: dict[str, set[Address]] = {}
        self.held: dict[str, list[HeldPort]] = {}

    def __repr__(self) -> str:
        return f"NetworkState({len(self._sandboxes)} sandboxes)"

    # networks

    def networks(self) -> list[Network]:
        """All networks."""
        return list(self._networks.values())

    def get_network(self, name: str) -> Network:
        """By ID, name or unique beginning of an ID, in this order."""
        found = self._networks.get(name) or self.find_network_by_name(name)
        if found is not None:
            return found
        beginning = [n for n in self._networks.values() if name and n.id.startswith(name)]
        if len(beginning) > 1:
            raise AmbiguousNetwork(name, len(beginning), "ID prefix")
        if not beginning:
            raise NoSuchNetwork(name)
        return beginning[0]

    def find_network_by_name(self, name: str) -> Network | None:
        """By exact name."""
        return next((n for n in self._networks.values() if n.name == name), None)

    def add_network(self, network: Network) -> None:
        """Keep a new one; raise NetworkNameTaken."""
        self._metadata.networks.add(network)
        self._networks[network.id] = network

    def put_network(self, network: Network) -> None:
        """Keep a changed one."""
        self._metadata.networks.put(network)
        self._networks[network.id] = network

    def delete_network(self, identifier: str) -> None:
        """Forget one."""
        self._metadata.networks.delete(identifier)
        self._networks.pop(identifier, None)
        self._specs.pop(identifier, None)
        self._used.pop(identifier, None)

    def spec(self, network: Network) -> BridgeSpec:
        """What a bridge network is made of."""
        known = self._specs.get(network.id)
        if known is None or known[0] is not network:
            known = self._specs[network.id] = network, bridge_spec(network, self._config)
        return known[1]

    # sandboxes

    def load(self) -> list[Sandbox]:
        """Read what an earlier process of ours left."""
        self._sandboxes = {each.container_id: each for each in self._metadata.sandboxes.list()}
        for sandbox in self._sandboxes.values():
            for endpoint in sandbox.endpoints:
                self.reserve(endpoint.network_id, _addresses(endpoint))
        return list(self._sandboxes.values())

    def sandboxes(self) -> Sequence[Sandbox]:
        """All of them."""
        return list(self._sandboxes.values())

    def find_sandbox(self, container_id: str) -> Sandbox | None:
        """A container's, while it runs."""
        return self._sandboxes.get(container_id)

    def put_sandbox(self, sandbox: Sandbox) -> None:
        """Keep one, durably."""
        self._metadata.sandboxes.put(sandbox)
        self._sandboxes[sandbox.container_id] = sandbox

    def delete_sandbox(self, container_id: str) -> None:
        """Forget one and free its addresses."""
        sandbox = self._sandboxes.pop(container_id, None)
        self._metadata.sandboxes.delete(container_id)
        for endpoint in sandbox.endpoints if sandbox else ():
            self.release(endpoint)

    def endpoints(self, network_id: str) -> list[Endpoint]:
        """Who is on a network now."""
        return [
            endpoint
            for sandbox in self._sandboxes.values()
            for endpoint in sandbox.endpoints
            if endpoint.network_id == network_id
        ]

    # addresses

    def used(self, network_id: str) -> set[Address]:
        """Addresses of a network's endpoints, those about to be made too."""
        return self._used.setdefault(network_id, set())

    def reserve(self, network_id: str, addresses: Iterable[Address]) -> None:
        """Mark addresses as used."""
        self.used(network_id).update(addresses)

    def release(self, endpoint: Endpoint) -> None:
        """Free an endpoint's addresses."""
        self.used(endpoint.network_id).difference_update(_addresses(endpoint))


def _addresses(endpoint: Endpoint) -> list[Address]:
    texts = (endpoint.ipv4_address, endpoint.ipv6_address)
    return [ipaddress.ip_address(text) for text in texts if text]
