"""Boxship: a container platform in Python.

    async with boxship.Engine() as engine:
        print((await engine.run("busybox", "echo", "hello")).text)

The names below are imported when first used: `import boxship` costs next to nothing.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # not from typing: importing it costs start time
if TYPE_CHECKING:
    from boxship import errors as errors
    from boxship.engine.config import EngineConfig as EngineConfig
    from boxship.errors import BoxshipError as BoxshipError
    from boxship.library.any_engine import AnyEngine as AnyEngine
    from boxship.library.any_engine import BuildFailed as BuildFailed
    from boxship.library.boxes import Box as Box
    from boxship.library.boxes import LogLine as LogLine
    from boxship.library.engines import Client as Client
    from boxship.library.engines import Engine as Engine
    from boxship.library.engines import connect as connect
    from boxship.library.options import BoxOptions as BoxOptions
    from boxship.library.outputs import Output as Output
    from boxship.library.outputs import ProcessFailed as ProcessFailed
    from boxship.library.sessions import Piece as Piece
    from boxship.library.sessions import Session as Session
    from boxship.model.config import RunConfig as RunConfig
    from boxship.model.container import Container as Container
    from boxship.model.container import HostConfig as HostConfig
    from boxship.model.event import Event as Event
    from boxship.model.filters import Filters as Filters
    from boxship.model.image import Image as Image
    from boxship.model.mount import MountRequest as MountRequest
    from boxship.model.network import Network as Network
    from boxship.model.process import RuntimeRefused as RuntimeRefused
    from boxship.model.progress import Progress as Progress
    from boxship.model.volume import Volume as Volume
    from boxship.services import Services as Services

_WHERE = {
    "AnyEngine": "library.any_engine",
    "Box": "library.boxes",
    "BoxOptions": "library.options",
    "BoxshipError": "errors",
    "BuildFailed": "library.any_engine",
    "Client": "library.engines",
    "Container": "model.container",
    "Engine": "library.engines",
    "EngineConfig": "engine.config",
    "Event": "model.event",
    "Filters": "model.filters",
    "HostConfig": "model.container",
    "Image": "model.image",
    "LogLine": "library.boxes",
    "MountRequest": "model.mount",
    "Network": "model.network",
    "Output": "library.outputs",
    "Piece": "library.sessions",
    "ProcessFailed": "library.outputs",
    "Progress": "model.progress",
    "RunConfig": "model.config",
    "RuntimeRefused": "model.process",
    "Services": "services",
    "Session": "library.sessions",
    "Volume": "model.volume",
    "connect": "library.engines",
}


def __getattr__(name: str) -> object:
    """Import on first use, so that the command line pays only for what it touches."""
    from importlib import import_module  # noqa: PLC0415 - likewise

    if name == "errors":
        return import_module("boxship.errors")
    if name not in _WHERE:
        raise AttributeError(f"module 'boxship' has no attribute {name!r}")
    value = getattr(import_module(f"boxship.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> "list[str]":
    return sorted({*globals(), *_WHERE, "errors"})
