"""Work that goes on to its end although its client leaves: half a stop or remove helps nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from boxship.concurrency import Supervisor

T = TypeVar("T")


class Verbs:
    """Runs verbs; `close` lets them finish."""

    def __init__(self) -> None:
        self._tasks = Supervisor("api")
        self._running: set[asyncio.Task[object]] = set()

    def __repr__(self) -> str:
        return f"Verbs({len(self._running)} running)"

    async def finish(
        self,
        work: Awaitable[T],
        *,
        name: str,
        unwanted: Callable[[T], Awaitable[None]] | None = None,
    ) -> T:
        """What *work* comes to; when we are cancelled meanwhile, *unwanted* gets its result in the end."""
        verb: asyncio.Task[T | Exception] = self._tasks.start(_outcome(work), name=name)
        self._running.add(verb)
        verb.add_done_callback(self._running.discard)
        try:
            outcome = await asyncio.shield(verb)
        except asyncio.CancelledError:
            if unwanted is not None:
                self._tasks.start(_dispose(verb, unwanted), name=f"{name}: client left")
            raise
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self, timeout_s: float) -> None:
        """Let what began finish, as long as *timeout_s*; then cancel it."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)
        await self._tasks.close()


async def _outcome(work: Awaitable[T]) -> T | Exception:
    """What a verb came to, as a value: its failure is the client's to hear of, not the supervisor's."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - raised again where the client is answered
        return error


async def _dispose(
    verb: "asyncio.Task[T | Exception]", unwanted: Callable[[T], Awaitable[None]]
) -> None:
    outcome = await verb
    if not isinstance(outcome, Exception):
        await unwanted(outcome)
