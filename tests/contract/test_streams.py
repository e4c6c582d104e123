"""Bytes both ways, whichever implementation carries them."""

import asyncio
import contextlib

import pytest

import boxship
from boxship.errors import Unsupported
from boxship.library.any_engine import AnyEngine
from boxship.model.process import RuntimeRefused
from boxship.services.execs import ExecRequest
from boxship.services.streams import STDERR, STDOUT, AttachOptions, LogOptions
from support.box import BUSYBOX

pytestmark = [pytest.mark.root, pytest.mark.asyncio(loop_scope="session")]

COUNTING = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"


class Reader:
    """A client that sends nothing, keeps what comes, and may be slow."""

    def __init__(self, *typed: bytes, pause_s: float = 0) -> None:
        self.output = {STDOUT: b"", STDERR: b""}
        self._typed = list(typed)
        self._pause_s = pause_s

    async def read(self) -> bytes:
        return self._typed.pop(0) if self._typed else b""

    async def write(self, stream: int, data: bytes) -> None:
        await asyncio.sleep(self._pause_s)
        self.output[stream] += data


async def test_binary_input_comes_back_as_it_was(box: boxship.Box) -> None:
    data = bytes(range(256)) * 8192  # 2 MiB
    output = await box.exec("cat", stdin=data)
    assert output == boxship.Output(0, data)


async def test_both_outputs_are_told_apart(box: boxship.Box) -> None:
    output = await box.exec("sh", "-c", "echo out; echo err >&2; exit 9")
    assert output == boxship.Output(9, b"out\n", b"err\n")


async def test_a_missing_program(box: boxship.Box, engine: AnyEngine) -> None:
    with pytest.raises(RuntimeRefused, match="executable file not found") as caught:
        await box.exec("nope")
    assert caught.value.exit_code == 127
    with pytest.raises(RuntimeRefused, match="executable file not found") as caught:
        await engine.run(BUSYBOX, "nope")
    assert caught.value.exit_code == 127


@pytest.mark.usefixtures("nothing_new")
async def test_a_conversation(box: boxship.Box) -> None:
    async with box.open_exec("cat") as session:
        assert not session.tty
        for word in (b"one", b"two"):
            await session.write(word)
            assert await anext(session) == (STDOUT, word)
        await session.write_eof()
        assert [piece async for piece in session] == []
        assert await session.exit_code() == 0
        with pytest.raises(ConnectionError):
            await session.write(b"too late")


async def test_a_terminal(box: boxship.Box) -> None:
    async with box.open_exec("sh", tty=True) as session:
        assert session.tty
        await session.resize(33, 99)
        await session.write(b"stty size; exit 4\n")
        assert b"33 99" in b"".join([data async for _, data in session])
        assert await session.exit_code() == 4


async def test_exec_inspection(engine: AnyEngine, box: boxship.Box) -> None:
    request = ExecRequest(cmd=("sh", "-c", "exit 5"), env=("A=b",), attach_stdout=True)
    exec_id = await engine.execs.create(box.id, request)
    before = await engine.execs.inspect(exec_id)
    assert (before.container_id, before.cmd, before.running) == (box.id, request.cmd, False)
    assert await engine.execs.start(exec_id, detach=True, tty=False) is None
    async with asyncio.timeout(10):
        while (now := await engine.execs.inspect(exec_id)).running:
            await asyncio.sleep(0.02)
    assert now.exit_code == 5


@pytest.mark.usefixtures("nothing_new")
async def test_leaving_a_session_midway_leaves_nothing(box: boxship.Box) -> None:
    for _ in range(10):
        async with box.open_exec("sh", "-c", "sleep 0.3; yes | head -c 100000") as session:
            await session.write(b"unread")
    await asyncio.sleep(0.5)  # what was left runs to its end


async def test_attach_before_the_start_misses_nothing(engine: AnyEngine) -> None:
    box = await engine.create(BUSYBOX, "sh", "-c", "echo first; read x; echo $x", open_stdin=True)
    async with box.attach() as session:
        await box.start()
        assert await anext(session) == (STDOUT, b"first\n")
        await session.write(b"typed\n")
        assert await anext(session) == (STDOUT, b"typed\n")
        assert await session.exit_code() == 0
    await box.remove()


async def test_attach_with_logs_repeats_the_past(engine: AnyEngine, box: boxship.Box) -> None:
    async for _ in box.logs(follow=True):
        break
    options = AttachOptions(stdout=True, stderr=True, logs=True)
    attachment = await engine.streams.attach(box.id, options)
    reader = Reader()
    await attachment.run(reader)
    assert reader.output[STDOUT] == b"ready\n"


async def test_a_slow_reader_gets_everything(engine: AnyEngine, box: boxship.Box) -> None:
    request = ExecRequest(cmd=("sh", "-c", "yes | head -c 3000000"), attach_stdout=True)
    exec_id = await engine.execs.create(box.id, request)
    attachment = await engine.execs.start(exec_id, detach=False, tty=False)
    assert attachment is not None
    reader = Reader(pause_s=0.001)
    await attachment.run(reader)
    assert len(reader.output[STDOUT]) == 3_000_000


async def test_logs_from_the_end_and_the_start(engine: AnyEngine) -> None:
    async with engine.box(
        BUSYBOX, "sh", "-c", "for i in 1 2 3; do echo $i; done; echo e >&2"
    ) as box:
        await box.wait()
        assert {line.text for line in [line async for line in box.logs()]} == {"1", "2", "3", "e"}
        logs = await engine.streams.logs(box.id, LogOptions(stdout=True, stderr=True, tail=2))
        assert not logs.tty
        assert b"".join([data async for _, data in logs.chunks]).count(b"\n") == 2
        stamped = await engine.streams.logs(box.id, LogOptions(stderr=True, timestamps=True))
        ((stream, line),) = [piece async for piece in stamped.chunks]
        assert stream == STDERR
        assert line.endswith(b"Z e\n")


@pytest.mark.usefixtures("nothing_new")
async def test_following_logs_ends_with_the_container(engine: AnyEngine) -> None:
    async with engine.box(BUSYBOX, "sh", "-c", "echo a; sleep 0.2; echo b") as box:
        assert [line.text async for line in box.logs(follow=True)] == ["a", "b"]


@pytest.mark.usefixtures("nothing_new")
async def test_cancelled_streams_leave_nothing(engine: AnyEngine) -> None:
    """Logs, events, stats and an exec's output, each cancelled while it waits or flows."""
    async with engine.box(BUSYBOX, "sh", "-c", COUNTING) as box:

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

        for consume in (follow, watch, sample):
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(consume(), 0.15)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(box.exec("sh", "-c", "sleep 0.5; echo done"), 0.15)
        await asyncio.sleep(0.6)  # what was started runs to its end


async def test_two_clients_at_once(engine: AnyEngine, box: boxship.Box) -> None:
    outputs = await asyncio.gather(*(box.exec("echo", str(number)) for number in range(12)))
    assert [output.text for output in outputs] == [str(number) for number in range(12)]


async def test_a_log_that_cannot_be_read(engine: AnyEngine) -> None:
    host = boxship.HostConfig()
    host = boxship.HostConfig(log_config=type(host.log_config)(type="none"))
    async with engine.box(BUSYBOX, "sleep", "60", host_config=host) as box:
        with pytest.raises(Unsupported, match="does not support reading"):
            async with contextlib.aclosing(box.logs()) as lines:
                await anext(lines)
