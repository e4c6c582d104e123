"""Run programs in containers, as `subprocess.run` would run them here."""

import asyncio

import boxship


async def main() -> None:
    async with boxship.connect() as engine:
        output = await engine.run("busybox", "echo", "hello")
        print(output.exit_code, output.text)

        output = await engine.run("busybox", "wc", "-c", stdin=b"12345")
        print(output.text)

        output = await engine.run(
            "busybox", "sh", "-c", 'echo "$WHO in $PWD"; exit 3', env={"WHO": "me"}, workdir="/tmp"
        )
        print(output.exit_code, output.text)

        try:
            await engine.run("busybox", "cat", "/nothing", check=True)
        except boxship.ProcessFailed as error:
            print(error)

        try:
            await engine.run("busybox", "no-such-program")
        except boxship.RuntimeRefused as error:
            print(error.exit_code)


asyncio.run(main())

# > 0 hello
# > 5
# > 3 me in /tmp
# > cat /nothing exited with 1: cat: can't open '/nothing': No such file or directory
# > 127
