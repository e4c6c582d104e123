"""Every example of the documentation runs, and prints what it says it prints."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import boxship
from boxship.engine.networks.config import device_names
from support.boxshipd import Boxshipd, boxshipd, own_address
from support.images import docker_archive
from support.rootfs import busybox

pytestmark = pytest.mark.root

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "library").glob("*.py"))
EMBED = next(path for path in EXAMPLES if path.name == "embed.py")
DOCUMENT = ROOT / "docs" / "how-to" / "use-as-a-library.md"


@pytest.fixture(scope="module")
def daemon() -> Iterator[Boxshipd]:
    with boxshipd() as running:
        archive = docker_archive([busybox()], "busybox:latest")
        running.engine.ok("load", "-q", stdin=archive)
        yield running


def run(path: Path, *arguments: str, **environment: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-W", "error", str(path), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout.splitlines()


def promised(path: Path) -> list[str]:
    return re.findall(r"^# > (.*)$", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", [p for p in EXAMPLES if p != EMBED], ids=lambda p: p.name)
def test_an_example_prints_what_it_promises(path: Path, daemon: Boxshipd) -> None:
    assert run(path, DOCKER_HOST=daemon.engine.host) == promised(path)


def test_the_embedded_engine(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    archive.write_bytes(docker_archive([busybox()], "example:latest"))
    data = tmp_path / "data"
    try:
        assert run(EMBED, str(data), str(archive), own_address()) == promised(EMBED)
    finally:
        device, table = device_names(str(data))
        for command in (
            ["ip", "link", "delete", device],
            ["nft", "delete", "table", "inet", table],
        ):
            subprocess.run(command, check=False, capture_output=True)
        shutil.rmtree(boxship.Engine(data).config.exec_root)


def test_the_guide_shows_parts_of_the_examples() -> None:
    """Code in the guide is code that is run here."""
    known = "\n".join(line.strip() for path in EXAMPLES for line in path.read_text().splitlines())
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        for part in re.split(r"\n\s*\n|\n\s*…\n", block.strip()):
            lines = "\n".join(line.strip() for line in part.splitlines())
            assert lines in known, lines
