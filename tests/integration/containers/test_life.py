"""Containers from create to removal, on the real kernel."""

import asyncio
import signal

import pytest

from boxship.errors import Conflict, InvalidArgument, NotFound, NotModified
from boxship.model.container import ContainerNameTaken, LogConfig, NoSuchContainer, Status
from boxship.model.process import RuntimeRefused
from boxship.services.streams import AttachOptions
from support.yard import Client, Yard, until

pytestmark = pytest.mark.root


async def test_output_and_exit_code_reach_who_runs_it(yard: Yard) -> None:
    assert await yard.run("sh", "-c", "echo out; echo err >&2; exit 7") == (7, b"out\n", b"err\n")


async def test_with_rm_nothing_of_it_is_left(yard: Yard) -> None:
    identifier = await yard.create("true", host={"auto_remove": True})
    wait = await yard.services.containers.wait(identifier, "removed")
    await yard.services.containers.start(identifier)
    assert (await wait.result()).status_code == 0
    with pytest.raises(NoSuchContainer):
        await yard.services.containers.inspect(identifier)
    assert not yard.leftovers()
    assert await yard.actions() == ["create", "start", "die", "destroy"]


async def test_a_missing_program_is_told_as_docker_tells_it(yard: Yard) -> None:
    identifier = await yard.create("nonexist")
    with pytest.raises(RuntimeRefused, match=r'exec: "nonexist": executable file not found'):
        await yard.services.containers.start(identifier)
    state = (await yard.services.containers.inspect(identifier)).container.state
    assert (state.status, state.exit_code) == (Status.CREATED, 127)
    assert "executable file not found" in state.error
    assert not yard.sandboxes.attached


async def test_a_start_that_fails_removes_a_container_with_rm(yard: Yard) -> None:
    identifier = await yard.create("nonexist", host={"auto_remove": True})
    with pytest.raises(RuntimeRefused):
        await yard.services.containers.start(identifier)
    assert not yard.leftovers()


async def test_stop_asks_first(yard: Yard) -> None:
    identifier = await yard.create("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done")
    containers = yard.services.containers
    await containers.start(identifier)
    await asyncio.sleep(0.2)
    await containers.stop(identifier, timeout_s=10)
    assert (await containers.inspect(identifier)).container.state.exit_code == 3
    with pytest.raises(NotModified):
        await containers.stop(identifier)


async def test_stop_kills_who_does_not_listen(yard: Yard) -> None:
    identifier = await yard.create("sh", "-c", "trap '' TERM; while :; do sleep 0.05; done")
    containers = yard.services.containers
    await containers.start(identifier)
    await asyncio.sleep(0.2)
    await containers.stop(identifier, timeout_s=0)
    assert (await containers.inspect(identifier)).container.state.exit_code == 137


async def test_a_paused_container_can_be_killed(yard: Yard) -> None:
    identifier = await yard.create("sleep", "100")
    containers = yard.services.containers
    await containers.start(identifier)
    await containers.pause(identifier)
    assert (await containers.inspect(identifier)).container.state.status is Status.PAUSED
    with pytest.raises(Conflict, match="must be unpaused first"):
        await containers.remove(identifier)
    await containers.kill(identifier)
    await until(lambda: not yard.services.register.get(identifier).running)


async def test_a_running_container_is_removed_only_by_force(yard: Yard) -> None:
    identifier = await yard.create("sleep", "100", name="web")
    containers = yard.services.containers
    await containers.start("web")
    with pytest.raises(Conflict, match="container is running: stop the container before removing"):
        await containers.remove("web")
    await containers.remove(identifier[:12], force=True)
    assert not yard.leftovers()


async def test_names_are_taken_once(yard: Yard) -> None:
    await yard.create("true", name="web")
    with pytest.raises(ContainerNameTaken):
        await yard.create("true", name="web")
    await yard.services.containers.rename("web", "web2")
    await yard.create("true", name="web")
    with pytest.raises(Conflict, match="Error when allocating new name: Conflict"):
        await yard.services.containers.rename("web2", "web")


async def test_on_failure_restarts_as_often_as_asked(yard: Yard) -> None:
    from boxship.model.container import RestartPolicy

    policy = RestartPolicy(name="on-failure", maximum_retry_count=2)
    identifier = await yard.create("sh", "-c", "exit 4", host={"restart_policy": policy})
    await yard.services.containers.start(identifier)
    await until(
        lambda: (
            (c := yard.services.register.get(identifier)).state.status is Status.EXITED
            and c.restart_count == 2
        )
    )
    async with asyncio.timeout(5):
        while (await yard.actions()).count("die") < 3:
            await asyncio.sleep(0.01)


