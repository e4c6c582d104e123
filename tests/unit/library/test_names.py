"""What `import boxship` brings, and what it costs."""

import subprocess
import sys

import pytest

import boxship

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
