"""Which containers there are: found by name, ID or prefix, changed under a lock, told about in events."""

import contextlib
from collections.abc import AsyncIterator, Iterable

from boxship.concurrency import KeyedLocks, Supervisor
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.live import Live
from boxship.engine.networks.endpoints import links
from boxship.errors import InvalidArgument
from boxship.model.container import Container, NoSuchContainer


class Register:
    """Rows and what is live of them."""

    def __init__(self, parts: Parts) -> None:
        self._rows = parts.metadata.containers
        self._events = parts.events
        self._locks = KeyedLocks()
        self._live: dict[str, Live] = {}
        self._supervisor = Supervisor("streams")

    def __repr__(self) -> str:
        return f"Register({self._rows.count()} containers, {len(self._live)} live, {self._locks})"

    async def close(self) -> None:
        """Let go of what is kept connected."""
        await self._supervisor.close()

    def get(self, name: str) -> Container:
        """By ID, name or unique ID prefix, in Docker's order; raise NoSuchContainer."""
        if not name:
            raise InvalidArgument('invalid name or ID supplied: ""')
        found = self.find(name)
        if found is None:
            raise NoSuchContainer(name)
        return found

    def find(self, name: str) -> Container | None:
        """Like get, but None; InvalidArgument when a prefix is ambiguous."""
        if not name:
            return None
        exact = self._rows.find(name) or self._rows.find_by_name(name.removeprefix("/"))
        exact = exact or self._find_linked(name)
        if exact is not None:
            return exact
        matches = self._rows.find_by_prefix(name)
        if len(matches) > 1:
            raise InvalidArgument(f"multiple IDs found with provided prefix: {name}")
        return matches[0] if matches else None

    def _find_linked(self, name: str) -> Container | None:
        """What `parent/alias` means: the container that *parent* links to under that alias."""
        parent, slash, alias = name.removeprefix("/").partition("/")
        holder = self._rows.find_by_name(parent) if slash else None
        for target, linked_as in links(holder.host_config.links) if holder else ():
            if linked_as == alias:
                return self._rows.find(target) or self._rows.find_by_name(target)
        return None

    def link_names(self, holders: Iterable[Container]) -> dict[str, list[str]]:
        """The further names that containers have by links of *holders*, `parent/alias`, by their IDs."""
        found: dict[str, list[str]] = {}
        for holder in holders:
            for target, alias in links(holder.host_config.links):
                other = self._rows.find(target) or self._rows.find_by_name(target)
                if other is not None:
                    found.setdefault(other.id, []).append(f"{holder.name}/{alias}")
        return found

    def current(self, container_id: str) -> Container | None:
        """The row as it is now."""
        return self._rows.find(container_id)

    def list(self) -> list[Container]:
        """All of them, oldest first."""
        return sorted(self._rows.list(), key=lambda container: container.created)

    def save(self, container: Container) -> Container:
        """Store a new state of a row that exists."""
        self._rows.put(container)
        return container

    def live(self, container_id: str) -> Live:
        """Its waiters and tasks."""
        live = self._live.get(container_id)
        if live is None:
            live = self._live[container_id] = Live(self._supervisor)
        return live

    def forget(self, container_id: str) -> Live | None:
        """It was removed; the live part for a last word."""
        return self._live.pop(container_id, None)

    @contextlib.asynccontextmanager
    async def editing(self, name: str) -> AsyncIterator[Container]:
        """Exclude other verbs from a container, and see it as it then is."""
        container_id = self.get(name).id
        async with self._locks.hold(container_id):
            container = self._rows.find(container_id)
            if container is None:
                raise NoSuchContainer(name)
            yield container

    def publish(self, container: Container, action: str, **attributes: str) -> None:
        """A container event: its labels and facts are attributes, as in Docker."""
        facts = {
            **(container.config.labels or {}),
            "image": container.config.image,
            "name": container.name,
            **attributes,
        }
        self._events.publish("container", action, container.id, facts)
