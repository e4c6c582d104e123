"""Published suites: fetched as packages, run in an environment of their own, judged by a recorded list."""

import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import msgspec
import pytest

from support.engine import Engine
from support.flows import config_with_plugins
from support.suite_images import write_images

PLUGIN = Path(__file__).with_name("suite_plugin.py")


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """One suite: what to fetch, how to run it, and what is known of its tests.

    The keys of `both` and `boxship` are test IDs or patterns of them, the values reasons. `both` fail on
    Docker Engine too, or cannot run without the internet; `flaky` may fail or pass on either.
    """

    package: str
    requires: list[str]
    images: list[str]
    arguments: list[str]
    environment: dict[str, str] = {}
    timeout_s: int = 900
    both: dict[str, str] = {}
    boxship: dict[str, str] = {}
    flaky: dict[str, str] = {}

    def unexpected(self, outcomes: dict[str, str], *, reference: bool) -> list[str]:
        """Failures nobody knows of, and known ones that are none any more."""
        known = list(self.both) if reference else [*self.both, *self.boxship]
        failed = [test for test, outcome in outcomes.items() if outcome == "failed"]
        surprises = [
            f"fails: {test}" for test in failed if not _matches(test, [*known, *self.flaky])
        ]
        healed = [f"passes now: {p}" for p in known if not any(_matches(t, [p]) for t in failed)]
        return surprises + healed


def _matches(test: str, patterns: list[str]) -> bool:
    return any(test == p or fnmatch.fnmatchcase(test, p) for p in patterns)


def read_suite(path: Path) -> Suite:
    return msgspec.convert(tomllib.loads(path.read_text()), Suite)


def run_suite(suite: Suite, engine: Engine, folder: Path) -> dict[str, str]:
    """Fetch, install and run it; the outcome of each test."""
    source = fetch(suite.package, folder / "source")
    python = install(suite, folder / "environment")
    images, home = folder / "images", folder / "home"
    images.mkdir()
    home.mkdir()
    write_images(suite.images, images)
    shutil.copy(PLUGIN, folder)
    outcomes = folder / "outcomes.json"
    command = [python, "-m", "pytest", "-q", "-p", PLUGIN.stem, "-p", "no:cacheprovider"]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
        **suite.environment,
        "DOCKER_HOST": engine.host,
        "HOME": str(home),
        "DOCKER_CONFIG": str(config_with_plugins(folder)),
        "PYTHONPATH": str(folder),
        "SUITE_IMAGES": str(images),
        "SUITE_OUTCOMES": str(outcomes),
    }
    beside = ["nsenter", f"--net=/run/netns/{engine.netns}"] if engine.netns else []
    with (folder / "log").open("wb") as log:
        subprocess.run(
            [*beside, *command, *suite.arguments],
            cwd=source,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=suite.timeout_s,
            check=False,
        )
    assert outcomes.exists(), (folder / "log").read_text(errors="replace")[-3000:]
    found: dict[str, str] = json.loads(outcomes.read_text())
    return found


def fetch(package: str, folder: Path) -> Path:
    """The unpacked source distribution of `name==version`."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    _pip([*pip, "--dest", str(folder), package], package)
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def install(suite: Suite, folder: Path) -> str:
    """An environment with the suite's package and what its tests need; its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    needed = [suite.package, *suite.requires]
    _pip([python, "-m", "pip", "install", "--quiet", *needed], " ".join(needed))
    return python


def _pip(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot get {what}: {done.stderr.strip().splitlines()[-1]}")
