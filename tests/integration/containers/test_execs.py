"""Processes started inside running containers."""

import asyncio
from typing import Any

import pytest

from boxship.errors import BoxshipError, Conflict
from boxship.model.config import Healthcheck
from boxship.model.container import NoSuchExec
from boxship.services.execs import ExecRequest
from support.yard import Client, Yard, until

pytestmark = pytest.mark.root


async def started(yard: Yard, *command: str, **options: Any) -> str:
    identifier = await yard.create(*(command or ("sleep", "100")), **options)
    await yard.services.containers.start(identifier)
    return identifier


async def run(yard: Yard, container: str, *command: str, **options: Any) -> tuple[int, bytes]:
    request = ExecRequest(cmd=command, attach_stdout=True, attach_stderr=True, **options)
    exec_id = await yard.services.execs.create(container, request)
    attachment = await yard.services.execs.start(exec_id, detach=False, tty=False)
    assert attachment is not None
    client = Client()
    try:
        await attachment.run(client)
    except BoxshipError as error:
        client.output[1] += str(error).encode()
    session = await yard.services.execs.inspect(exec_id)
    assert session.exit_code is not None
    return session.exit_code, client.output[1] + client.output[2]


async def test_exit_code_is_known_when_the_output_ends(yard: Yard) -> None:
    container = await started(yard)
    for code in (0, 5, 9):
        assert await run(yard, container, "sh", "-c", f"echo hi; exit {code}") == (code, b"hi\n")
    actions = await yard.actions()
    assert actions[-3:-1] == [
        "exec_create: sh -c echo hi; exit 9",
        "exec_start: sh -c echo hi; exit 9",
    ]
    assert actions[-1] == "exec_die"


async def test_a_missing_program_is_told_in_the_stream(yard: Yard) -> None:
    container = await started(yard)
    code, output = await run(yard, container, "nope")
    assert code == 127
    assert output == (
        b"OCI runtime exec failed: exec failed: unable to start container process: "
        b'exec: "nope": executable file not found in $PATH'
    )


async def test_user_directory_and_environment(yard: Yard) -> None:
    container = await started(yard)
    command = ("sh", "-c", "id -u; pwd; echo $FOO")
    code, output = await run(
        yard, container, *command, user="app", working_dir="/tmp", env=("FOO=bar",)
    )
    assert (code, output) == (0, b"1000\n/tmp\nbar\n")


async def test_a_session_starts_once(yard: Yard) -> None:
    container = await started(yard)
    exec_id = await yard.services.execs.create(container, ExecRequest(cmd=("true",)))
    await yard.services.execs.start(exec_id, detach=True, tty=False)
    with pytest.raises(Conflict):
        await yard.services.execs.start(exec_id, detach=True, tty=False)
    with pytest.raises(NoSuchExec):
        await yard.services.execs.inspect("nope")


async def test_only_running_containers(yard: Yard) -> None:
    container = await yard.create("true")
    with pytest.raises(Conflict, match="is not running"):
        await yard.services.execs.create(container, ExecRequest(cmd=("true",)))
    container = await started(yard)
    await yard.services.containers.pause(container)
    with pytest.raises(Conflict, match="unpause the container before exec"):
        await yard.services.execs.create(container, ExecRequest(cmd=("true",)))


async def test_input_and_its_end(yard: Yard) -> None:
    container = await started(yard)
    request = ExecRequest(cmd=("cat",), attach_stdin=True, attach_stdout=True)
    exec_id = await yard.services.execs.create(container, request)
    attachment = await yard.services.execs.start(exec_id, detach=False, tty=False)
    assert attachment is not None
    client = Client(b"x" * 300_000)
    await attachment.run(client)
    assert len(client.output[1]) == 300_000


async def test_many_sessions_are_bounded(yard: Yard) -> None:
    from boxship.engine.containers.execs import KEPT

    container = await started(yard)
    first = await yard.services.execs.create(container, ExecRequest(cmd=("true",)))
    for _ in range(KEPT):
        await yard.services.execs.create(container, ExecRequest(cmd=("true",)))
    with pytest.raises(NoSuchExec):
        await yard.services.execs.inspect(first)


async def test_health_turns_and_is_told(yard: Yard) -> None:
    check = Healthcheck(
        test=("CMD-SHELL", "test -e /ok && echo fine"),
        interval=50_000_000,
        retries=2,
        timeout=5_000_000_000,
    )
    container = await started(yard, "sleep", "100", healthcheck=check)
    register = yard.services.register

    def status() -> str:
        health = register.get(container).state.health
        return health.status if health else ""

    await until(lambda: status() == "unhealthy")
    await run(yard, container, "touch", "/ok")
    await until(lambda: status() == "healthy")
    health = register.get(container).state.health
    assert health is not None
    assert health.log[-1].output == "fine\n"
    assert len(health.log) <= 5
    assert "health_status: healthy" in await yard.actions()


async def test_a_health_check_that_hangs_is_killed(yard: Yard) -> None:
    check = Healthcheck(
        test=("CMD", "sleep", "33"), interval=10_000_000, retries=1, timeout=100_000_000
    )
    container = await started(yard, "sleep", "100", healthcheck=check)
    register = yard.services.register
    await until(lambda: (h := register.get(container).state.health) and h.status == "unhealthy")
    health = register.get(container).state.health
    assert health is not None
    assert health.log[-1].exit_code == -1
    assert health.log[-1].output == "Health check exceeded timeout (100ms)"
    await asyncio.sleep(0.3)
    _, output = await run(yard, container, "sh", "-c", "ps | grep -c '[s]leep 33'")
    assert int(output) <= 1
