"""Containers in the background: a box is there for the duration of a block."""

import asyncio

import boxship


async def main() -> None:
    async with (
        boxship.connect() as engine,
        engine.box("busybox", "sleep", "600", ports={80: None}, memory="64m") as box,
    ):
        detail = await box.inspect()
        print(detail.container.state.status, detail.container.host_config.memory)
        print(await box.host_port(80) > 0)

        output = await box.exec("sh", "-c", "echo out; echo err >&2; exit 7")
        print(output)

        await box.write_file("/tmp/greeting", b"hello\n")
        print((await box.exec("cat", "/tmp/greeting")).text)
        print(await box.read_file("/tmp/greeting"))

        await box.kill("SIGKILL")
        print(await box.wait())


asyncio.run(main())

# > running 67108864
# > True
# > Output(exit_code=7, stdout=b'out\n', stderr=b'err\n')
# > hello
# > b'hello\n'
# > 137
