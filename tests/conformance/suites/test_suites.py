"""Published suites of Docker clients, run against boxshipd as their authors run them against Docker.

A suite is a file here: the package whose source distribution ships it, what it needs, and the tests that
fail on Docker Engine too or on Boxship alone, with reasons. These lists may only shrink: a test that passes
again fails here until its line is gone.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.boxshipd import boxshipd
from support.engine import Engine
from support.suites import read_suite, run_suite

SUITES = sorted(Path(__file__).parent.glob("*.toml"))
KEEP = os.environ.get("BOXSHIP_SUITE_LOGS", "")
"""A folder for each suite's log and outcomes."""
EXTERNAL = os.environ.get("BOXSHIP_TEST_HOST", "")


@pytest.fixture
def engine_for_suites() -> Iterator[Engine]:
    """One that nobody else uses: suites prune."""
    if EXTERNAL:
        yield Engine(EXTERNAL, os.environ.get("BOXSHIP_TEST_NETNS", ""))
        return
    pool = f"base=10.{200 + os.getpid() % 50}.0.0/16,size=24"
    with boxshipd(
        "--default-address-pool", pool
    ) as daemon:  # other engines may have used up Docker's
        yield daemon.engine


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_suite(path: Path, engine_for_suites: Engine) -> None:
    suite = read_suite(path)
    with tempfile.TemporaryDirectory(prefix="boxship-suite-") as folder:
        outcomes = run_suite(suite, engine_for_suites, Path(folder))
        tail = Path(folder, "log").read_text(errors="replace")[-6000:]
        if KEEP:
            for name in ("log", "outcomes.json"):
                shutil.copy(Path(folder, name), Path(KEEP, f"{path.stem}.{name}"))
    passed = sum(outcome == "passed" for outcome in outcomes.values())
    print(f"{path.stem}: {passed} of {len(outcomes)} passed")
    assert suite.unexpected(outcomes, reference=bool(EXTERNAL)) == [], tail
