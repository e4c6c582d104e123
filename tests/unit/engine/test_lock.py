"""One engine for each root."""

import os
from pathlib import Path

import pytest

from boxship.engine.config import EngineConfig
from boxship.engine.lock import hold_roots
from boxship.errors import Unavailable


def config(data: Path, run: Path) -> EngineConfig:
    return EngineConfig(data_root=data, exec_root=run)


def test_a_root_is_held_once(tmp_path: Path) -> None:
    own = config(tmp_path / "data", tmp_path / "run")
    with hold_roots(own):
        for other in (config(own.data_root, tmp_path / "b"), config(tmp_path / "c", own.exec_root)):
            with pytest.raises(Unavailable, match=rf"another engine \(PID {os.getpid()}\)"):
                hold_roots(other).__enter__()
    with hold_roots(own):
        pass


def test_a_stale_lock_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "boxshipd.lock").write_text("1")
    with hold_roots(config(tmp_path, tmp_path / "run")):
        assert (tmp_path / "boxshipd.lock").read_text() == str(os.getpid())


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "boxshipd.lock").symlink_to("/etc/hosts")
    with pytest.raises(Unavailable, match="cannot open"):
        hold_roots(config(tmp_path, tmp_path / "run")).__enter__()
