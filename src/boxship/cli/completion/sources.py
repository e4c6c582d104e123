"""Where candidates come from: the daemon, the user's surroundings, and fixed lists."""

from _signal import SIGALRM, alarm, signal  # type: ignore[import-not-found] # `signal` imports enum
from os import environ

from boxship.cli.completion import lists
from boxship.cli.completion.words import DEFAULT, NO_FILES, NO_SPACE, ONLY_FOLDERS
from boxship.cli.running import Context
from boxship.errors import BoxshipError, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from boxship.cli.completion.words import Place, Wanted

PATIENCE_S = 3  # a shell that hangs is worse than one that offers nothing


class Sources:
    """The sources by name, for one word on one command line."""

    def __init__(self, place: "Place", wanted: "Wanted") -> None:
        self._wanted = wanted
        self._options = wanted.options
        self._context = Context(place.top, place.path)

    def ask(self, name: str) -> "tuple[list[str], int]":
        """The candidates of a source and the directive; raise what the daemon answers."""
        fixed = lists.FIXED.get(name)
        if fixed is not None:
            return list(fixed), NO_FILES
        postfixed = lists.POSTFIXED.get(name)
        if postfixed is not None:
            return list(postfixed), NO_SPACE
        try:
            return _ANSWERS[name](self)
        finally:
            self._context.close()

    def _get(self, path: str, query: "dict[str, Any] | None" = None) -> "Any":
        client = self._context.client
        client.on_unreachable = None  # the Tab key starts no daemon
        signal(SIGALRM, _give_up)
        alarm(PATIENCE_S)
        try:
            return client.get(path, query)
        finally:
            alarm(0)

    def containers(
        self, fits: "Callable[[dict[str, Any]], bool]" = lambda _: True, *, every: bool = True
    ) -> "list[str]":
        """Names of containers; with their IDs for whoever set DOCKER_COMPLETION_SHOW_CONTAINER_IDS."""
        ids = environ.get("DOCKER_COMPLETION_SHOW_CONTAINER_IDS") == "yes"
        names = []
        for row in self._get("/containers/json", {"all": 1} if every else None):
            if fits(row):
                own = [name.removeprefix("/") for name in row["Names"] if "/" not in name[1:]]
                names += [row["Id"], *own] if ids else own
        return names

    def images(self) -> "list[str]":
        """Tags of images."""
        rows = self._get("/images/json")
        return [tag for row in rows for tag in row.get("RepoTags") or ()]

    def networks(self) -> "list[str]":
        return [row["Name"] for row in self._get("/networks")]

    def volumes(self) -> "list[str]":
        return [row["Name"] for row in self._get("/volumes").get("Volumes") or ()]

    def contexts(self) -> "list[str]":
        """Names of contexts, of which "default" always is."""
        from boxship.cli.contexts import Store

        return sorted(["default", *Store(self._context.config_dir).names()])

    def plugins(self, kind: str, instead: "Iterable[str]") -> "list[str]":
        """The drivers of a kind that the daemon knows; *instead* where it does not answer."""
        try:
            return list(self._get("/info")["Plugins"].get(kind) or ())
        except (BoxshipError, OSError):
            return list(instead)

    def objects(self, kind: str) -> "list[str]":
        """Names of what `inspect` can show."""
        listing = {
            "container": self.containers,
            "image": self.images,
            "network": self.networks,
            "volume": self.volumes,
        }
        if kind:
            return listing[kind]() if kind in listing else []
        return [name for names in listing.values() for name in names()]

    def at_most(self, count: int, names: "Callable[[], list[str]]") -> "tuple[list[str], int]":
        """*names* for the first *count* arguments."""
        return ([] if len(self._options.args) >= count else names()), NO_FILES

    def context(self, *, further: int) -> "tuple[list[str], int]":
        """A context for the first argument, *further* the directive for those behind it."""
        return ([], further) if self._options.args else (self.contexts(), NO_FILES)

    def network_then_container(self, *, inside: bool) -> "tuple[list[str], int]":
        """A network, then the containers that are in it, or those that are not."""
        if not self._options.args:
            return self.networks(), NO_FILES
        network = self._options.args[0]

        def fits(row: "dict[str, Any]") -> bool:
            return (network in (row["NetworkSettings"].get("Networks") or {})) is inside

        return self.containers(fits), NO_FILES

    def or_container(self, others: "Iterable[str]") -> "tuple[list[str], int]":
        """Namespace modes, of which one names a container."""
        last = self._wanted.last
        if last and "container".startswith(last):
            return ["container:"], NO_SPACE
        if last.startswith("container:"):
            return [f"container:{name}" for name in self.containers()], NO_FILES
        return ["container:", *others], NO_FILES

    def log_options(self) -> "tuple[list[str], int]":
        """Those of the driver that is on the line."""
        options = lists.LOG_OPTIONS.get(self._options.log_driver)
        if options is not None:
            return [f"{name}=" for name in options], NO_SPACE | NO_FILES
        every = dict.fromkeys(name for names in lists.LOG_OPTIONS.values() for name in names)
        return [f"{name}=" for name in every], NO_SPACE

    def security_options(self) -> "tuple[list[str], int]":
        """Names, then what may follow them."""
        last = self._wanted.last
        if last and "apparmor=".startswith(last):
            return ["apparmor="], NO_SPACE
        if last and "label".startswith(last):
            return ["label="], NO_SPACE
        if last.startswith("label=d"):
            return ["label=disable"], NO_FILES
        if last.startswith("label="):
            return [f"label={name}" for name in lists.SECURITY_LABELS], NO_SPACE | NO_FILES
        if len(last) > 1 and "seccomp".startswith(last):
            return ["seccomp="], NO_SPACE
        if last.startswith("seccomp="):
            return ["seccomp=unconfined"], NO_FILES
        return list(lists.SECURITY_OPTIONS), NO_FILES

    def event_filters(self) -> "tuple[list[str], int]":
        """Keys, then their values."""
        key, equals, _ = self._wanted.last.partition("=")
        if not equals or key not in lists.EVENT_FILTERS:
            more = NO_FILES if equals else 0
            return [f"{name}=" for name in lists.EVENT_FILTERS], NO_SPACE | more
        fixed = lists.EVENT_VALUES.get(key)
        try:
            values = self._filter_values(key) if fixed is None else fixed
        except (BoxshipError, OSError):
            values = ()
        return [f"{key}={value}" for value in values], NO_FILES

    def _filter_values(self, key: str) -> "Iterable[str]":
        if key == "daemon":
            info = self._get("/info")
            return info["Name"], info["ID"]
        return self.objects(key)


