"""What users of a closing engine see."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from boxship.errors import Conflict, Unavailable
from boxship.library.closing import Scope, _Service
from boxship.services.streams import Logs


class Inner:
    """A service of every shape of method."""

    def __init__(self) -> None:
        self.undone: list[str] = []

    async def answer(self, value: int) -> int:
        await asyncio.sleep(0)
        return value

    async def refuse(self) -> None:
        raise Conflict("no")

    async def time_out(self) -> None:
        raise TimeoutError("its own")

    async def hang(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.undone.append("hang")

    def numbers(self, count: int) -> AsyncIterator[int]:
        return self._numbers(count)

    async def logs(self) -> Logs:
        return Logs(False, self._chunks())

    async def _chunks(self) -> AsyncIterator[tuple[int, bytes]]:
        yield 1, b"x"

    async def _numbers(self, count: int) -> AsyncIterator[int]:
        try:
            async with asyncio.timeout(60):  # belongs to the task that iterates
                for number in range(count):
                    yield number
                await asyncio.Event().wait()
        finally:
            self.undone.append("numbers")


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
async def scope() -> AsyncIterator[Scope]:
    scope = Scope("it")
    yield scope
    await scope.close()
    assert repr(scope) == "<Scope of it: 0 calls, 0 streams>"


@pytest.fixture
def service(scope: Scope, inner: Inner) -> Any:
    return _Service(scope, inner)


async def test_calls_pass_through(service: Any) -> None:
    assert await service.answer(7) == 7
    with pytest.raises(Conflict, match="no"):
        await service.refuse()
    with pytest.raises(TimeoutError, match="its own"):
        await service.time_out()
    assert [chunk async for chunk in (await service.logs()).chunks] == [(1, b"x")]
    with pytest.raises(AttributeError):
        service.nonsense  # noqa: B018


async def test_closing_waits_for_what_it_cuts_short(
    scope: Scope, service: Any, inner: Inner
) -> None:
    hanging = asyncio.ensure_future(service.hang())
    await asyncio.sleep(0)
    await scope.close()
    assert inner.undone == ["hang"]
    with pytest.raises(Unavailable, match="it was closed"):
        await hanging
    with pytest.raises(Unavailable, match="it is closed"):
        await service.answer(1)


async def test_cancelling_a_call_is_no_closing(service: Any, inner: Inner) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(service.hang(), 0.01)
    assert inner.undone == ["hang"]
    assert await service.answer(1) == 1


async def test_streams_end_with_the_engine(scope: Scope, service: Any, inner: Inner) -> None:
    async def consume() -> list[int]:
        return [number async for number in service.numbers(3)]

    waiting = asyncio.ensure_future(consume())
    idle = service.numbers(1)
    assert await anext(idle) == 0
    await asyncio.sleep(0)
    await scope.close()
    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(Unavailable):
        await anext(idle)
    assert len(inner.undone) == 2


async def test_a_stream_is_closed_by_its_reader(service: Any, inner: Inner) -> None:
    numbers = service.numbers(2)
    async for _ in numbers:
        break
    await numbers.aclose()
    assert inner.undone == ["numbers"]
