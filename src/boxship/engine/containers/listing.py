"""Which containers `ps` and `prune` choose. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from boxship.errors import Internal, InvalidArgument
from boxship.model.container import Container, NoSuchContainer, Status
from boxship.model.filters import Filters
from boxship.model.moment import parse_moment
from boxship.model.network import Sandbox
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

Ancestors = Callable[[str], Collection[str]]


def plan_list(
    containers: Iterable[Container],
    listing: ContainerListing,
    *,
    sandboxes: Mapping[str, Sandbox],
    ancestors: Ancestors,
) -> list[Container]:
    """What `ps` shows, newest first.

    *sandboxes* are the networks of running containers by their ID, needed by some filters; *ancestors*
    gives the images that descend from a name.
    """
    filters = listing.filters
    filters.validate(PS_FILTERS)
    newest_first = sorted(containers, key=lambda container: container.created, reverse=True)
    chooses = _Chooser(listing, sandboxes, ancestors)
    chosen: list[Container] = []
    for container in _between(newest_first, filters):
        if listing.limit > 0 and len(chosen) == listing.limit:
            break
        if chooses(container):
            chosen.append(container)
    return chosen


def _between(newest_first: Sequence[Container], filters: Filters) -> Sequence[Container]:
    """Those that come after `before`'s and before `since`'s, among those of the name and ID asked for.

    As with Docker, a bound that the other two filters leave out is never met.
    """
    bounds = {
        what: _exactly(newest_first, filters.get(what)[-1])
        for what in ("before", "since")
        if filters.get(what)
    }
    found = [c for c in newest_first if _is_named(c, newest_first, filters)]
    if "before" in bounds:
        found = found[found.index(bounds["before"]) + 1 :] if bounds["before"] in found else []
    if "since" in bounds and bounds["since"] in found:
        found = found[: found.index(bounds["since"])]
    return found


def _exactly(containers: Iterable[Container], name: str) -> Container:
    """By whole ID or name: bounds know no prefixes."""
    for container in containers:
        if name == container.id or name.removeprefix("/") == container.name:
            return container
    raise NoSuchContainer(name)


def _is_named(container: Container, everyone: Sequence[Container], filters: Filters) -> bool:
    if "id" in filters:
        prefixes = [
            prefix
            for prefix in filters.get("id")
            if prefix and sum(each.id.startswith(prefix) for each in everyone) == 1
        ]
        if not any(container.id.startswith(prefix) for prefix in prefixes):
            return False
    return filters.search("name", container.name) or filters.search("name", f"/{container.name}")


class _Chooser:
    """The filters, checked and made ready; says whether they let a container through."""

    def __init__(
        self,
        listing: ContainerListing,
        sandboxes: Mapping[str, Sandbox],
        ancestors: Ancestors,
    ) -> None:
        filters = listing.filters
        self._filters = filters
        self._sandboxes = sandboxes
        self._exited = [_exit_code(value) for value in filters.get("exited")]
        for value in filters.get("status"):
            _check_status(value)
        self._is_task = filters.flag("is-task", default=False)
        for value in filters.get("health"):
            _check_health(value)
        self._images = {image for name in filters.get("ancestor") for image in ancestors(name)}
        self._publish = ports_of(filters.get("publish"), "publish")
        self._expose = ports_of(filters.get("expose"), "expose")
        self._stopped_too = listing.all or listing.limit > 0 or bool(filters.get("status"))

    def __repr__(self) -> str:
        return f"_Chooser({self._filters!r})"

    def __call__(self, container: Container) -> bool:
        filters, health = self._filters, container.state.health
        return (
            (self._stopped_too or _is_running(container))
            and not self._is_task
            and filters.labels(container.config.labels)
            and self._has_exited(container)
            and filters.search("status", container.state.status)
            and filters.exact("health", health.status if health else "none")
            and ("volume" not in filters or self._has_volume(container))
            and ("ancestor" not in filters or str(container.image) in self._images)
            and ("network" not in filters or self._has_network(container))
            and self._has_port(container)
        )

    def _has_exited(self, container: Container) -> bool:
        if not self._exited:
            return True
        ended = not _is_running(container) and container.state.started_at > 0
        return ended and container.state.exit_code in self._exited

    def _has_volume(self, container: Container) -> bool:
        wanted = self._filters.get("volume")
        return any(
            point.destination in wanted or (point.name or point.source) in wanted
            for point in container.mounts
        )

    def _has_network(self, container: Container) -> bool:
        sandbox = self._sandboxes.get(container.id)
        ids = [endpoint.network_id for endpoint in sandbox.endpoints] if sandbox else []
        return any(
            name in container.networks
            or name == container.host_config.network_mode
            or any(network_id.startswith(name) for network_id in (*ids, ""))
            for name in self._filters.get("network")
        )

    def _has_port(self, container: Container) -> bool:
        """Either filter will do, as with Docker."""
        if not self._publish and not self._expose:
            return True
        sandbox = self._sandboxes.get(container.id)
        if sandbox is None:
            return False
        exposed = {_private(port) for port in container.config.exposed_ports or ()}
        exposed |= {(str(port.container_port), port.protocol) for port in sandbox.ports}
        published = {(str(port.host_port), port.protocol) for port in sandbox.ports}
        published |= {("0", protocol) for _, protocol in exposed}
        return bool(self._publish & published or self._expose & exposed)


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


def _check_status(value: str) -> None:
    if value not in set(Status):
        raise InvalidArgument(
            f"invalid filter 'status={value}': invalid value for state ({value}): must be one of "
            "created, running, paused, restarting, removing, exited, dead"
        )


def _check_health(value: str) -> None:
    if value not in _HEALTH:
        raise InvalidArgument(
            f"invalid filter 'health={value}': invalid value for health ({value}): must be one of "
            "none, starting, healthy, unhealthy"
        )


def _exit_code(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidArgument(
            f"invalid filter 'exited={text}': strconv.Atoi: parsing \"{text}\": invalid syntax"
        ) from error


def _private(port: str) -> tuple[str, str]:
    number, _, protocol = port.partition("/")
    return number, protocol or "tcp"


def ports_of(values: Iterable[str], what: str) -> set[tuple[str, str]]:
    """The ports that `80`, `80/udp` and `8000-8010/tcp` mean, with their protocols."""
    found: set[tuple[str, str]] = set()
    for value in values:
        if ":" in value:
            raise Internal(f"filter for '{what}' should not contain ':': {value}")
        span, *rest = value.split("/")
        try:
            low, high = _port_range(span)
        except InvalidArgument as error:
            raise Internal(f"error while looking up for {what} {value}: {error}") from error
        protocol = rest[0] if rest and rest[0] else "tcp"
        found.update((str(number), protocol) for number in range(low, high + 1))
    return found


def _port_range(text: str) -> tuple[int, int]:
    if not text:
        raise InvalidArgument("Empty string specified for ports.")
    first, dash, last = text.partition("-")
    low = _port_number(first)
    high = _port_number(last) if dash else low
    if high < low:
        raise InvalidArgument(f"Invalid range specified for the Port: {text}")
    return low, high


def _port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InvalidArgument(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if len(text) > 20 or int(text) > 65535:
        raise InvalidArgument(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)
