"""Runs the tables of cases: see README.md."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import EXTERNAL, prepare
from support.differential.judge import Judge
from support.differential.sides import Side
from support.differential.steps import Case
from support.engine import Engine

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="keep the reference engine's answers")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each of the module's CASES."""
    if "case" not in metafunc.fixturenames:
        return
    cases: list[Case] = metafunc.module.CASES
    names = [case.name for case in cases]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    slow = pytest.mark.slow
    metafunc.parametrize(
        "case", [pytest.param(c, id=c.name, marks=[slow] if c.slow else []) for c in cases]
    )


@pytest.fixture(scope="session")
def reference() -> Engine | None:
    """BOXSHIP_TEST_REFERENCE: a DOCKER_HOST, maybe with @NETNS."""
    host, _, netns = os.environ.get("BOXSHIP_TEST_REFERENCE", "").partition("@")
    return prepare(Engine(host, netns)) if host else None


@pytest.fixture(scope="module")
def judge(
    request: pytest.FixtureRequest, engine: Engine, reference: Engine | None
) -> Iterator[Judge]:
    """Judges this module's CASES; SCENE and PROGRAM of the module are optional."""
    module: Any = request.module
    program: str = os.environ.get("BOXSHIP_TEST_PROGRAM", "") or getattr(
        module, "PROGRAM", "docker"
    )
    made = Judge(
        module.__name__.rpartition("test_")[2],
        HERE,
        getattr(module, "SCENE", ()),
        Side(engine, program),
        Side(reference) if reference else None,
        record=request.config.getoption("--record", default=False),
    )
    before = nameless(engine)
    yield made
    made.close(module.CASES)
    if not EXTERNAL:
        for kind, command in (("container", ("rm", "-fv")), ("volume", ("volume", "rm", "-f"))):
            for each in nameless(engine)[kind] - before[kind]:
                engine.docker(*command, each)


def nameless(engine: Engine) -> dict[str, set[str]]:
    """All containers and volumes: a case can remove only those that it gave a name."""
    return {
        "container": set(engine.ok("ps", "-aq").split()),
        "volume": set(engine.ok("volume", "ls", "-q").split()),
    }