async def test_stop_ends_a_restart_loop(yard: Yard) -> None:
    from boxship.model.container import RestartPolicy

    policy = RestartPolicy(name="always")
    identifier = await yard.create("false", host={"restart_policy": policy})
    await yard.services.containers.start(identifier)
    await until(lambda: yard.services.register.get(identifier).restart_count >= 1)
    await yard.services.containers.stop(identifier)
    count = yard.services.register.get(identifier).restart_count
    await asyncio.sleep(0.5)
    after = yard.services.register.get(identifier)
    assert (after.state.status, after.restart_count) == (Status.EXITED, count)


async def test_many_attached_clients_see_all_output(yard: Yard) -> None:
    identifier = await yard.create("sh", "-c", "seq 1000")
    clients = [Client() for _ in range(5)]
    options = AttachOptions(stdout=True, stderr=True, stream=True)
    attachments = [await yard.services.streams.attach(identifier, options) for _ in clients]
    await yard.services.containers.start(identifier)
    for attachment, client in zip(attachments, clients, strict=True):
        await attachment.run(client)
    expected = "".join(f"{n}\n" for n in range(1, 1001)).encode()
    assert [client.output[1] for client in clients] == [expected] * 5


async def test_the_end_of_input_reaches_the_process(yard: Yard) -> None:
    identifier = await yard.create("sh", "-c", "cat; echo end", open_stdin=True, stdin_once=True)
    client = Client(b"hello ", b"world\n")
    options = AttachOptions(stdin=True, stdout=True, stderr=True, stream=True)
    attachment = await yard.services.streams.attach(identifier, options)
    await yard.services.containers.start(identifier)
    await attachment.run(client)
    assert client.output[1] == b"hello world\nend\n"


async def test_detach_keys_leave_it_running(yard: Yard) -> None:
    identifier = await yard.create("cat", tty=True, open_stdin=True)
    client = Client(b"x", b"\x10", b"\x11", ends=False)
    options = AttachOptions(stdin=True, stdout=True, stream=True)
    attachment = await yard.services.streams.attach(identifier, options)
    await yard.services.containers.start(identifier)
    await attachment.run(client)
    assert yard.services.register.get(identifier).running
    assert "detach" in await yard.actions()


async def test_logs_with_tail_since_and_follow(yard: Yard) -> None:
    code, _, _ = await yard.run(
        "sh", "-c", "for i in 1 2 3 4; do echo $i; done; echo e >&2", name="aa"
    )
    assert code == 0
    assert await yard.logs("aa") == (b"1\n2\n3\n4\n", b"e\n")
    assert await yard.logs("aa", tail=2) == (b"4\n", b"e\n")
    assert await yard.logs("aa", tail=0) == (b"", b"")
    identifier = await yard.create("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done")
    await yard.services.containers.start(identifier)
    assert await yard.logs(identifier, follow=True) == (b"1\n2\n3\n", b"")
    stamped, _ = await yard.logs(identifier, timestamps=True)
    assert stamped.split(b"\n")[0].split(b" ")[0].endswith(b"Z")


async def test_a_volume_starts_with_what_the_image_has_there(yard: Yard) -> None:
    code, out, _ = await yard.run(
        "sh", "-c", "ls -ln /home | tail -1; touch /home/new", host={"binds": ("things:/home",)}
    )
    assert code == 0
    assert b"app" in out
    code, out, _ = await yard.run("ls", "/x", host={"binds": ("things:/x:ro",)})
    assert out == b"app\nnew\n"
    await yard.clear()
    await yard.services.restore()
    await yard.volumes.remove("things")


async def test_a_part_of_a_volume(yard: Yard) -> None:
    from boxship.model.mount import MountRequest, VolumeOptions

    def part(subpath: str) -> dict[str, object]:
        options = VolumeOptions(subpath=subpath, no_copy=True)
        request = MountRequest(type="volume", source="parts", target="/p", volume_options=options)
        return {"mounts": (request,)}

    script = "mkdir -p /v/a/b; echo 1 > /v/a/b/f; ln -s /etc /v/out"
    await yard.run("sh", "-c", script, host={"binds": ("parts:/v",)})
    assert await yard.run("ls", "/p", host=part("a/b")) == (0, b"f\n", b"")
    with pytest.raises(InvalidArgument, match="path concatenation escapes the base directory"):
        await yard.run("ls", "/p", host=part("out"))
    with pytest.raises(NotFound, match="cannot access path"):
        await yard.run("ls", "/p", host=part("nope"))
    await yard.clear()
    await yard.volumes.remove("parts")


