"""The networks of one engine, put together: what the wiring opens and the daemon closes."""

import asyncio
import logging
from typing import Final

from boxship.concurrency import Supervisor, in_thread
from boxship.engine.events import EventBus
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.drivers.bridge import BridgeDriver
from boxship.engine.networks.firewall import Firewall
from boxship.engine.networks.names import Resolver
from boxship.engine.networks.namespace import Namespaces
from boxship.engine.networks.ports import HostPorts
from boxship.engine.networks.relay import Relays
from boxship.engine.networks.sandboxes import Kernel, NetworkSandboxes
from boxship.engine.networks.service import NetworkService
from boxship.engine.networks.state import NetworkState
from boxship.errors import BoxshipError
from boxship.linux.netlink import RouteSocket
from boxship.linux.nftables import DeletionWatch, open_nftables
from boxship.store.metadata import Metadata

log = logging.getLogger(__name__)

_CHECK_S: Final = 60
_PATIENCE_S: Final = 1
_SETTLE_S: Final = 0.2  # a reload deletes and makes many things: look when it is over


class Networking:
    """`networks` for the front ends, `sandboxes` for the life of containers.

    Life: open in the network namespace of the host → start → restore of the sandboxes → close. Closing
    leaves all containers connected; when there is none, it leaves nothing of ours on the host.
    """

    def __init__(self, config: NetworkConfig, metadata: Metadata, events: EventBus) -> None:
        self._metadata = metadata
        self._supervisor = Supervisor("networks")
        self._route = RouteSocket()
        # The watch first: without netfilter it raises, where the library ends the process.
        self._watch = _open_watch() if config.firewall else None
        self._nft = open_nftables() if self._watch is not None else None
        self._firewall = Firewall(config.table, self._nft)
        self._namespaces = Namespaces(config.netns_directory, self._route)
        state = NetworkState(metadata, config)
        ports = HostPorts(translate=self._firewall.enabled, relay=config.relay)
        self.sandboxes = NetworkSandboxes(
            config,
            metadata,
            state,
            Kernel(self._namespaces, self._firewall, ports),
            events,
            relays=Relays(self._supervisor),
            resolver=Resolver(config, state, self._supervisor),
            supervisor=self._supervisor,
        )
        self.networks = NetworkService(
            config,
            metadata,
            state,
            events,
            route=self._route,
            bridges=BridgeDriver(self._route, self._firewall),
            sandboxes=self.sandboxes,
        )
        self._dirty = asyncio.Event()

    def __repr__(self) -> str:
        return f"Networking({self._firewall})"

    async def start(self) -> None:
        """Make the devices and rules of all networks; sandboxes.restore follows."""
        await in_thread(self._namespaces.prepare)
        await self.networks.start()
        if self._watch is not None:
            asyncio.get_running_loop().add_reader(self._watch, self._changed)
            self._supervisor.start(self._keep_rules(), name="firewall watch")
            self._supervisor.start(self._warn_of_others(), name="other firewalls")

    async def _warn_of_others(self) -> None:
        try:
            tables = await in_thread(self._firewall.others_that_drop)
        except BoxshipError as error:
            log.debug("cannot look at other firewalls: %s", error)
            return
        for table in tables:
            log.warning(
                "table %s drops what this host forwards: containers reach nothing outside, and "
                "nothing reaches them, until it accepts the traffic of our bridges",
                table,
            )

    async def close(self) -> None:
        """Stop serving; while a container runs, bridges, namespaces and rules stay."""
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch)
            self._watch.close()
        await self._supervisor.close()
        self.sandboxes.close()
        await in_thread(self._namespaces.drop_spares)
        if self._metadata.sandboxes.count() == 0:
            await self._withdraw()
        if self._nft is not None:
            self._nft.close()
        self._route.close()

    async def _withdraw(self) -> None:
        await self.networks.withdraw()
        try:
            await in_thread(self._firewall.destroy)
        except BoxshipError as error:
            log.error("cannot take our firewall table away: %s", error)  # noqa: TRY400

    def _changed(self) -> None:
        if self._watch is not None and self._watch.drain():
            self._dirty.set()

    async def _keep_rules(self) -> None:
        """Render our table again whenever somebody took it, or a part of it, away."""
        while True:
            try:
                async with asyncio.timeout(_CHECK_S):
                    await self._dirty.wait()
            except TimeoutError:
                log.debug("checking the firewall")
            await asyncio.sleep(_SETTLE_S)
            self._dirty.clear()
            try:
                if not await in_thread(self._firewall.is_intact):
                    log.warning("our firewall rules were taken away; putting them back")
                    await in_thread(self._firewall.reassert)
                    # whoever does it again and again does not keep us busy
                    await asyncio.sleep(_PATIENCE_S)
            except BoxshipError as error:
                log.error("cannot restore the firewall: %s", error)  # noqa: TRY400


def _open_watch() -> DeletionWatch | None:
    try:
        return DeletionWatch()
    except OSError as error:
        log.error("no firewall, published ports are relayed: %s", error)  # noqa: TRY400
        return None
