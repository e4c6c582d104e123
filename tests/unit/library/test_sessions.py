"""Conversations and collected output, on processes that are plain coroutines."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest

from boxship.errors import Internal
from boxship.library.boxes import LogLine, _Lines
from boxship.library.outputs import Output, ProcessFailed
from boxship.library.sessions import Piece, Session, open_session
from boxship.services.streams import STDERR, STDOUT, ClientStream


class Process:
    """An attachment: repeats its input in capitals, `n` times, until the input ends."""

    tty = False

    def __init__(self, times: int = 1, error: Exception | None = None) -> None:
        self._times = times
        self._error = error
        self.closed = False

    async def run(self, client: ClientStream) -> None:
        while data := await client.read():
            for _ in range(self._times):
                await client.write(STDOUT, data.upper())
        if self._error:
            raise self._error

    async def close(self) -> None:
        self.closed = True


def session(process: Process) -> AbstractAsyncContextManager[Session]:
    async def exit_code() -> int:
        return 7

    async def resize(height: int, width: int) -> None:
        raise AssertionError

    return open_session(process, resize=resize, exit_code=exit_code)


async def test_a_conversation() -> None:
    process = Process()
    async with session(process) as talk:
        await talk.write(b"a")
        assert await anext(talk) == Piece(STDOUT, b"A")
        await talk.write(b"")  # nothing, not the end
        await talk.write(b"b")
        await talk.write_eof()
        assert [piece async for piece in talk] == [Piece(STDOUT, b"B")]
        assert [piece async for piece in talk] == []
        assert await talk.exit_code() == 7
        with pytest.raises(ConnectionError):
            await talk.write(b"late")
    assert process.closed
    assert len(asyncio.all_tasks()) == 1


async def test_leaving_with_output_unread() -> None:
    process = Process(times=100)
    async with session(process) as talk:
        await talk.write(b"a")
        await asyncio.sleep(0)
    assert process.closed
    assert len(asyncio.all_tasks()) == 1


async def test_a_failure_ends_the_output_and_comes_out() -> None:
    async def fail() -> list[Piece]:
        async with session(Process(error=Internal("broken"))) as talk:
            await talk.write_eof()
            return [piece async for piece in talk]

    with pytest.raises(Internal, match="broken"):
        await fail()
    assert len(asyncio.all_tasks()) == 1


def test_lines_however_they_are_cut() -> None:
    lines = _Lines()
    data = "grüße\r\nzwei\n".encode()
    found = [line for cut in range(len(data)) for line in lines.feed(STDOUT, data[cut : cut + 1])]
    found += lines.feed(STDERR, b"unended")
    assert found == [LogLine(STDOUT, "grüße"), LogLine(STDOUT, "zwei")]
    assert lines.rest() == [LogLine(STDERR, "unended")]


def test_a_failed_process_tells_its_last_words() -> None:
    error = ProcessFailed(("sh", "-c", "x"), Output(2, b"out", b"first\nlast words\n"))
    assert str(error) == "sh -c x exited with 2: first\nlast words"
    assert error.output.exit_code == 2
    assert str(ProcessFailed((), Output(1))) == "container exited with 1"


@pytest.mark.parametrize(
    ("data", "text"), [(b"a\n", "a"), (b"a\r\n", "a"), (b"\xff\n\n", "\ufffd\n")]
)
def test_output_as_text(data: bytes, text: str) -> None:
    assert Output(0, data).text == text
