"""Events."""

from collections.abc import AsyncIterator
from typing import Protocol

from boxship.model.event import Event
from boxship.model.filters import Filters


class Events(Protocol):
    """What happens in the engine, as it happens and a while back."""

    async def subscribe(
        self, filters: Filters, *, since_ns: int | None = None, until_ns: int | None = None
    ) -> AsyncIterator[Event]:
        """Past events from *since_ns* on, then new ones until *until_ns*; from now on none is missed.

        *until_ns* without *since_ns* begins with all that is remembered; without both, nothing past comes.
        A reader too slow for its bounded queue loses its oldest events, never anybody else's.
        """
        ...
