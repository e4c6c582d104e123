"""What `import boxship` brings, and what it costs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import boxship
from boxship.library.any_engine import AnyEngine
from boxship.library.boxes import Box
from boxship.library.options import BoxOptions
from boxship.library.outputs import Output
from boxship.library.sessions import Session

LOADED = "import sys; old = set(sys.modules); import boxship; print(*set(sys.modules) - old)"


def test_importing_boxship_costs_next_to_nothing() -> None:
    result = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, check=True, text=True
    )
    assert result.stdout.split() == ["boxship"]


def test_connecting_needs_no_engine() -> None:
    script = "import boxship, sys; boxship.connect('tcp://h'); print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    loaded = set(result.stdout.split())
    assert "boxship.client.remote" in loaded
    assert not {"boxship.engine.wiring", "boxship.store", "aiohttp"} & loaded


def test_every_public_name_is_there() -> None:
    for name in boxship._WHERE:
        assert getattr(boxship, name).__doc__, name
    assert {"Engine", "connect", "errors", "Volume"} <= set(dir(boxship))
    assert boxship.errors.NotFound.__doc__


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        boxship.nonsense  # noqa: B018


def test_every_public_name_is_documented() -> None:
    text = Path(__file__).parents[3].joinpath("docs/reference/library.md").read_text()
    documented = set(re.findall(r"\w+", text))
    methods = [
        *vars(AnyEngine),
        *vars(Box),
        *vars(Session),
        *vars(Output),
        *BoxOptions.__annotations__,
    ]
    public = {name for name in methods if not name.startswith("_")}
    assert {*boxship._WHERE, *public} - documented == set()
