"""Some 380 mounts, asked for in every spelling: answered, shown and done as Docker Engine does.

Docker's answers are in tests/golden/mounts.json. To renew them, judge Docker itself
(BOXSHIP_TEST_HOST) with BOXSHIP_RENEW_GOLDEN=1.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from support.box import Box
from support.engine import Engine
from support.mount_table import CASES, Case
from support.mount_trial import trial

GOLDEN = Path(__file__).parent.parent / "golden" / "mounts.json"
RENEW = os.environ.get("BOXSHIP_RENEW_GOLDEN") == "1"

OURS = {
    "bind '/x'": "Docker loses the name of an anonymous volume among Binds; we tell it",
    "bind '{dir}'": "the same",
    "from with tmpfs": "Docker cannot inherit a tmpfs of --mount: `get: no such volume`; we can",
    "image twice": "Docker cannot mount one image twice: `mount already exists with name`; we can",
    "image subpath abs": "where a link out of the image would lead on the host is not looked at",
    "image subpath out": "the same",
    "bind '{dir}:/proc/x'": "refused for being inside /proc, not for being absent there",
    "volume '/proc/x'": "the same",
    "tmpfs {'Mode': -1}": "read as a number, refused at the start",
}
"""Cases that come out otherwise on purpose, and why."""


def judge(engine: Engine, box: Box, cases: list[Case]) -> None:
    golden: dict[str, Any] = json.loads(GOLDEN.read_text())
    with trial(engine, box) as attempt:
        found = {case.name: attempt.run(case) for case in cases}
        box.close()
    if RENEW:
        golden |= found
        GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        return
    wrong = {
        name: {"Docker": golden[name], "here": outcome}
        for name, outcome in found.items()
        if name not in OURS and outcome != golden[name]
    }
    assert not wrong, json.dumps(wrong, indent=1)


def test_mounts_are_refused_and_shown(engine: Engine, box: Box) -> None:
    judge(engine, box, [case for case in CASES if case.script is None])


def test_mounts_are_there(engine: Engine, box: Box) -> None:
    """A sample, for the sake of time."""
    judge(engine, box, [case for case in CASES if case.script is not None][::4])


@pytest.mark.slow
def test_all_mounts_are_there(engine: Engine, box: Box) -> None:
    judge(engine, box, [case for case in CASES if case.script is not None])


def test_the_exceptions_are_cases() -> None:
    assert set(OURS) <= {case.name for case in CASES}
    assert len({case.name for case in CASES}) == len(CASES)
