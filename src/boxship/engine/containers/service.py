"""The container services put together."""

import msgspec

from boxship.engine.containers.contract import Parts
from boxship.engine.containers.create.creator import Creator
from boxship.engine.containers.execs import EngineExecs
from boxship.engine.containers.exits import Lives
from boxship.engine.containers.files import EngineFiles, ImageMaker
from boxship.engine.containers.health_checks import HealthChecks
from boxship.engine.containers.lifecycle import EngineContainers
from boxship.engine.containers.logs import ContainerLogs
from boxship.engine.containers.register import Register
from boxship.engine.containers.removal import Removal
from boxship.engine.containers.restore import Restorer
from boxship.engine.containers.start import Starter
from boxship.engine.containers.streams import EngineStreams
from boxship.engine.containers.view import Viewer


class ContainerServices(msgspec.Struct, frozen=True, kw_only=True):
    """All services about containers, and the ends of what they keep going."""

    register: Register
    containers: EngineContainers
    execs: EngineExecs
    streams: EngineStreams
    files: EngineFiles
    lives: Lives
    health: HealthChecks
    restorer: Restorer

    async def restore(self) -> None:
        """Repair and resume after a start of the engine, before anybody is served."""
        await self.restorer.restore()

    async def close(self) -> None:
        """Stop watching; what runs keeps running."""
        await self.health.close()
        await self.execs.close()
        await self.lives.close()
        await self.register.close()


def build_containers(parts: Parts, *, images: ImageMaker) -> ContainerServices:
    """Put them together."""
    register = Register(parts)
    execs = EngineExecs(parts, register)
    health = HealthChecks(parts, register, execs)
    removal = Removal(parts, register, forgotten=execs.forget)
    lives = Lives(parts, register, Starter(parts, register), removal, followers=(health, execs))
    creator, viewer = Creator(parts, register), Viewer(parts, execs.open_ids)
    containers = EngineContainers(parts, register, creator, lives, removal, viewer)
    health.act = containers.act_on_failed_health
    return ContainerServices(
        register=register,
        containers=containers,
        execs=execs,
        streams=EngineStreams(parts, register, ContainerLogs(parts.logs, register)),
        files=EngineFiles(parts, register, images),
        lives=lives,
        health=health,
        restorer=Restorer(parts, register, lives, removal, execs),
    )
