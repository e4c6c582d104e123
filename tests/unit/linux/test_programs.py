"""What the kernel runs, and what it refuses."""

import sys
from pathlib import Path

import pytest

from boxship.linux.programs import runs
from boxship.linux.safepath import opened_root


def judged(root: Path, *arguments: str, path: str = "/bin") -> bool:
    with opened_root(root) as root_fd:
        return runs(root_fd, arguments, {"PATH": path}, "/")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    contents = {
        "real": Path(sys.executable).resolve().read_bytes()[:4096],
        "text": b"not a program at all",
        "script": b"#!/bin/real -x\n",
        "orphan": b"#!/bin/nonesuch\n",
        "foreign": b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xf3\x00" + bytes(40),
        "empty": b"",
    }
    (tmp_path / "bin").mkdir()
    for name, content in contents.items():
        (tmp_path / "bin" / name).write_bytes(content)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("real", True),
        ("/bin/real", True),
        ("bin/real", True),
        ("script", True),
        ("nonesuch", True),  # somebody else's business
        ("orphan", False),
    ],
)
def test_programs(root: Path, program: str, *, expected: bool) -> None:
    assert judged(root, program) is expected


@pytest.mark.parametrize("program", ["text", "foreign", "empty"])
def test_other_formats_are_refused_where_nobody_handles_them(
    root: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boxship.linux.programs._HANDLERS", root / "nowhere")
    assert judged(root, program) is False
    handlers = root / "handlers"
    handlers.mkdir()
    (handlers / "register").touch()
    monkeypatch.setattr("boxship.linux.programs._HANDLERS", handlers)
    assert judged(root, program) is False
    (handlers / "qemu").touch()
    assert judged(root, program) is True


def test_a_link_does_not_lead_out_of_the_root(root: Path) -> None:
    (root / "bin" / "link").symlink_to("../../../bin/text")
    assert judged(root, "link") is judged(root, "text")
