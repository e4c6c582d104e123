"""Events: what happened to what, as `docker events` tells it."""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event; `time_ns` in nanoseconds since the epoch.

    `type` is container, image, volume, network, builder or daemon; `attributes` are the actor's labels
    and facts (`image`, `name`, `exitCode`, …).
    """

    type: str
    action: str
    actor_id: str
    attributes: dict[str, str]
    time_ns: int
    scope: str = "local"
