"""Finding what COPY and ADD name, in a build context or another stage's file system.

Both are hostile: every name is resolved inside its root by descriptor. Blocking.
"""

import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from typing import Final

import msgspec

from boxship.build.llb import Copy, Local
from boxship.dockerfile.glob import Glob, has_wildcards
from boxship.errors import InvalidArgument
from boxship.linux.safepath import (
    open_in_root,
    opened_root,
    read_file_in_root,
    resolve_in_root,
    stat_in_root,
)

_MAX_MATCHES: Final = 1_000_000


class Found(msgspec.Struct, frozen=True):
    """One source: where it is once symlinks are followed, and the name it is copied under."""

    path: str  # absolute inside its root
    name: str
    is_directory: bool
    relative: str  # as it was named, without leading slash


class CopyFailed(InvalidArgument):
    """COPY or ADD cannot do what it says."""


def find_sources(root_fd: int, copy: Copy) -> list[Found]:
    """All sources in order; raise CopyFailed in the classic builder's words."""
    found: list[Found] = []
    for source in copy.sources:
        if _leaves(source):
            raise CopyFailed(
                f"{copy.keyword} failed: forbidden path outside the build context: {source} ()"
            )
        clean = posixpath.normpath("/" + source).lstrip("/")
        if has_wildcards(source):
            found.extend(
                _look_up(root_fd, match, match, copy) for match in _matches(root_fd, clean)
            )
        else:
            found.append(_look_up(root_fd, clean, source, copy))
    if not found:
        raise CopyFailed(f"{copy.keyword} failed: no source files were specified")
    if len(found) > 1 and not copy.destination.endswith("/"):
        raise CopyFailed(
            f"When using {copy.keyword} with more than one source file, the destination must be a "
            "directory and end with a /"
        )
    return found


def read_file(root: str, name: str, limit: int) -> bytes:
    """A regular file below *root*; symlinks are followed inside it. Raises OSError."""
    with opened_root(root) as root_fd:
        return read_file_in_root(root_fd, name, limit)


def _leaves(source: str) -> bool:
    """Whether a relative name climbs out; absolute ones mean the root, as ever."""
    return not source.startswith("/") and posixpath.normpath(source).split("/")[0] == ".."


def _look_up(root_fd: int, path: str, source: str, copy: Copy) -> Found:
    try:
        status = stat_in_root(root_fd, path or ".")
        real = resolve_in_root(root_fd, path or ".")
    except OSError as error:
        shown = source.removeprefix("./").lstrip("/")
        if error.errno == errno.ENOTDIR:
            raise CopyFailed(
                f"{copy.keyword} failed: forbidden path outside the build context: {shown} ()"
            ) from error
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise CopyFailed(f"{copy.keyword} failed: {path}: {error.strerror}") from error
        where = "file not found in build context or excluded by .dockerignore: "
        raise CopyFailed(
            f"{copy.keyword} failed: {where if isinstance(copy.source, Local) else ''}"
            f"stat {shown}: file does not exist"
        ) from error
    return Found(real, posixpath.basename(path), stat.S_ISDIR(status.st_mode), path)


def _matches(root_fd: int, pattern: str) -> list[str]:
    """Paths that match a pattern, sorted, level by level so that only what can match is read."""
    candidates = [""]
    for part in pattern.split("/"):
        try:
            glob = Glob(part)
        except InvalidArgument:
            return []  # Go's filepath.Match fails, and the classic builder takes that for no match
        if glob.literal:
            literal = part.replace("\\", "")
            candidates = [posixpath.join(each, literal) for each in candidates]
            continue
        candidates = [
            posixpath.join(each, name)
            for each in candidates
            for name in _names(root_fd, each)
            if glob.matches(name)
        ]
        if len(candidates) > _MAX_MATCHES:
            raise CopyFailed(f"more than {_MAX_MATCHES} files match {pattern}")
    return sorted(path for path in candidates if _exists(root_fd, path))


def _names(root_fd: int, directory: str) -> Iterator[str]:
    try:
        fd = open_in_root(root_fd, directory or ".", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        names = os.listdir(fd)  # noqa: PTH208 - by descriptor
    finally:
        os.close(fd)
    yield from names


def _exists(root_fd: int, path: str) -> bool:
    try:
        stat_in_root(root_fd, path)
    except OSError:
        return False
    return True
