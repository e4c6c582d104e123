"""The life of containers."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from boxship.model.config import RunConfig
from boxship.model.container import Container, HostConfig, RestartPolicy
from boxship.model.filters import Filters
from boxship.model.network import Endpoint, EndpointSettings, PublishedPort


class ContainerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `create` is asked for; an empty name gets a made-up one."""

    name: str = ""
    config: RunConfig
    host_config: HostConfig = HostConfig()
    networks: dict[str, EndpointSettings] = {}
    platform: str = ""


class CreatedContainer(msgspec.Struct, frozen=True):
    """The new container's ID, and warnings for the user."""

    id: str
    warnings: tuple[str, ...] = ()


class ContainerDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A container with everything around it: what inspect and ps show.

    `link_names` are those that links to it give it, `parent/alias`.
    `image_name` is the image as the user wrote it, or its ID once that name means another image.
    Paths are on the host, "" while they do not exist; sizes in bytes, None unless asked for.
    """

    container: Container
    link_names: tuple[str, ...] = ()
    image_name: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    exec_ids: tuple[str, ...] = ()
    sandbox_id: str = ""
    sandbox_key: str = ""
    apparmor_profile: str = ""
    log_path: str = ""
    hosts_path: str = ""
    hostname_path: str = ""
    resolv_conf_path: str = ""
    storage_driver: str = ""
    storage_data: dict[str, str] = {}
    image_manifest_digest: str = ""
    size_rw: int | None = None
    size_root_fs: int | None = None


class ContainerListing(msgspec.Struct, frozen=True, kw_only=True):
    """What `ps` is asked for; `limit` 0 is no limit, and any limit includes stopped containers."""

    all: bool = False
    limit: int = 0
    size: bool = False
    filters: Filters = Filters()


class WaitResult(msgspec.Struct, frozen=True):
    """How a container ended; `error` when waiting itself failed."""

    status_code: int
    error: str = ""


class PruneResult(msgspec.Struct, frozen=True):
    """What a prune removed, and the bytes it gave back."""

    removed: tuple[str, ...] = ()
    reclaimed: int = 0


class Wait(Protocol):
    """A wait that has begun: nothing that happens from now on is missed."""

    async def result(self) -> WaitResult:
        """Block until the condition holds."""
        ...


class Containers(Protocol):
    """Create, run, end and remove containers; *name* is a name, an ID or a unique ID prefix.

    Every verb raises NoSuchContainer for an unknown name. Verbs on one container exclude each other.
    """

    async def create(self, request: ContainerRequest) -> CreatedContainer:
        """Make a container; raise NoSuchImage, ContainerNameTaken or InvalidArgument."""
        ...

    async def start(self, name: str, *, detach_keys: str = "") -> None:
        """Start it; raise NotModified if it runs already."""
        ...

    async def stop(self, name: str, *, signal: str = "", timeout_s: int | None = None) -> None:
        """Signal, wait, then kill; -1 waits for ever; raise NotModified if it does not run."""
        ...

    async def restart(self, name: str, *, signal: str = "", timeout_s: int | None = None) -> None:
        """Stop it if it runs, then start it."""
        ...

    async def kill(self, name: str, signal: str = "SIGKILL") -> None:
        """Send a signal to its first process; raise ContainerNotRunning."""
        ...

    async def pause(self, name: str) -> None:
        """Freeze every process of it."""
        ...

    async def unpause(self, name: str) -> None:
        """Thaw it."""
        ...

    async def rename(self, name: str, new_name: str) -> None:
        """Give it another name, in DNS too."""
        ...

    async def update(
        self, name: str, resources: HostConfig, restart_policy: RestartPolicy | None
    ) -> Sequence[str]:
        """Change limits, running or not; zero values keep what is; return warnings."""
        ...

    async def wait(self, name: str, condition: str = "not-running") -> Wait:
        """Begin to wait for not-running, next-exit or removed."""
        ...

    async def remove(
        self, name: str, *, force: bool = False, volumes: bool = False, link: bool = False
    ) -> None:
        """Remove it with its snapshot and logs; with *volumes* also its anonymous volumes."""
        ...

    async def inspect(self, name: str, *, size: bool = False) -> ContainerDetail:
        """Everything about one container."""
        ...

    async def list(self, listing: ContainerListing) -> Sequence[ContainerDetail]:
        """The containers that match, newest first."""
        ...

    async def prune(self, filters: Filters) -> PruneResult:
        """Remove the stopped ones that match."""
        ...
