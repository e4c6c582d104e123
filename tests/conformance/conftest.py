"""The engine under test: BOXSHIP_TEST_HOST's, or an own boxshipd.

BOXSHIP_TEST_HOST    a DOCKER_HOST to judge instead of an own boxshipd
BOXSHIP_TEST_NETNS   the network namespace (by its name in /run/netns) where it publishes ports
BOXSHIP_TEST_SHARED  HERE:THERE, a directory both of us see, if it has another view of the file system
"""

import os
import shutil
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.boxshipd import Boxshipd, boxshipd
from support.engine import Engine
from support.images import docker_archive
from support.rootfs import busybox

HERE = Path(__file__).parent
EXTERNAL = os.environ.get("BOXSHIP_TEST_HOST", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs root; failures that Boxship is known to have are expected."""
    expected = tomllib.loads((HERE / "expected.toml").read_text())
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.root)
        # docker-py leaves the sockets of its streams to the garbage collector
        item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
        item.add_marker(
            pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
        )
        reason = expected.get(f"{item.path.name}::{item.name}")
        if reason and not EXTERNAL:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def prepare(engine: Engine) -> Engine:
    """Give the engine the image that every test runs."""
    if engine.api("GET", f"/images/{BUSYBOX}/json").status == 404:
        archive = docker_archive([busybox()], f"{BUSYBOX}:latest")
        engine.ok("load", "-q", stdin=archive)
    return engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that all tests share."""
    if not shutil.which("docker"):
        pytest.skip("needs the docker CLI")
    if EXTERNAL:
        namespace = os.environ.get("BOXSHIP_TEST_NETNS", "")
        yield prepare(Engine(EXTERNAL, namespace, os.environ.get("BOXSHIP_TEST_SHARED", "")))
        return
    with boxshipd() as daemon:
        ids = watch_containers(daemon.engine)
        yield prepare(daemon.engine)
        assert daemon.leftovers(ids) == []
        assert daemon.stop() == 0, daemon.log[-3000:]


def watch_containers(engine: Engine) -> set[str]:
    """The IDs of all containers that will have been created."""
    ids: set[str] = set()

    def follow() -> None:
        with engine.started(
            "events",
            "--filter",
            "event=create",
            "--filter",
            "type=container",
            "--format",
            "{{.Actor.ID}}",
        ) as events:
            assert events.stdout
            ids.update(line.decode().strip() for line in events.stdout)

    threading.Thread(target=follow, daemon=True).start()
    return ids


@pytest.fixture
def box(engine: Engine) -> Iterator[Box]:
    """Names for what this test makes; removed afterwards."""
    made = Box(engine)
    yield made
    made.close()


@pytest.fixture
def daemon() -> Iterator[Boxshipd]:
    """A boxshipd of this test's own, to be stopped, killed and started again."""
    if EXTERNAL:
        pytest.skip("for boxshipd only")
    with boxshipd() as running:
        prepare(running.engine)
        yield running
