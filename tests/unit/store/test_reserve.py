"""Room kept for a full disk."""

from pathlib import Path

from boxship.store.reserve import Reserve


def test_room_is_kept_and_given_up_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", size=4096)
    assert (tmp_path / "reserve").stat().st_size == 4096
    assert reserve.release()
    assert not (tmp_path / "reserve").exists()
    assert not reserve.release()


def test_room_that_was_just_given_up_is_not_taken_back_at_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", size=4096)
    reserve.release()
    reserve.keep()
    assert not (tmp_path / "reserve").exists()


def test_without_room_there_is_no_reserve(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "missing" / "reserve")
    assert not reserve.release()


def test_room_is_made_only_when_there_is_hardly_any(tmp_path: Path) -> None:
    Reserve(tmp_path / "reserve", size=4096).make_room()
    assert (tmp_path / "reserve").exists()
