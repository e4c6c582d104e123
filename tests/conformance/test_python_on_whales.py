"""python-on-whales, the client on top of the docker CLI: its models check the JSON of what they read."""

from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.flows import flows_of, has_plugin, install_python, run_flow

SCRIPT = "whales_flows.py"
pytestmark = pytest.mark.slow  # for the download


@pytest.fixture(scope="module")
def whales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with python-on-whales in it."""
    folder = tmp_path_factory.mktemp("whales")
    install_python(folder, "python-on-whales")
    return folder


@pytest.mark.parametrize("flow", flows_of(SCRIPT))
def test_flow(whales: Path, engine: Engine, box: Box, flow: str) -> None:
    if flow == "compose" and not has_plugin(whales, "compose"):
        pytest.skip("needs the compose plugin of the docker CLI")
    run_flow(engine, whales, SCRIPT, flow, BUSYBOX, box.name())
