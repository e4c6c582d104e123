"""boxship.Engine as a guest in somebody else's process."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import boxship
from boxship.errors import Unavailable
from boxship.library.packing import once
from boxship.model.container import Status
from boxship.services.images import ImportRequest
from support.boxshipd import Boxshipd, boxshipd, mounts_below
from support.rootfs import busybox

pytestmark = pytest.mark.root

IMAGE = "embedded"


class Plot:
    """Roots for engines one after the other, and what they leave behind."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="bxs-"))
        self._yard = Boxshipd(self.root)

    def engine(self) -> boxship.Engine:
        config = boxship.EngineConfig(bip=self._yard.address)
        return boxship.Engine(self.root / "data", self.root / "run", config=config)

    def clear(self) -> None:
        self._yard.adopt_bridge()
        self._yard.end()
        shutil.rmtree(self.root, ignore_errors=True)


@pytest.fixture
def plot() -> Iterator[Plot]:
    made = Plot()
    yield made
    made.clear()


@pytest.fixture
def neighbour() -> Iterator[Plot]:
    made = Plot()
    yield made
    made.clear()


async def give_image(engine: boxship.Engine) -> None:
    async for _ in engine.images.import_(once(busybox()), ImportRequest(repository=IMAGE)):
        pass


async def test_containers_outlive_the_engine_and_are_found_again(plot: Plot) -> None:
    async with plot.engine() as engine:
        await give_image(engine)
        box = await engine.start(IMAGE, "sleep", "60", name="lasting")
    async with plot.engine() as engine:
        again = await engine.get("lasting")
        assert again.id == box.id
        assert (await again.exec("echo", "still here")).text == "still here"
        await again.remove(force=True)


async def test_two_engines_side_by_side(plot: Plot, neighbour: Plot) -> None:
    async with plot.engine() as one, neighbour.engine() as other:
        await asyncio.gather(give_image(one), give_image(other))
        outputs = await asyncio.gather(
            one.run(IMAGE, "hostname", hostname="one"), other.run(IMAGE, "hostname", hostname="two")
        )
        assert [output.text for output in outputs] == ["one", "two"]
        await one.create(IMAGE, "true", name="same")
        box = await other.create(IMAGE, "true", name="same")
        await (await one.get("same")).remove()
        await box.remove()


async def test_one_root_has_one_engine(plot: Plot) -> None:
    async with plot.engine():
        with pytest.raises(Unavailable, match=rf"another engine \(PID {os.getpid()}\) is using it"):
            async with plot.engine():
                pass
    async with plot.engine():
        pass


async def test_a_daemon_and_an_engine_exclude_each_other(plot: Plot) -> None:
    with boxshipd() as daemon:
        embedded = boxship.Engine(daemon.data_root, plot.root / "run")
        with pytest.raises(Unavailable, match=rf"another engine \(PID {daemon.pid}\) is using it"):
            await embedded.__aenter__()
        same_run = boxship.Engine(plot.root / "data", daemon.root / "run")
        with pytest.raises(Unavailable, match="another engine"):
            await same_run.__aenter__()
        assert daemon.stop() == 0
        async with boxship.Engine(
            daemon.data_root,
            daemon.root / "run",
            config=boxship.EngineConfig(bip=daemon.address),
        ):
            result = subprocess.run(
                daemon.command(), check=False, capture_output=True, text=True, timeout=30
            )
            assert result.returncode == 1
            assert f"another engine (PID {os.getpid()}) is using it" in result.stderr


async def test_use_outside_of_the_block(plot: Plot) -> None:
    engine = plot.engine()
    with pytest.raises(Unavailable, match="is not open"):
        await engine.run(IMAGE)
    async with engine:
        with pytest.raises(Unavailable, match="is open already"):
            await engine.__aenter__()
        await engine.close()
        with pytest.raises(Unavailable, match="is not open"):
            engine.containers  # noqa: B018
        await engine.close()


async def test_an_exception_closes_the_engine_and_comes_out(plot: Plot) -> None:
    async def fail() -> None:
        async with plot.engine() as engine:
            await give_image(engine)
            async with engine.box(IMAGE, "sleep", "60", name="gone"):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with plot.engine() as engine:
        assert await engine.boxes(all=True) == []


async def test_closing_ends_what_waits_and_streams(plot: Plot) -> None:
    tasks = len(asyncio.all_tasks())
    async with plot.engine() as engine:
        await give_image(engine)
        box = await engine.start(IMAGE, "sh", "-c", "while :; do echo x; sleep 0.02; done")

        async def follow() -> None:
            async for _ in box.logs(follow=True):
                pass

        async def watch() -> None:
            async for _ in engine.watch():
                pass

        async def sample() -> None:
            samples = await engine.monitoring.stats(box.id, stream=True, one_shot=False)
            async for _ in samples:
                pass

        async def talk() -> None:
            async with box.open_exec("cat") as session:
                async for _ in session:
                    pass

        users = [
            asyncio.ensure_future(each)
            for each in (follow(), watch(), sample(), talk(), box.wait(), box.exec("sleep", "99"))
        ]
        await asyncio.sleep(0.5)
    outcomes = await asyncio.wait_for(asyncio.gather(*users, return_exceptions=True), 5)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * len(users)
    assert len(asyncio.all_tasks()) == tasks
    async with plot.engine() as engine:
        (left,) = await engine.boxes()
        assert (await left.inspect()).container.state.status is Status.RUNNING
        await left.remove(force=True)


async def test_nothing_of_the_process_is_changed(plot: Plot) -> None:
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    mask = os.umask(0o077)
    try:
        async with plot.engine() as engine:
            await give_image(engine)
            text = "echo hi > /data/f; stat -c %a /data /etc/hosts /tmp"
            output = await engine.run(IMAGE, "sh", "-c", text, volumes=["/data"])
            assert output.text.split() == ["755", "644", "1777"]
        assert [signal.getsignal(number) for number in signal.valid_signals()] == handlers
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(mask)
    assert mounts_below(plot.root) == []
