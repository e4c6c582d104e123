"""Events reach every reader, each at its own pace."""

import asyncio
import time

import pytest

from boxship.engine.events import BACKLOG, EventBus
from boxship.model.filters import Filters


async def test_past_and_new_events_come_without_a_gap() -> None:
    bus = EventBus()
    bus.publish("container", "create", "1")
    events = await bus.subscribe(Filters(), since_ns=0)
    bus.publish("container", "start", "1")
    assert [(await anext(events)).action for _ in range(2)] == ["create", "start"]


async def test_until_ends_the_stream() -> None:
    bus = EventBus()
    bus.publish("container", "create", "1")
    events = await bus.subscribe(Filters(), since_ns=0, until_ns=time.time_ns())
    assert [event.action async for event in events] == ["create"]


async def test_until_alone_asks_for_all_that_was() -> None:
    bus = EventBus()
    bus.publish("container", "create", "1")
    events = await bus.subscribe(Filters(), until_ns=time.time_ns())
    assert [event.action async for event in events] == ["create"]


async def test_a_reader_that_lags_loses_only_its_own_oldest() -> None:
    bus = EventBus()
    slow = await bus.subscribe(Filters())
    for number in range(BACKLOG + 10):
        bus.publish("container", "start", str(number))
    assert (await anext(slow)).actor_id == "10"


async def test_a_reader_that_goes_is_forgotten() -> None:
    bus = EventBus()
    events = await bus.subscribe(Filters())
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert bus.listeners == 0


async def test_times_never_repeat() -> None:
    bus = EventBus()
    events = await bus.subscribe(Filters())
    for _ in range(100):
        bus.publish("container", "start", "1")
    times = [(await anext(events)).time_ns for _ in range(100)]
    assert len(set(times)) == 100
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"type": ("volume",)}, ["v"]),
        ({"container": ("web",)}, ["c"]),
        ({"container": ("c0ffee",)}, ["c"]),  # a network event is about the network
        ({"event": ("exec_create",)}, ["e"]),
        ({"event": ("start",)}, ["c"]),
        ({"image": ("busybox",)}, ["c", "e"]),
        ({"image": ("busybox:1",)}, ["c"]),
        ({"label": ("tier=front",)}, ["c"]),
        ({"network": ("bridge",)}, ["n"]),
    ],
)
async def test_filters(filters: dict[str, tuple[str, ...]], expected: list[str]) -> None:
    bus = EventBus()
    web = {"name": "web", "image": "busybox:1", "tier": "front"}
    bus.publish("container", "start", "c0ffee", web)
    bus.publish("container", "exec_create: ls", "beef", {"name": "other", "image": "busybox"})
    bus.publish("volume", "create", "data", {"driver": "local"})
    bus.publish("network", "connect", "abc", {"name": "bridge", "container": "c0ffee"})
    letters = {"start": "c", "exec_create: ls": "e", "create": "v", "connect": "n"}
    found = await bus.subscribe(Filters(filters), since_ns=0, until_ns=time.time_ns())
    wanted = [letters[event.action] async for event in found]
    assert wanted == expected