async def test_a_create_that_fails_leaves_no_volume(yard: Yard) -> None:
    with pytest.raises(InvalidArgument, match="volume name is too short"):
        await yard.create("true", host={"binds": ("good:/a", "b:/c")})
    assert yard.store.metadata.volumes.list() == []
    assert not yard.leftovers()


async def test_unknown_things(yard: Yard) -> None:
    containers = yard.services.containers
    with pytest.raises(NotFound, match="No such container: nope"):
        await containers.start("nope")
    identifier = await yard.create("true")
    with pytest.raises(Conflict, match="is not running"):
        await containers.kill(identifier)
    with pytest.raises(InvalidArgument, match="invalid signal: FOO"):
        await containers.kill(identifier, "FOO")


async def test_kill_sends_any_signal(yard: Yard) -> None:
    identifier = await yard.create("sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.05; done")
    containers = yard.services.containers
    await containers.start(identifier)
    await asyncio.sleep(0.2)
    wait = await containers.wait(identifier)
    await containers.kill(identifier, str(signal.SIGUSR1.value))
    assert (await wait.result()).status_code == 9


async def test_update_of_a_running_container(yard: Yard) -> None:
    from boxship.model.container import HostConfig

    identifier = await yard.create("sleep", "100")
    containers = yard.services.containers
    await containers.start(identifier)
    await containers.update(identifier, HostConfig(memory=50 << 20, memory_swap=-1), None)
    assert (await containers.inspect(identifier)).container.host_config.memory == 50 << 20


async def test_shared_memory_is_shared_with_who_joins(yard: Yard) -> None:
    await yard.create(
        "sh", "-c", "echo 1 > /dev/shm/f; sleep 77", name="donor", host={"ipc_mode": "shareable"}
    )
    await yard.services.containers.start("donor")
    await asyncio.sleep(0.2)
    joined = {"ipc_mode": "container:donor"}
    assert await yard.run("cat", "/dev/shm/f", host=joined) == (0, b"1\n", b"")
    await yard.create("sleep", "77", name="private")
    await yard.services.containers.start("private")
    with pytest.raises(InvalidArgument, match="non-shareable IPC"):
        await yard.run("true", host={"ipc_mode": "container:private"})
    await yard.services.containers.stop("donor", timeout_s=0)
    with pytest.raises(Conflict, match="failed to join IPC namespace"):
        await yard.run("true", host=joined)


async def test_a_terminal_stays_open_when_a_client_goes(yard: Yard) -> None:
    """As `docker run -it` does, whose client handles the detach keys by closing its connection."""
    identifier = await yard.create("cat", tty=True, open_stdin=True, stdin_once=True)
    options = AttachOptions(stdin=True, stdout=True, stream=True)
    attachment = await yard.services.streams.attach(identifier, options)
    await yard.services.containers.start(identifier)
    first = Client(b"one\n", ends=False)
    running = asyncio.ensure_future(attachment.run(first))
    await until(lambda: first.output[1].count(b"one") == 2)
    running.cancel()
    await asyncio.wait((running,))
    attachment = await yard.services.streams.attach(identifier, options)
    second = Client(b"two\n", ends=False)
    running = asyncio.ensure_future(attachment.run(second))
    await until(lambda: second.output[1].count(b"two") == 2)
    await yard.services.containers.kill(identifier)
    await running


async def test_a_log_with_a_limit_begins_anew(yard: Yard) -> None:
    limited = LogConfig(type="json-file", config={"max-size": "10k"})
    await yard.run("seq", "3000", name="long", host={"log_config": limited})
    out, _ = await yard.logs("long")
    lines = out.decode().split()
    assert 0 < len(lines) < 1000
    assert lines == [str(n) for n in range(3001 - len(lines), 3001)]


async def test_a_pid_namespace_is_shared(yard: Yard) -> None:
    await yard.create("sleep", "77", name="first")
    await yard.services.containers.start("first")
    code, out, _ = await yard.run("ps", host={"pid_mode": "container:first"})
    assert code == 0
    assert b"sleep 77" in out
