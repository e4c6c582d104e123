"""Talk with a program: write to its input while its output comes."""

import asyncio

import boxship


async def main() -> None:
    async with boxship.connect() as engine, engine.box("busybox", "sleep", "600") as box:
        async with box.open_exec("tr", "a-z", "A-Z") as session:
            await session.write(b"half-closed\n")
            await session.write_eof()
            async for piece in session:
                print(piece.stream, piece.data)
            print(await session.exit_code())

        async with box.open_exec("sh", tty=True) as shell:
            await shell.resize(24, 132)
            await shell.write(b"stty size; exit\n")
            said = b"".join([piece.data async for piece in shell])
            print(b"24 132" in said)


asyncio.run(main())

# > 1 b'HALF-CLOSED\n'
# > 0
# > True
