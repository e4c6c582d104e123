"""testcontainers for Python and for Node, as test suites of other projects use it."""

from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.flows import flows_of, install_node, install_python, run_flow

PYTHON = "testcontainers_flows.py"
NODE = "testcontainers_flows.js"
pytestmark = pytest.mark.slow  # for the download


@pytest.fixture(scope="module")
def for_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with testcontainers for Python in it."""
    folder = tmp_path_factory.mktemp("testcontainers")
    install_python(folder, "testcontainers")
    return folder


@pytest.fixture(scope="module")
def for_node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with testcontainers for Node in it."""
    folder = tmp_path_factory.mktemp("testcontainers-node")
    install_node(folder, "testcontainers@11")
    return folder


@pytest.mark.parametrize("flow", flows_of(PYTHON))
def test_flow(for_python: Path, engine: Engine, box: Box, flow: str) -> None:
    run_flow(engine, for_python, PYTHON, flow, BUSYBOX, box.name())


@pytest.mark.parametrize("flow", flows_of(NODE))
def test_node_flow(for_node: Path, engine: Engine, box: Box, flow: str) -> None:
    run_flow(engine, for_node, NODE, flow, BUSYBOX, box.name())
