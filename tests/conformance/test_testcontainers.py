"""testcontainers for Python, as test suites of other projects use it."""

from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.flows import flows_of, install_python, run_flow

SCRIPT = "testcontainers_flows.py"
pytestmark = pytest.mark.slow  # for the download


@pytest.fixture(scope="module")
def testcontainers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with testcontainers in it."""
    folder = tmp_path_factory.mktemp("testcontainers")
    install_python(folder, "testcontainers")
    return folder


@pytest.mark.parametrize("flow", flows_of(SCRIPT))
def test_flow(testcontainers: Path, engine: Engine, box: Box, flow: str) -> None:
    run_flow(engine, testcontainers, SCRIPT, flow, BUSYBOX, box.name())
