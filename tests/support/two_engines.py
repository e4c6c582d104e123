"""The two engines that programs can hold: one in this process, one at a daemon's socket."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import boxship
from boxship.library.any_engine import AnyEngine
from boxship.library.packing import once
from boxship.services.containers import ContainerListing
from support.box import BUSYBOX
from support.boxshipd import Boxshipd, boxshipd, mounts_below, processes_of
from support.images import docker_archive
from support.rootfs import busybox


@contextlib.asynccontextmanager
async def in_process() -> AsyncIterator[boxship.Engine]:
    """An engine on temporary roots, all traces of which are gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="bxs-"))
    yard = Boxshipd(root)  # for its address and for what it clears away
    config = boxship.EngineConfig(bip=yard.address)
    try:
        async with boxship.Engine(root / "data", root / "run", config=config) as engine:
            yard.adopt_bridge()
            yield engine
            await check_nothing_left(engine, root)
    finally:
        yard.end()
        shutil.rmtree(root, ignore_errors=True)


@contextlib.asynccontextmanager
async def over_a_socket() -> AsyncIterator[boxship.Client]:
    """A connection to a daemon of its own."""
    with boxshipd() as daemon:
        async with boxship.connect(daemon.engine.host) as engine:
            yield engine
            await check_nothing_left(engine, daemon.root, besides=daemon.pid)


async def check_nothing_left(engine: AnyEngine, root: Path, *, besides: int = 0) -> None:
    """No containers, volumes, mounts or processes of this engine."""
    assert await engine.containers.list(ContainerListing(all=True)) == []
    assert await engine.volumes.list(boxship.Filters()) == []
    own = {besides, os.getpid()}
    assert [pid for pid in processes_of(root) if pid not in own] == []
    # an engine that is open keeps a few network namespaces ready
    left = [mount for mount in mounts_below(root) if "/run/netns/" not in mount]
    assert left == [], left


async def give_image(engine: AnyEngine) -> None:
    """The image that every test runs."""
    archive = docker_archive([busybox()], f"{BUSYBOX}:latest")
    async for _ in engine.images.load(once(archive), quiet=True):
        pass
