"""Events: publish once, read by many, each at its own pace."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping

from boxship.errors import InvalidArgument
from boxship.model.event import Event
from boxship.model.filters import Filters
from boxship.model.reference import parse_reference

HISTORY = 1024
"""How many past events `since` can reach back to."""

BACKLOG = 4096
"""How many events a slow reader may lag behind before it loses the oldest."""

_PREFIXED = frozenset({"health_status", "exec_create", "exec_start"})
_ACTOR_FILTERS = (
    "container",
    "volume",
    "network",
    "plugin",
    "daemon",
    "service",
    "node",
    "secret",
    "config",
)


class EventBus:
    """Implements services.events.Events; `publish` is how the other services tell what they did."""

    def __init__(self) -> None:
        self._history: deque[Event] = deque(maxlen=HISTORY)
        self._readers: set[_Reader] = set()
        self._last_ns = 0

    def __repr__(self) -> str:
        return f"EventBus({len(self._history)} kept, {len(self._readers)} readers)"

    @property
    def listeners(self) -> int:
        """How many subscriptions are open."""
        return len(self._readers)

    def publish(
        self, kind: str, action: str, actor_id: str, attributes: Mapping[str, str] | None = None
    ) -> None:
        """Tell that *action* happened to the *kind* of object with this ID; never waits."""
        # strictly increasing: clients use the time of the last event as the next `since`
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        event = Event(
            type=kind,
            action=action,
            actor_id=actor_id,
            attributes=dict(attributes or {}),
            time_ns=self._last_ns,
        )
        self._history.append(event)
        for reader in self._readers:
            reader.offer(event)

    async def subscribe(
        self, filters: Filters, *, since_ns: int | None = None, until_ns: int | None = None
    ) -> AsyncIterator[Event]:
        """See services.events."""
        reader = _Reader(filters)
        if since_ns is not None or until_ns is not None:  # either one asks for the past
            for event in self._history:
                if event.time_ns >= (since_ns or 0) and (
                    until_ns is None or event.time_ns <= until_ns
                ):
                    reader.offer(event)
        self._readers.add(reader)  # no await since the history was read: nothing falls between
        return self._stream(reader, until_ns)

    async def _stream(self, reader: "_Reader", until_ns: int | None) -> AsyncIterator[Event]:
        try:
            while True:
                timeout = None if until_ns is None else (until_ns - time.time_ns()) / 1e9
                event = await reader.next(timeout)
                if event is None:
                    return
                yield event
        finally:
            self._readers.discard(reader)


class _Reader:
    """One subscription's bounded queue."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._queue: deque[Event] = deque(maxlen=BACKLOG)
        self._arrived = asyncio.Event()

    def offer(self, event: Event) -> None:
        if matches(event, self._filters):
            self._queue.append(event)
            self._arrived.set()

    async def next(self, timeout: float | None) -> Event | None:
        """The next event; None when *timeout* seconds have passed without one."""
        while not self._queue:
            self._arrived.clear()
            try:
                async with asyncio.timeout(None if timeout is None else max(timeout, 0)):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        return self._queue.popleft()


def matches(event: Event, filters: Filters) -> bool:
    """Docker's rules for event filters (moby daemon/events/filter.go)."""
    return (
        _matches_action(event, filters)
        and filters.exact("type", event.type)
        and filters.exact("scope", event.scope)
        and filters.labels(event.attributes)
        and all(_matches_actor(event, filters, kind) for kind in _ACTOR_FILTERS)
        and _matches_image(event, filters)
    )


def _matches_action(event: Event, filters: Filters) -> bool:
    wanted = filters.get("event")
    if _PREFIXED.intersection(wanted):
        return any(event.action.startswith(action) for action in wanted)
    return filters.exact("event", event.action)


def _matches_actor(event: Event, filters: Filters, kind: str) -> bool:
    if kind not in filters:
        return True
    # whatever it is that has the name, as with Docker
    name = event.attributes.get("name", "")
    return filters.fuzzy(kind, event.actor_id) or filters.fuzzy(kind, name)


def _matches_image(event: Event, filters: Filters) -> bool:
    if "image" not in filters:
        return True
    name = event.attributes.get("name" if event.type == "image" else "image", "")
    candidates = {event.actor_id, name, _without_tag(name)}
    return any(value in candidates for value in filters.get("image"))


def _without_tag(name: str) -> str:
    try:
        return parse_reference(name).familiar_name
    except InvalidArgument:
        return name
