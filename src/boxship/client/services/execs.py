"""Processes started inside running containers."""

import asyncio
from typing import Final

from boxship.client.exchange import Transport
from boxship.client.readings.containers import exec_session
from boxship.client.services import paths
from boxship.client.services.streams import RemoteAttachment
from boxship.errors import Conflict, Internal
from boxship.model.container import Exec
from boxship.services.execs import ExecRequest
from boxship.wire.values import encode

_PATIENCE_S: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 0)
"""How long to wait between attempts; 0 is the end of it."""


class RemoteExecs:
    """Implements services.execs.Execs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stdin: dict[str, bool] = {}  # of sessions that were not started yet

    async def create(self, container: str, request: ExecRequest) -> str:
        """See services.execs."""
        body = encode(request)
        if request.console_size == (0, 0):
            del body["ConsoleSize"]
        document = await self._transport.json(
            "POST", paths.container(container, "/exec"), body=body
        )
        exec_id: str = document["Id"]
        self._stdin[exec_id] = request.attach_stdin
        return exec_id

    async def start(
        self, exec_id: str, *, detach: bool, tty: bool, console_size: tuple[int, int] | None = None
    ) -> RemoteAttachment | None:
        """See services.execs; what fails once the stream has begun is told in it, as Docker does."""
        body: dict[str, object] = {"Detach": detach, "Tty": tty}
        if console_size is not None:
            body["ConsoleSize"] = console_size
        path = paths.session(exec_id, "/start")
        stdin = self._stdin.pop(exec_id, None)
        if detach:
            await self._transport.json("POST", path, body=body)
            return None
        if stdin is None:
            stdin = (await self.inspect(exec_id)).attach_stdin
        stream = await self._transport.hijack(path, body=body)
        return RemoteAttachment(stream, self._transport.tasks, tty=tty, stdin=stdin)

    async def resize(self, exec_id: str, height: int, width: int) -> None:
        """See services.execs; a session whose stream has begun may still be about to run."""
        query = {"h": height, "w": width}
        for pause_s in _PATIENCE_S:
            try:
                await self._transport.json("POST", paths.session(exec_id, "/resize"), query)
            except (Conflict, Internal):
                if not pause_s or (await self.inspect(exec_id)).exit_code is not None:
                    raise
                await asyncio.sleep(pause_s)
            else:
                return

    async def inspect(self, exec_id: str, *, usable: bool = False) -> Exec:
        """See services.execs."""
        del usable  # the engine refuses whatever comes next
        return exec_session(await self._transport.json("GET", paths.session(exec_id, "/json")))
