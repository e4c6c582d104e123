"""dockerode, Node's client, through the flows its documentation shows."""

from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.flows import flows_of, install_node, run_flow

SCRIPT = "dockerode_flows.js"
pytestmark = pytest.mark.slow  # for the download


@pytest.fixture(scope="module")
def dockerode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with dockerode in it."""
    folder = tmp_path_factory.mktemp("dockerode")
    install_node(folder, "dockerode@5")
    return folder


@pytest.mark.parametrize("flow", flows_of(SCRIPT))
def test_flow(dockerode: Path, engine: Engine, box: Box, flow: str) -> None:
    run_flow(engine, dockerode, SCRIPT, flow, BUSYBOX, box.name())
