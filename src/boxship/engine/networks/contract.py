"""What the life of a container needs from its networks."""

from collections.abc import Sequence
from typing import Protocol

from boxship.model.container import Container
from boxship.model.network import Endpoint, Sandbox


class Sandboxes(Protocol):
    """A network namespace for each running container, with its endpoints and published ports.

    Life: validate (at create) → attach (at start) → detach (at exit). What attach made is remembered, so
    that `restore` after a restart of the engine finds it again.
    """

    async def validate(self, container: Container) -> None:
        """Raise NoSuchNetwork or InvalidArgument for settings that could never be attached."""
        ...

    def network_name(self, text: str) -> str:
        """The name of the network that this name or ID means; *text* where there is none yet."""
        ...

    async def attach(self, container: Container) -> Sandbox:
        """Make namespace, endpoints, ports and resolver; all or nothing.

        `container.networks` tells which, by `host_config.network_mode` when that is empty. Modes host,
        none and container:ID give a sandbox without endpoints of its own (`key` then is the other's).
        """
        ...

    async def detach(self, container: Container) -> None:
        """Take all of it down; harmless when there is nothing."""
        ...

    async def find(self, container_id: str) -> Sandbox | None:
        """The sandbox of a running container."""
        ...

    async def endpoints(self, container: Container) -> tuple[Endpoint, ...]:
        """Its places in networks: while it runs, and – without addresses – once it ran."""
        ...

    async def host_gateways(self) -> tuple[str, ...]:
        """The addresses that `--add-host name:host-gateway` means."""
        ...

    async def rename(self, container: Container, old_name: str) -> None:
        """Let names follow."""
        ...

    async def restore(self, running: Sequence[Container]) -> None:
        """After a restart: keep what belongs to *running* (rules, ports, resolvers again), remove the rest."""
        ...
