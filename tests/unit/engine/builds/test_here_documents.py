"""Files of here-documents."""

from pathlib import Path

import pytest

from boxship.engine.builds.context import write_files
from boxship.engine.builds.sources import destination, octal
from boxship.errors import InvalidArgument


def test_they_are_written(tmp_path: Path) -> None:
    write_files(tmp_path / "d", {"EOF": "content\n"})
    assert (tmp_path / "d" / "EOF").read_text() == "content\n"


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil-here", "..", ".", "a/b"])
def test_their_names_lead_nowhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgument, match="here-document is not the name of a file"):
        write_files(tmp_path / "d", {name: "x"})
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("working_dir", "text", "expected"),
    [
        ("", "x", "/x"),
        ("/w", "x/", "/w/x/"),
        ("/w", ".", "/w/"),
        ("/w", "", "/w/"),
        ("/w", "/a/../b", "/b"),
        ("/w", "../../..", "/"),
        ("", "/", "/"),
        ("", "//a/.", "/a/"),
    ],
)
def test_destinations(working_dir: str, text: str, expected: str) -> None:
    assert destination(working_dir, text) == expected


def test_modes() -> None:
    assert (octal(""), octal("644"), octal("0755"), octal("7777")) == (None, 0o644, 0o755, 0o7777)
    for text in ("9", "-1", "10000", "u+x", "0o7 7"):
        with pytest.raises(InvalidArgument, match="it should be octal string"):
            octal(text)
