"""boxshipd on the local engine: everything of the daemon but the engine is real."""

import contextlib
import sys
import types
from collections.abc import AsyncIterator

from boxship.engine.config import EngineConfig
from boxship.services import Services
from support.local_engine import LocalEngine


def prepare_process() -> None:
    return


@contextlib.asynccontextmanager
async def open_engine(config: EngineConfig) -> AsyncIterator[Services]:
    print("engine:", config, file=sys.stderr, flush=True)
    yield LocalEngine().services()
    print("engine closed", file=sys.stderr, flush=True)


async def reload_engine(services: Services, config: EngineConfig) -> None:
    print("engine reloaded:", config.labels, file=sys.stderr, flush=True)


if __name__ == "__main__":
    wiring = types.ModuleType("boxship.engine.wiring")
    wiring.prepare_process = prepare_process  # type: ignore[attr-defined]
    wiring.open_engine = open_engine  # type: ignore[attr-defined]
    wiring.reload_engine = reload_engine  # type: ignore[attr-defined]
    sys.modules["boxship.engine.wiring"] = wiring
    import boxship.engine

    setattr(boxship.engine, "wiring", wiring)  # noqa: B010 - no such attribute is declared
    from boxship.daemon.main import main

    sys.exit(main())
