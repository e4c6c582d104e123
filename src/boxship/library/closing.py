"""An engine that closes while it is in use: what waits for it then fails, instead of waiting for ever.

Over a connection that is so by nature; in process each call and each stream is watched for it here.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar, cast
from weakref import WeakSet

import msgspec

from boxship.errors import Unavailable
from boxship.services import Services
from boxship.services.containers import Wait, WaitResult
from boxship.services.files import Archive
from boxship.services.streams import Attachment, ClientStream, Logs

T = TypeVar("T")


class Scope:
    """All that an engine is asked to do, until it closes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: set[asyncio.Timeout] = set()
        self._streams: WeakSet[_Stream[Any]] = WeakSet()
        self._idle = asyncio.Event()
        self._closed = False

    def __repr__(self) -> str:
        return f"<Scope of {self._name}: {len(self._calls)} calls, {len(self._streams)} streams>"

    async def run(self, begin: Callable[[], Awaitable[T]]) -> T:
        """What a call comes to, made in the caller's own task; Unavailable once the engine closes."""
        if self._closed:
            raise Unavailable(f"{self._name} is closed")
        call = asyncio.timeout(None)  # closing is what ends its time
        self._calls.add(call)
        try:
            async with call:
                return await begin()
        except TimeoutError as error:
            if call.expired():
                raise Unavailable(f"{self._name} was closed") from error
            raise
        finally:
            self._calls.discard(call)
            if not self._calls:
                self._idle.set()

    def stream(self, source: AsyncIterator[T]) -> "_Stream[T]":
        """The same stream, which ends with the engine."""
        stream = _Stream(self, source)
        self._streams.add(stream)
        return stream

    def guard(self, services: Services) -> Services:
        """The same services, whose every call and stream ends with the engine."""
        return Services(
            **{
                name: cast("Any", _Service(self, getattr(services, name)))
                for name in Services.__struct_fields__
            }
        )

    async def close(self) -> None:
        """Cut short what is under way and wait until it has ended; refuse what comes later."""
        self._closed = True
        self._idle.clear()
        for call in self._calls:
            call.reschedule(0)
        if self._calls:
            await self._idle.wait()
        for stream in list(self._streams):
            await stream.aclose()
        self._streams.clear()

    def result(self, value: Any) -> Any:
        """What a call returned: what is used later is watched, too."""
        if isinstance(value, Logs | Archive):
            return msgspec.structs.replace(value, chunks=self.stream(value.chunks))
        if hasattr(value, "__anext__"):
            return self.stream(value)
        if hasattr(value, "run"):
            return _Attachment(self, value)
        if hasattr(value, "result"):
            return _Wait(self, value)
        return value


class _Service:
    """A service whose methods run in a scope."""

    def __init__(self, scope: Scope, inner: object) -> None:
        self._scope = scope
        self._inner = inner

    def __repr__(self) -> str:
        return repr(self._inner)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)
        scope = self._scope

        def call(*args: Any, **kwargs: Any) -> Any:
            outcome = method(*args, **kwargs)
            return (
                _awaited(scope, outcome) if inspect.isawaitable(outcome) else scope.result(outcome)
            )

        setattr(self, name, call)  # found directly from now on
        return call


async def _awaited(scope: Scope, work: Awaitable[Any]) -> Any:
    try:
        return scope.result(await scope.run(lambda: work))
    finally:
        if (close := getattr(work, "close", None)) is not None:
            close()  # where it was never begun


class _Stream(Generic[T]):
    """A stream in a scope."""

    def __init__(self, scope: Scope, source: AsyncIterator[T]) -> None:
        self._scope = scope
        self._source = source

    def __aiter__(self) -> "_Stream[T]":
        return self

    async def __anext__(self) -> T:
        return await self._scope.run(lambda: anext(self._source))

    async def aclose(self) -> None:
        """Give up the rest."""
        if (close := getattr(self._source, "aclose", None)) is not None:
            await close()


class _Attachment:
    """An attachment in a scope."""

    def __init__(self, scope: Scope, inner: Attachment) -> None:
        self._scope = scope
        self._inner = inner

    @property
    def tty(self) -> bool:
        return self._inner.tty

    async def run(self, client: ClientStream) -> None:
        await self._scope.run(lambda: self._inner.run(client))

    async def close(self) -> None:
        await self._inner.close()


class _Wait:
    """A wait in a scope."""

    def __init__(self, scope: Scope, inner: Wait) -> None:
        self._scope = scope
        self._inner = inner

    async def result(self) -> WaitResult:
        return await self._scope.run(self._inner.result)
