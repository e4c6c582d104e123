"""The services behind it all: every operation of the Engine API, as values and verbs."""

import asyncio

import boxship
from boxship.errors import NotFound
from boxship.model.container import RestartPolicy
from boxship.services.containers import ContainerListing, ContainerRequest


async def main() -> None:
    async with boxship.connect() as engine:
        request = ContainerRequest(
            name="example-services",
            config=boxship.RunConfig(image="busybox", cmd=("sleep", "600"), labels={"tier": "db"}),
            host_config=boxship.HostConfig(
                pids_limit=64, restart_policy=RestartPolicy(name="on-failure")
            ),
        )
        created = await engine.containers.create(request)
        await engine.containers.start(created.id)

        filters = boxship.Filters({"label": ("tier=db",), "status": ("running",)})
        for detail in await engine.containers.list(ContainerListing(filters=filters)):
            print(detail.container.name, detail.container.host_config.pids_limit)

        samples = await engine.monitoring.stats(created.id, stream=False, one_shot=True)
        async for sample in samples:
            print(sample.pids)

        await engine.containers.remove(created.id, force=True)
        try:
            await engine.containers.inspect("example-services")
        except NotFound as error:
            print(error)


asyncio.run(main())

# > example-services 64
# > 1
# > No such container: example-services
