"""Which containers `ps` and `prune` choose. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from boxship.errors import Internal, InvalidArgument
from boxship.model.container import Container, Status
from boxship.model.filters import Filters
from boxship.model.moment import parse_moment
from boxship.services.containers import ContainerListing

PS_FILTERS: Final = (
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "isolation",
    "is-task",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
)
PRUNE_FILTERS: Final = ("label", "label!", "until")
_HEALTH: Final = ("none", "starting", "healthy", "unhealthy")

Find = Callable[[str], Container]
Ancestors = Callable[[str], Collection[str]]


def plan_list(
    containers: Iterable[Container], listing: ContainerListing, *, find: Find, ancestors: Ancestors
) -> list[Container]:
    """What `ps` shows, newest first; *ancestors* gives the images that descend from a name."""
    filters = listing.filters
    filters.validate(PS_FILTERS)
    exited = [_exit_code(value) for value in filters.get("exited")]
    for value in filters.get("status"):
        if value not in set(Status):
            raise InvalidArgument(
                f"invalid filter 'status={value}': invalid value for state ({value}): must be one of "
                "created, running, paused, restarting, removing, exited, dead"
            )
    for value in filters.get("health"):
        if value not in _HEALTH:
            raise InvalidArgument(
                f"invalid filter 'health={value}': invalid value for health ({value}): must be one of "
                "none, starting, healthy, unhealthy"
            )
    is_task = filters.flag("is-task", default=False)
    before = [find(name).created for name in filters.get("before")]
    since = [find(name).created for name in filters.get("since")]
    images: set[str] = set()
    for name in filters.get("ancestor"):
        images.update(ancestors(name))
    for what in ("publish", "expose"):
        for value in filters.get(what):
            _has_port((), value, what)  # a bad one is told even when there is nothing to compare
    everything = listing.all or bool(listing.limit or before or since) or "status" in filters
    chosen = [
        container
        for container in containers
        if (everything or _is_running(container))
        and _matches(container, filters)
        and (not exited or (container.state.exit_code in exited and _has_exited(container)))
        and ("is-task" not in filters or is_task is False)
        and ("ancestor" not in filters or str(container.image) in images)
        and (not before or container.created < min(before))
        and (not since or container.created > max(since))
    ]
    chosen.sort(key=lambda container: container.created, reverse=True)
    return chosen[: listing.limit] if listing.limit > 0 else chosen


def plan_prune(containers: Iterable[Container], filters: Filters, now_ns: int) -> list[Container]:
    """What `container prune` removes: stopped ones that match."""
    filters.validate(PRUNE_FILTERS)
    until = [parse_moment(text, now_ns) for text in filters.get("until")]
    if len(until) > 1:
        raise InvalidArgument("more than one until filter specified")
    return [
        container
        for container in containers
        if not _is_running(container)
        and filters.labels(container.config.labels)
        and not ("label!" in filters and filters.labels(container.config.labels, "label!"))
        and (not until or container.created <= until[0])
    ]


def _is_running(container: Container) -> bool:
    return container.running or container.state.status is Status.RESTARTING


def _has_exited(container: Container) -> bool:
    return not _is_running(container) and container.state.started_at > 0


def _matches(container: Container, filters: Filters) -> bool:
    health = container.state.health
    return (
        filters.fuzzy("id", container.id)
        and (filters.fuzzy("name", container.name) or filters.fuzzy("name", f"/{container.name}"))
        and filters.labels(container.config.labels)
        and filters.exact("status", container.state.status)
        and filters.exact("health", health.status if health else "none")
        and filters.exact("isolation", container.host_config.isolation)
        and filters.matches("volume", lambda value: _has_volume(container, value))
        and filters.matches("network", lambda value: _is_on(container, value))
        and filters.matches(
            "publish", lambda value: _has_port(_published(container), value, "publish")
        )
        and filters.matches("expose", lambda value: _has_port(_exposed(container), value, "expose"))
    )


def _exit_code(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidArgument(
            f"invalid filter 'exited={text}': strconv.Atoi: parsing \"{text}\": invalid syntax"
        ) from error


def _has_volume(container: Container, value: str) -> bool:
    return any(
        value in (point.name or point.source, point.destination) for point in container.mounts
    )


def _is_on(container: Container, value: str) -> bool:
    return value in container.networks or value == container.host_config.network_mode


def _published(container: Container) -> Sequence[str]:
    if not container.running:
        return []  # Docker looks at what is published now
    host_config = container.host_config
    if host_config.publish_all_ports:
        return _exposed(container)
    return [port for port, places in (host_config.port_bindings or {}).items() if places]


def _exposed(container: Container) -> Sequence[str]:
    if not container.running:
        return []
    return [*(container.config.exposed_ports or ()), *(container.host_config.port_bindings or ())]


def _has_port(ports: Sequence[str], wanted: str, what: str) -> bool:
    """`80`, `80/udp` or `8000-8010/tcp` among ports such as `80/tcp`."""
    span, _, protocol = wanted.partition("/")
    first, _, last = span.partition("-")
    try:
        low, high = int(first), int(last or first)
    except ValueError as error:
        raise Internal(
            f"error while looking up for {what} {wanted}: "
            f'strconv.ParseUint: parsing "{span}": invalid syntax'
        ) from error
    return any(
        number.isdigit()
        and (its_protocol or "tcp") == (protocol or "tcp")
        and low <= int(number) <= high
        for number, _, its_protocol in (port.partition("/") for port in ports)
    )
