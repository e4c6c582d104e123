"""The life of a supervised process on the real kernel, under crun and under runc."""

import asyncio
import contextlib
import hashlib
import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

from boxship.errors import Internal, InvalidArgument
from boxship.linux import process
from boxship.model.container import ContainerNotRunning, ContainerState
from boxship.model.process import RuntimeRefused
from boxship.runtime.contract import ExecSpec, SupervisedProcess
from support.bundles import Workshop, read_all, running

pytestmark = pytest.mark.root


async def test_output_and_exit_code_arrive(workshop: Workshop) -> None:
    before = time.time_ns()
    status, out, err = await workshop.run(
        workshop.bundle("sh", "-c", "echo out; echo err >&2; exit 3")
    )
    assert (status.exit_code, status.oom_killed, out, err) == (3, False, b"out\n", b"err\n")
    assert before - 10**9 <= status.finished_at <= time.time_ns()


async def test_output_is_logged(workshop: Workshop) -> None:
    bundle = workshop.bundle("sh", "-c", "echo out; echo err >&2; printf partial")
    await workshop.run(bundle)
    lines = Path(bundle.log_path).read_text().splitlines()
    assert sorted(line.split(" ", 1)[1] for line in lines) == [
        "stderr F err",
        "stdout F out",
        "stdout P partial",
    ]


async def test_killed_by_a_signal_exits_with_128_more(workshop: Workshop) -> None:
    container, streams = await workshop.start(workshop.bundle("sleep", "1000"))
    await workshop.runtime.kill(container, signal.SIGKILL)
    assert (await workshop.runtime.wait(container)).exit_code == 137
    streams.close()
    await workshop.runtime.delete(container)


async def test_closing_standard_input_lets_cat_end(workshop: Workshop) -> None:
    config = {"open_stdin": True, "stdin_once": True}
    container, streams = await workshop.start(workshop.bundle("cat", config=config))
    await streams.write(b"hello")
    await streams.close_stdin()
    assert await read_all(streams) == (b"hello", b"")
    assert (await workshop.runtime.wait(container)).exit_code == 0
    await workshop.runtime.delete(container)


async def test_input_stays_open_for_the_next_client(workshop: Workshop) -> None:
    container, streams = await workshop.start(
        workshop.bundle("head", "-n", "2", config={"open_stdin": True})
    )
    await streams.write(b"one\n")
    await streams.close_stdin()
    streams.close()
    second = await workshop.runtime.attach(container)
    await second.write(b"two\n")
    assert (await read_all(second))[0].endswith(b"two\n")
    await workshop.runtime.wait(container)
    await workshop.runtime.delete(container)


async def test_much_passes_through_both_ways_unchanged(workshop: Workshop) -> None:
    size = 50_000_000
    config = {"open_stdin": True, "stdin_once": True}
    container, streams = await workshop.start(workshop.bundle("cat", config=config))
    data = os.urandom(1 << 20)
    sent, received = hashlib.md5(), hashlib.md5()

    async def feed() -> None:
        left = size
        while left:
            part = data[:left]
            sent.update(part)
            await streams.write(part)
            left -= len(part)
        await streams.close_stdin()

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        while (chunk := await streams.read()) is not None:
            received.update(chunk[1])
    assert received.hexdigest() == sent.hexdigest()
    await workshop.runtime.wait(container)
    await workshop.runtime.delete(container)


async def test_every_client_sees_the_output(workshop: Workshop) -> None:
    bundle = workshop.bundle("sh", "-c", "read line; echo got $line", config={"open_stdin": True})
    container, first = await workshop.start(bundle)
    second = await workshop.runtime.attach(container)
    await first.write(b"it\n")
    outputs = await asyncio.gather(read_all(first), read_all(second))
    assert list(outputs) == [(b"got it\n", b"")] * 2
    await workshop.runtime.wait(container)
    await workshop.runtime.delete(container)


async def test_terminal_has_the_size_asked_for_and_resizes(workshop: Workshop) -> None:
    script = "stty size; read x; stty size"
    bundle = workshop.bundle(
        "sh",
        "-c",
        script,
        config={"tty": True, "open_stdin": True},
        host_config={"console_size": (33, 77)},
    )
    container, streams = await workshop.start(bundle)
    seen = b""
    while b"33 77\r\n" not in seen:
        chunk = await streams.read()
        assert chunk is not None
        seen += chunk[1]
    await workshop.runtime.resize(container, 44, 111)
    await asyncio.sleep(0.1)  # the size goes another way than the input
    await streams.write(b"\n")
    assert b"44 111\r\n" in (await read_all(streams))[0]
    await workshop.runtime.wait(container)
    await workshop.runtime.delete(container)
    with pytest.raises(ContainerNotRunning):
        await workshop.runtime.resize(container, 1, 1)


