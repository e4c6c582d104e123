"""Flows of clients that are not ours to import: scripts, run one flow at a time in an environment of theirs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.engine import Engine

CLIENTS = Path(__file__).parent.parent / "conformance" / "clients"
_FLOW = re.compile(r"^(?:def flow_|  async )(\w+)\(.*[:{]$", re.MULTILINE)


def flows_of(script: str) -> list[str]:
    """The names of the flows in a script."""
    return _FLOW.findall((CLIENTS / script).read_text())


def install_node(folder: Path, *packages: str) -> None:
    """Node packages into a folder, or skip."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    _get(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *packages])


def install_python(folder: Path, *packages: str) -> None:
    """Python packages into a folder, or skip."""
    _get([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *packages])


def _get(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"cannot get {command[-1]}: {done.stderr.strip().splitlines()[-1]}")


def config_with_plugins(folder: Path) -> Path:
    """A configuration folder for the docker CLI with the user's plugins, and nothing else of the user's."""
    config = folder / "docker-config"
    config.mkdir(exist_ok=True)
    plugins = Path.home() / ".docker" / "cli-plugins"
    if plugins.is_dir() and not (config / plugins.name).exists():
        (config / plugins.name).symlink_to(plugins)
    return config


def has_plugin(folder: Path, name: str) -> bool:
    """Whether the docker CLI has this plugin."""
    environment = os.environ | {"DOCKER_CONFIG": str(config_with_plugins(folder))}
    words = ["docker", name, "version"]
    return not subprocess.run(words, env=environment, capture_output=True, check=False).returncode


def run_flow(engine: Engine, folder: Path, script: str, flow: str, *words: str) -> None:
    """Run one flow where its packages are; raise with what it said unless it ends well."""
    copied = shutil.copy(CLIENTS / script, folder)
    program = "node" if script.endswith(".js") else sys.executable
    beside = ["nsenter", f"--net=/run/netns/{engine.netns}"] if engine.netns else []
    environment = engine.environment | {
        "PYTHONPATH": str(folder),
        "DOCKER_CONFIG": str(config_with_plugins(folder)),
    }
    done = subprocess.run(
        [*beside, program, copied, flow, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
