"""A pytest plugin for others' suites: keeps the images they run there, and writes down what came out.

It runs in the suite's own environment, with nothing of ours but this file.
SUITE_IMAGES    a folder of image archives, named as their images with `_` for `:` and `/`
SUITE_OUTCOMES  the file for the outcomes: JSON, test ID → passed, failed or skipped
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

IMAGES = Path(os.environ["SUITE_IMAGES"])
OUTCOMES = Path(os.environ["SUITE_OUTCOMES"])
DOCKER = shutil.which("docker") or "docker"
ENVIRONMENT = dict(os.environ)  # some tests change it
outcomes: dict[str, str] = {}


def docker(*words: str) -> str:
    return subprocess.run(
        (DOCKER, *words), env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=True
    ).stdout


def keep_images() -> None:
    """Suites remove and prune images, and count on pulling them again."""
    present = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    names = {name.replace("/", "_").replace(":", "_") for name in present}
    for archive in sorted(IMAGES.glob("*.tar")):
        if archive.stem not in names:
            docker("load", "-q", "-i", str(archive))


def pytest_runtest_setup() -> None:
    keep_images()


def pytest_sessionstart() -> None:
    keep_images()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test that was expected to fail may do as it likes."""
    outcome = "passed" if hasattr(report, "wasxfail") else report.outcome
    counts = report.when == "call" or outcome != "passed"
    if counts and outcomes.get(report.nodeid) != "failed":
        outcomes[report.nodeid] = outcome


def pytest_sessionfinish() -> None:
    OUTCOMES.write_text(json.dumps(outcomes))