REFUSED = [
    (("nosuch",), 127, 'exec: "nosuch": executable file not found in $PATH'),
    (("/no/such",), 127, 'exec: "/no/such": stat /no/such: no such file or directory'),
    (("/etc/passwd",), 126, 'exec: "/etc/passwd": permission denied'),
    (("",), 127, 'exec: "": executable file not found in $PATH'),
]


@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.parametrize(("command", "code", "words"), REFUSED)
async def test_what_cannot_run_is_told_in_dockers_words(
    workshop: Workshop, command: tuple[str, ...], code: int, words: str, tty: bool
) -> None:
    with pytest.raises(RuntimeRefused) as refused:
        await workshop.runtime.create(workshop.bundle(*command, config={"tty": tty}))
    assert refused.value.exit_code == code
    assert str(refused.value) == (
        "failed to create task for container: failed to create shim task: OCI runtime create failed: "
        f"runc create failed: unable to start container process: error during container init: {words}"
    )


async def test_unknown_user_is_told_in_dockers_words(workshop: Workshop) -> None:
    with pytest.raises(RuntimeRefused, match=r"^unable to find user foo: no matching entries"):
        await workshop.runtime.create(workshop.bundle("true", config={"user": "foo"}))


async def test_unknown_runtime_is_refused(workshop: Workshop) -> None:
    with pytest.raises(InvalidArgument, match="unknown or invalid runtime name: foo"):
        await workshop.runtime.create(workshop.bundle("true", host_config={"runtime": "foo"}))


async def test_killing_the_supervisor_kills_the_container(workshop: Workshop) -> None:
    container, streams = await workshop.start(workshop.bundle("sleep", "1000"))
    os.kill(container.state.supervisor_pid, signal.SIGKILL)
    status = await asyncio.wait_for(workshop.runtime.wait(container), 10)
    assert status.exit_code == 137
    assert process.start_time(container.state.pid) is None
    assert await streams.read() is None
    await workshop.runtime.delete(container)


async def test_a_new_engine_finds_what_runs(workshop: Workshop) -> None:
    script = "while read line; do echo got $line; done; exit 5"
    container, streams = await workshop.start(
        workshop.bundle("sh", "-c", script, config={"open_stdin": True})
    )
    streams_of_the_new = await workshop.reopened().attach(container)
    streams.close()
    workshop.runtime = workshop.reopened()
    await asyncio.sleep(0.05)
    again = await workshop.runtime.attach(container)
    supervised, exec_streams = await workshop.runtime.exec(
        container, ExecSpec(id="e1", cmd=("echo", "hi"))
    )
    assert (await read_all(exec_streams))[0] == b"hi\n"
    assert (await workshop.runtime.wait_exec(container, "e1", supervised)).exit_code == 0
    await workshop.runtime.kill(container, signal.SIGTERM)
    waiting = asyncio.ensure_future(workshop.runtime.wait(container))
    again.close()
    streams_of_the_new.close()
    await workshop.runtime.kill(container, signal.SIGKILL)
    assert (await waiting).exit_code in (137, 5)
    await workshop.runtime.delete(container)


async def test_an_exit_nobody_watched_is_found_later(workshop: Workshop) -> None:
    container, streams = await workshop.start(workshop.bundle("sh", "-c", "exit 7"))
    await read_all(streams)
    await asyncio.sleep(0.1)
    workshop.runtime = workshop.reopened()
    assert (await workshop.runtime.wait(container)).exit_code == 7
    await workshop.runtime.delete(container)


async def test_a_container_from_before_the_machine_went_down_is_lost(workshop: Workshop) -> None:
    container = running(workshop.bundle("true").container, SupervisedProcess(1, 1, 1))
    status = await workshop.runtime.wait(container)
    assert status.exit_code == 255
    await workshop.runtime.delete(container)


async def test_a_reused_pid_is_never_signalled(workshop: Workshop) -> None:
    container = workshop.bundle("true").container
    bystander = process.spawn(["sleep", "1000"])
    try:
        state = ContainerState(pid=bystander, supervisor_pid=os.getppid(), supervisor_started=1)
        with pytest.raises(ContainerNotRunning):
            await workshop.runtime.kill(
                msgspec.structs.replace(container, state=state), signal.SIGKILL
            )
        assert process.start_time(bystander) is not None
    finally:
        os.kill(bystander, signal.SIGKILL)
        os.waitpid(bystander, 0)


