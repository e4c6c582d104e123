"""What a build says, and to whom it listens."""

import asyncio

from boxship.engine.builds.transcript import Transcript


async def told(transcript: Transcript) -> str:
    await transcript.end()
    return "".join([message.stream async for message in transcript.messages()])


async def test_steps_and_output() -> None:
    transcript = Transcript(quiet=False)
    await transcript.step(1, 2, "RUN x")
    await transcript.output(1, b"whole\npar")
    await transcript.output(2, b"bad\n")
    await transcript.output(1, b"tial")
    await transcript.flush()
    assert await told(transcript) == ("Step 1/2 : RUN x\nwhole\n\x1b[91mbad\n\x1b[0mpartial")


async def test_a_quiet_one_says_nothing() -> None:
    transcript = Transcript(quiet=True)
    await transcript.step(1, 2, "RUN x")
    await transcript.output(1, b"x\n")
    await transcript.result("sha256:x")
    assert await told(transcript) == ""


async def test_a_stage_that_is_not_read_yet_never_waits() -> None:
    """Two stages may need the same step: whoever does it must get to its end."""
    transcript = Transcript(quiet=False)
    line = b"x" * 999 + b"\n"

    async def write() -> None:
        for _ in range(30_000):
            await transcript.output(1, line)
        await transcript.line(" ---> done")

    await asyncio.wait_for(write(), 10)
    said = await told(transcript)
    assert len(said) < 20_000_000
    assert said.endswith("[output clipped, log limit 16MiB reached]\n ---> done\n")


async def test_a_slow_reader_slows_the_stage() -> None:
    transcript = Transcript(quiet=False)
    messages = transcript.messages()
    await transcript.line("first")
    assert (await anext(messages)).stream == "first\n"
    written = 0

    async def write() -> None:
        nonlocal written
        for _ in range(5000):
            await transcript.output(1, b"x" * 999 + b"\n")
            written += 1
        await transcript.end()

    writer = asyncio.ensure_future(write())
    await asyncio.sleep(0.05)
    assert 1000 < written < 1100
    assert len([message async for message in messages]) == 5000
    await writer
