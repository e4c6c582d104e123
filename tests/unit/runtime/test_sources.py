"""Parts of volumes and images, opened beneath them; the words are Docker's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.errors import Internal, InvalidArgument, NotFound
from boxship.linux.safepath import opened_root
from boxship.runtime.sources import open_subpath, opened_file


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_text("x")
    for name, target in {"in": "sub", "out": "/etc", "up": "../..", "loop": "loop"}.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


@pytest.fixture
def volume_fd(volume: Path) -> Iterator[int]:
    with opened_root(volume) as fd:
        yield fd


@pytest.mark.parametrize("subpath", ["sub", "sub/", "./sub", "in", "sub/../in/../sub"])
def test_what_is_inside_is_opened(volume: Path, volume_fd: int, subpath: str) -> None:
    fd = open_subpath(volume_fd, str(volume), subpath)
    with opened_file(f"/proc/self/fd/{fd}"):
        assert Path(f"/proc/self/fd/{fd}").samefile(volume / "sub")
    os.close(fd)


@pytest.mark.parametrize(
    ("subpath", "kind", "text"),
    [
        ("no", NotFound, "cannot access path {v}/no: lstat {v}/no: no such file or directory"),
        (
            "sub/no/more",
            NotFound,
            "cannot access path {v}/sub/no/more: lstat {v}/sub/no: no such file or directory",
        ),
        (
            "out",
            InvalidArgument,
            "path concatenation escapes the base directory, base: {v}, subpath: out",
        ),
        (
            "up/x",
            InvalidArgument,
            "path concatenation escapes the base directory, base: {v}, subpath: up/x",
        ),
        (
            "sub/file/x",
            Internal,
            'error while resolving symlinks in combined path "{v}/sub/file/x": not a directory',
        ),
        (
            "loop",
            Internal,
            (
                'error while resolving symlinks in combined path "{v}/loop": '
                "EvalSymlinks: too many links"
            ),
        ),
    ],
)
def test_what_is_refused(
    volume: Path, volume_fd: int, subpath: str, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as refusal:
        open_subpath(volume_fd, str(volume), subpath)
    assert str(refusal.value) == text.format(v=volume)
