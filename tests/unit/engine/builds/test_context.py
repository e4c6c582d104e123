"""Contexts on disk: which files stay, and which is the Dockerfile."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from boxship.engine.builds.context import (
    CannotLocate,
    apply_ignore_file,
    find_dockerfile,
    is_git_url,
    read_context_file,
)
from boxship.errors import InvalidArgument

FILES = [
    "Dockerfile",
    "a.log",
    "keep.log",
    "src/main.c",
    "src/main.o",
    "src/deep/x.o",
    "secret/key",
]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    root = tmp_path / "context"
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def left(context: Path, ignore: str, name: str = ".dockerignore") -> set[str]:
    (context / name).write_text(ignore)
    apply_ignore_file(context, "Dockerfile")
    return {str(p.relative_to(context)) for p in context.rglob("*") if not p.is_dir()} - {name}


@pytest.mark.parametrize(
    ("ignore", "gone"),
    [
        ("", []),
        ("# nothing\n\n", []),
        ("*.log\n", ["a.log", "keep.log"]),
        ("*.log\n!keep.log\n", ["a.log"]),
        ("!keep.log\n*.log\n", ["a.log", "keep.log"]),
        ("*.o\n", []),
        ("**/*.o\n", ["src/main.o", "src/deep/x.o"]),
        ("src\n", ["src/main.c", "src/main.o", "src/deep/x.o"]),
        ("src\n!src/deep\n", ["src/main.c", "src/main.o"]),
        ("/secret/\n", ["secret/key"]),
        ("src/*/x.o\n", ["src/deep/x.o"]),
        ("../context/a.log\n", []),
        ("*\n!src/**/*.o\n", ["a.log", "keep.log", "src/main.c", "secret/key", "Dockerfile"]),
    ],
)
def test_what_an_ignore_file_takes_out(context: Path, ignore: str, gone: Iterable[str]) -> None:
    assert left(context, ignore) == set(FILES) - set(gone)


def test_an_ignore_file_of_the_dockerfile_comes_first(context: Path) -> None:
    (context / "Dockerfile.dockerignore").write_text("a.log\n")
    assert "keep.log" in left(context, "*.log\n")


def test_folders_that_an_exception_empties_go(context: Path) -> None:
    left(context, "secret\nsrc\n!src/main.c\n")
    assert not (context / "secret").exists()
    assert not (context / "src" / "deep").exists()


def test_symlinks_are_removed_not_followed(context: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").touch()
    (context / "link").symlink_to(outside)
    (context / "kept").symlink_to(outside)
    left(context, "link\nkept/f\n**/f\n")
    assert (outside / "f").exists()
    assert not (context / "link").is_symlink()
    assert (context / "kept").is_symlink()


@pytest.mark.parametrize(
    ("asked", "files", "found"),
    [
        ("", ["Dockerfile", "dockerfile"], "Dockerfile"),
        ("", ["dockerfile"], "dockerfile"),
        ("Dockerfile", ["dockerfile"], "dockerfile"),
        ("d/x", ["d/x", "Dockerfile"], "d/x"),
        ("./x", ["x"], "./x"),
    ],
)
def test_which_file_is_the_dockerfile(
    tmp_path: Path, asked: str, files: Iterable[str], found: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    name, data = find_dockerfile(tmp_path, asked)
    assert Path(name) == Path(found)
    assert data.decode() == str(Path(found))


def test_a_missing_dockerfile_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotLocate, match="Cannot locate specified Dockerfile: other"):
        find_dockerfile(tmp_path, "other")


def test_links_are_followed_inside_only(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    context = tmp_path / "context"
    context.mkdir()
    (context / "real").write_text("x")
    (context / "link").symlink_to("/real")  # the context is the root
    (context / "out").symlink_to(tmp_path / "secret")
    (context / "climbing").symlink_to("../secret")
    assert read_context_file(context, "real", 10) == b"x"
    assert read_context_file(context, "link", 10) == b"x"
    for name in ("out", "climbing", "", ".", "nosuch", "real/x", "a\0b"):
        assert read_context_file(context, name, 10) is None, name


def test_large_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(11))
    with pytest.raises(InvalidArgument, match="larger than 10"):
        read_context_file(tmp_path, "f", 10)


@pytest.mark.parametrize(
    ("text", "is_git"),
    [
        ("git://host/x", True),
        ("github.com/a/b", True),
        ("git@host:x.git", True),
        ("https://host/x.git", True),
        ("https://host/x.git#main:sub", True),
        ("https://host/x", False),
        ("https://host/x.git.tar", False),
        ("file:///x.git", False),
        ("ext::sh -c x", False),
        ("/x.git", False),
    ],
)
def test_what_counts_as_a_repository(text: str, is_git: bool) -> None:
    assert is_git_url(text) == is_git
