"""Engines as programs hold them: `Engine` in this process, `connect()` to one that listens."""

import contextlib
import hashlib
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import msgspec

from boxship.client.remote import open_services
from boxship.concurrency import in_thread
from boxship.engine.config import EngineConfig
from boxship.engine.lock import hold_roots
from boxship.errors import PermissionDenied
from boxship.library.any_engine import AnyEngine
from boxship.library.closing import Scope
from boxship.library.environment import address_of, tls_of_environment
from boxship.services import Services

DEFAULT_ROOT: Final = EngineConfig().data_root


class Engine(AnyEngine):
    """An engine in this process, on a data root of its own: no daemon, no socket.

    Entering the block repairs what a crash left and finds running containers again; leaving it stops
    the engine while its containers go on. Needs root. One engine or daemon at a time uses a data root:
    a second one raises Unavailable. Several engines on different roots may run side by side.
    """

    def __init__(
        self,
        data_root: Path | str | None = None,
        exec_root: Path | str | None = None,
        *,
        config: EngineConfig | None = None,
    ) -> None:
        """*data_root* holds what must survive, *exec_root* (below /run, chosen to fit) what need not."""
        super().__init__()
        config = config or EngineConfig()
        if data_root is not None:
            data = Path(data_root).absolute()
            config = msgspec.structs.replace(config, data_root=data, exec_root=_exec_root(data))
        if exec_root is not None:
            config = msgspec.structs.replace(config, exec_root=Path(exec_root).absolute())
        self.config = config

    def __repr__(self) -> str:
        return f"<boxship.Engine {self.config.data_root}>"

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[Services]:
        if os.geteuid() != 0:
            raise PermissionDenied("cannot open an engine: it needs root")
        opened = await in_thread(_open_engine, self.config)  # the import takes a while
        scope = Scope(repr(self))
        with hold_roots(self.config):
            async with opened as services:
                try:
                    yield scope.guard(services)
                finally:
                    await scope.close()


def _open_engine(config: EngineConfig) -> AbstractAsyncContextManager[Services]:
    from boxship.engine.wiring import open_engine  # noqa: PLC0415 - connect() does without

    return open_engine(config)


def _exec_root(data_root: Path) -> Path:
    """A place that ends with the machine's run, for this data root alone; short, as socket paths are."""
    if data_root == DEFAULT_ROOT:
        return EngineConfig().exec_root
    return Path(f"/run/boxship-{hashlib.sha256(str(data_root).encode()).hexdigest()[:6]}")


class Client(AnyEngine):
    """An engine at the other end of a connection: boxshipd, or any Docker Engine (API 1.24 and later)."""

    def __init__(self, address: str, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self.address = address
        self._context = context

    def __repr__(self) -> str:
        return f"<boxship.Client {self.address}>"

    def _open(self) -> AbstractAsyncContextManager[Services]:
        return open_services(self.address, self._context)


def connect(address: str | None = None, *, tls: ssl.SSLContext | None = None) -> Client:
    """An engine that listens at *address*: `unix:///path`, `tcp://host:port` (there with *tls*) or `ssh://host`.

    Without an address $DOCKER_HOST or $BOXSHIP_HOST names it, with $DOCKER_TLS_VERIFY and
    $DOCKER_CERT_PATH as the docker CLI reads them; else it is boxshipd's default socket. Connecting
    happens on entering the block, and raises CannotConnect (an Unavailable) or PermissionDenied.
    """
    if tls is None and address is None:
        tls = tls_of_environment()
    return Client(address_of(address), tls)