async def test_pausing_stops_the_clock_and_resuming_starts_it(workshop: Workshop) -> None:
    container, streams = await workshop.start(
        workshop.bundle("sh", "-c", "while :; do echo tick; sleep 0.02; done")
    )
    assert await streams.read() is not None
    await workshop.runtime.pause(container)
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.wait_for(streams.read(), 0.3)
    await workshop.runtime.resume(container)
    assert await asyncio.wait_for(streams.read(), 5) is not None
    await workshop.runtime.pause(container)
    await workshop.runtime.kill(container, signal.SIGKILL, everyone=True)
    assert (await workshop.runtime.wait(container)).exit_code == 137
    streams.close()
    await workshop.runtime.delete(container)


async def test_limits_change_while_it_runs(workshop: Workshop) -> None:
    container, streams = await workshop.start(
        workshop.bundle("sleep", "1000", host_config={"memory": 64 << 20})
    )
    before = await workshop.runtime.readings.read(container)
    changed = msgspec.structs.replace(
        container.host_config, memory=32 << 20, memory_swap=64 << 20, pids_limit=50
    )
    await workshop.runtime.update(container, changed)
    after = await workshop.runtime.readings.read(container)
    assert (before.usage.memory_limit, after.usage.memory_limit) == (64 << 20, 32 << 20)
    assert after.usage.pids_limit == 50
    lifted = msgspec.structs.replace(
        changed, memory=128 << 20, memory_swap=-1, pids_limit=-1, cpu_quota=-1
    )
    await workshop.runtime.update(container, lifted)
    after = await workshop.runtime.readings.read(container)
    assert (after.usage.memory_limit, after.usage.pids_limit) == (128 << 20, None)
    await workshop.runtime.kill(container, signal.SIGKILL)
    await workshop.runtime.wait(container)
    streams.close()
    await workshop.runtime.delete(container)


async def test_a_memory_bomb_is_reported_as_out_of_memory(workshop: Workshop) -> None:
    bundle = workshop.bundle(
        "sh",
        "-c",
        "dd if=/dev/zero of=/dev/null bs=200M count=1",
        host_config={"memory": 16 << 20, "memory_swap": 16 << 20},
    )
    status, _, _ = await workshop.run(bundle)
    assert status.oom_killed
    assert status.exit_code != 0


async def test_many_start_side_by_side(workshop: Workshop) -> None:
    async def one(number: int) -> bytes:
        _, out, _ = await workshop.run(workshop.bundle("echo", str(number)))
        return out

    outputs = await asyncio.gather(*(one(number) for number in range(20)))
    assert outputs == [b"%d\n" % number for number in range(20)]


async def test_deleting_a_running_container_ends_all_its_processes(workshop: Workshop) -> None:
    container, streams = await workshop.start(
        workshop.bundle("sh", "-c", "sleep 1000 & sleep 1001 & wait")
    )
    while len(await workshop.runtime.readings.pids(container)) < 3:
        await asyncio.sleep(0.01)
    await workshop.runtime.delete(container)
    await workshop.runtime.delete(container)  # harmless when there is nothing
    streams.close()


async def test_creation_that_is_cancelled_leaves_nothing(workshop: Workshop) -> None:
    for delay in (0, 0.002, 0.005, 0.01, 0.02):
        creating = asyncio.ensure_future(workshop.runtime.create(workshop.bundle("true")))
        await asyncio.sleep(delay)
        if creating.cancel():
            with pytest.raises(asyncio.CancelledError):
                await creating


async def test_a_directory_that_cannot_be_made_is_told_plainly(workshop: Workshop) -> None:
    bundle = workshop.bundle("true")
    Path(bundle.directory, "rootfs").write_text("in the way")
    with pytest.raises(Internal, match=r"cannot start the container: .*/rootfs: file exists"):
        await workshop.runtime.create(bundle)


async def test_an_exec_ends_with_its_supervisor_and_nobody_else_does(workshop: Workshop) -> None:
    container, streams = await workshop.start(workshop.bundle("sleep", "1000"))
    spec = ExecSpec(id="e1", cmd=("sleep", "1001"))
    supervised, exec_streams = await workshop.runtime.exec(container, spec)
    os.kill(supervised.supervisor_pid, signal.SIGKILL)
    assert (await workshop.runtime.wait_exec(container, "e1", supervised)).exit_code == 137
    while len(await workshop.runtime.readings.pids(container)) > 1:
        await asyncio.sleep(0.01)
    bystander = process.spawn(["sleep", "1000"])
    try:
        gone = msgspec.structs.replace(supervised, pid=bystander)
        assert (await workshop.runtime.wait_exec(container, "e2", gone)).exit_code == 137
        assert process.start_time(bystander) is not None
    finally:
        os.kill(bystander, signal.SIGKILL)
        os.waitpid(bystander, 0)
    exec_streams.close()
    streams.close()
    await workshop.runtime.delete(container)
