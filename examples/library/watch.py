"""Follow logs and events while things happen; leaving a loop's block hangs up."""

import asyncio
import time
from contextlib import aclosing

import boxship


async def main() -> None:
    async with boxship.connect() as engine:
        begin = time.time_ns()
        async with engine.box("busybox", "sh", "-c", "for i in 1 2 3; do echo $i; done") as box:
            async for line in box.logs(follow=True):
                print(line.stream, line.text)

        async with aclosing(engine.watch(since_ns=begin, type="container")) as events:
            async for event in events:
                print(event.action)
                if event.action == "destroy":
                    break


asyncio.run(main())

# > 1 1
# > 1 2
# > 1 3
# > create
# > start
# > die
# > destroy