def _give_up(_number: int, _frame: object) -> None:
    raise Unavailable("the daemon takes too long")


def _state(*states: str) -> "Callable[[dict[str, Any]], bool]":
    return lambda row: row["State"] in states


def _removable(sources: Sources) -> "tuple[list[str], int]":
    fits = _state("exited", "created")
    forced = sources._options.force  # noqa: SLF001 - part of the same table
    return sources.containers(lambda row: bool(forced) or fits(row)), NO_FILES


_ANSWERS: "dict[str, Callable[[Sources], tuple[list[str], int]]]" = {
    "nothing": lambda _: ([], NO_FILES),
    "files": lambda _: ([], DEFAULT),
    "folders": lambda _: ([], ONLY_FOLDERS),
    "containers": lambda s: (s.containers(), NO_FILES),
    "living": lambda s: (s.containers(every=False), NO_FILES),
    "busy": lambda s: (s.containers(lambda row: row["State"] != "paused", every=False), NO_FILES),
    "paused": lambda s: (s.containers(_state("paused"), every=False), NO_FILES),
    "startable": lambda s: (s.containers(_state("exited", "created")), NO_FILES),
    "removable": _removable,
    "images": lambda s: (s.images(), NO_FILES),
    "one image": lambda s: s.at_most(1, s.images),
    "two images": lambda s: s.at_most(2, s.images),
    "networks": lambda s: (s.networks(), NO_FILES),
    "network, then outsiders": lambda s: s.network_then_container(inside=False),
    "network, then insiders": lambda s: s.network_then_container(inside=True),
    "volumes": lambda s: (s.volumes(), NO_FILES),
    "contexts": lambda s: (s.contexts(), NO_FILES),
    "one context": lambda s: s.context(further=DEFAULT),
    "one context, no more": lambda s: s.context(further=NO_FILES),
    "objects": lambda s: (s.objects(s._options.type), NO_FILES),  # noqa: SLF001 - part of the same table
    "environment": lambda _: (list(environ), NO_FILES),
    "ipc modes": lambda s: s.or_container(("host", "none", "private", "shareable")),
    "pid modes": lambda s: s.or_container(("host",)),
    "links": lambda s: ([f"{name}:" for name in s.containers()], NO_SPACE),
    "log drivers": lambda s: (s.plugins("Log", lists.LOG_OPTIONS), NO_FILES),
    "volume drivers": lambda s: (s.plugins("Volume", ("local",)), NO_FILES),
    "log options": lambda s: s.log_options(),
    "security options": lambda s: s.security_options(),
    "event filters": lambda s: s.event_filters(),
}
