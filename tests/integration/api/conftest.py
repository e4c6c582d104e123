"""A server on services that need no root, in a thread of its own: clients may block."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.api.docker.app import build_app
from boxship.http import listeners
from boxship.http.server import Server
from support.local_engine import LocalEngine


class Serving:
    """The server's loop and its engine."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.host = f"unix://{path}"
        self.loop = asyncio.new_event_loop()
        self.engine = LocalEngine()
        self.app = build_app(self.engine.services(), product="Boxship/test (linux)")
        self.server: Server | None = None
        self.ports: list[int] = []

    async def open(self) -> None:
        self.server = Server(self.app)
        await self.server.listen(listeners.listen_unix(self.path, group=None))

    async def listen_tcp(self, context: object = None) -> int:
        assert self.server
        (listener,) = listeners.listen_tcp("127.0.0.1", 0)
        await self.server.listen(listener, context)  # type: ignore[arg-type]
        port: int = listener.getsockname()[1]
        return port

    def call(self, coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)  # type: ignore[arg-type]

    async def close(self) -> None:
        assert self.server
        await self.server.close(1)
        await self.app.close(1)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(15):
                await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(str(tmp_path / "sock"))
    thread = threading.Thread(target=serving.loop.run_forever)
    thread.start()
    try:
        serving.call(serving.open())
        yield serving
    finally:
        serving.call(serving.close())
        serving.loop.call_soon_threadsafe(serving.loop.stop)
        thread.join()
        serving.loop.run_until_complete(serving.loop.shutdown_default_executor())
        serving.loop.close()
