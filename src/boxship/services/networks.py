"""Networks."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from boxship.model.filters import Filters
from boxship.model.network import IPAM, Endpoint, EndpointSettings, Network
from boxship.services.containers import PruneResult


class NetworkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `network create` is asked for."""

    name: str
    driver: str = "bridge"
    scope: str = ""
    enable_ipv4: bool | None = None
    enable_ipv6: bool | None = None
    ipam: IPAM | None = None
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: str = ""
    options: dict[str, str] = {}
    labels: dict[str, str] = {}


class NetworkDetail(msgspec.Struct, frozen=True):
    """A network with the endpoints on it."""

    network: Network
    endpoints: tuple[Endpoint, ...] = ()


class Networks(Protocol):
    """Networks and who is on them; *name* is a name, an ID or a unique prefix."""

    async def create(self, request: NetworkRequest) -> str:
        """Make a network and return its ID; raise NetworkNameTaken or InvalidArgument."""
        ...

    async def inspect(self, name: str) -> NetworkDetail:
        """One network; raise NoSuchNetwork."""
        ...

    async def list(self, filters: Filters) -> Sequence[NetworkDetail]:
        """The networks that match."""
        ...

    async def remove(self, name: str) -> None:
        """Remove it; raise NetworkInUse for a predefined one or one with endpoints."""
        ...

    async def connect(self, name: str, container: str, settings: EndpointSettings) -> None:
        """Put a container on it, running or not."""
        ...

    async def disconnect(self, name: str, container: str, *, force: bool = False) -> None:
        """Take a container off it."""
        ...

    async def prune(self, filters: Filters) -> PruneResult:
        """Remove the user-defined ones that nobody uses."""
        ...
