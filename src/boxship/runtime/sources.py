"""What is mounted into containers, taken by descriptor: parts of volumes, images, idmapped binds.

A path inside a volume or an image is its users' to change. It is opened once, beneath its root, and
what was opened is cloned as a mount; the clone is put to a place of ours that the OCI runtime then binds
by name (CVE-2023-0629, moby's safepath). Blocking.
"""

import contextlib
import errno
import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from boxship.errors import BoxshipError, Internal, InvalidArgument, NotFound, Unsupported
from boxship.linux import mounts, syscalls
from boxship.linux.safepath import open_beneath
from boxship.linux.userns import user_namespace
from boxship.model.id_map import parse_id_map
from boxship.model.mount import BindOptions, Mount, MountPoint, MountRequest

_FOLDER: Final = "mounts"

Images = Mapping[str, Sequence[Mount]]
"""How to mount images, by the destination in the container."""


def place(directory: str, points: Sequence[MountPoint], images: Images) -> list[MountPoint]:
    """Put what is not simply a path to places below *directory*; the points with those as sources.

    `release` takes the places away again: once the container has its own mounts of them.
    """
    return [
        _looked_at(_placed(directory, number, point, images) if is_special(point) else point)
        for number, point in enumerate(points)
    ]


def is_special(point: MountPoint) -> bool:
    """True for what cannot be bound by its path."""
    return bool(point.type == "image" or point.subpath or point.id_map)


def release(directory: str) -> None:
    """Undo `place`; harmless when nothing is there."""
    folder = Path(directory, _FOLDER)
    with contextlib.suppress(FileNotFoundError):
        for entry in sorted(folder.iterdir()):
            while mounts.unmount(entry, lazy=True):
                pass
            entry.rmdir() if entry.is_dir() else entry.unlink()
        folder.rmdir()


def _looked_at(point: MountPoint) -> MountPoint:
    """With what the OCI runtime would not see to by itself.

    crun forgets the flags of a bind's source. A file has nothing below it, and crun before 1.9 fails to
    make one read-only recursively.
    """
    if not point.source:
        return point
    is_file = point.read_only and not Path(point.source).is_dir()
    return msgspec.structs.replace(
        point,
        recursive=point.recursive and not is_file,
        source_flags=mounts.flags_of(point.source),
        spec=point.spec if mounts.read_only_recursively() else _top_only(point),
    )


def _top_only(point: MountPoint) -> MountRequest | None:
    """What is asked of an older kernel: read-only at the top, as Docker does there."""
    options = (point.spec.bind_options if point.spec else None) or BindOptions()
    if not point.read_only or point.spec is None:
        return point.spec
    if options.read_only_force_recursive:
        raise Unsupported("recursively read-only mounts need Linux 5.12 or newer")
    options = msgspec.structs.replace(options, read_only_non_recursive=True)
    return msgspec.structs.replace(point.spec, bind_options=options)


def _placed(directory: str, number: int, point: MountPoint, images: Images) -> MountPoint:
    with contained(point, images, f"{directory}/{_FOLDER}/image-{number}") as tree:
        at = _make_place(Path(directory, _FOLDER, str(number)), tree)
        with opened_file(at) as target:
            _put(tree, target)
    return msgspec.structs.replace(point, source=str(at), subpath="", id_map="")


@contextlib.contextmanager
def contained(point: MountPoint, images: Images, scratch: str) -> Iterator[int]:
    """A descriptor of a detached mount of what *point* names; images are mounted at *scratch*."""
    with contextlib.ExitStack() as undo:
        base = point.source
        if point.type == "image":
            base = scratch
            Path(scratch).mkdir(mode=0o700, parents=True, exist_ok=True)
            for mount in images.get(point.destination, ()):
                mounts.perform(mount, scratch)
                undo.callback(mounts.unmount, scratch, lazy=True)
        fd = undo.enter_context(opened_file(base))
        if point.subpath:
            fd = open_subpath(fd, base, point.subpath)
            undo.callback(os.close, fd)
        flags = syscalls.OPEN_TREE_CLONE | syscalls.AT_RECURSIVE | syscalls.AT_EMPTY_PATH
        tree = syscalls.open_tree(fd, "", flags)
        undo.callback(os.close, tree)
        if point.id_map:
            _map_owners(tree, point)
        yield tree


def open_subpath(root_fd: int, base: str, subpath: str) -> int:
    """Open a folder or file below *root_fd* (O_PATH), which *base* is called; raise in Docker's words."""
    combined = posixpath.join(base, posixpath.normpath(subpath))
    try:
        return open_beneath(root_fd, subpath, os.O_PATH)
    except FileNotFoundError as error:
        missing = _first_missing(root_fd, base, subpath)
        raise NotFound(
            f"cannot access path {combined}: lstat {missing}: no such file or directory"
        ) from error
    except OSError as error:
        raise _refusal(error, base, subpath, combined) from error


def _refusal(error: OSError, base: str, subpath: str, combined: str) -> BoxshipError:
    if error.errno == errno.EXDEV:
        return InvalidArgument(
            f"path concatenation escapes the base directory, base: {base}, subpath: {subpath}"
        )
    reason = (error.strerror or "").lower()
    if error.errno == errno.ELOOP:
        reason = "EvalSymlinks: too many links"
    return Internal(f'error while resolving symlinks in combined path "{combined}": {reason}')


def _first_missing(root_fd: int, base: str, subpath: str) -> str:
    """The first part of a path that is not there, for telling."""
    at = ""
    for part in posixpath.normpath(subpath).split("/"):
        at = posixpath.join(at, part)
        try:
            os.close(open_beneath(root_fd, at, os.O_PATH))
        except OSError:
            break
    return posixpath.join(base, at)


def _map_owners(tree: int, point: MountPoint) -> None:
    id_map = parse_id_map(point.id_map)
    status = os.fstat(tree)
    users = [(r.disk, r.seen, r.length) for r in id_map.user_ranges(status.st_uid)]
    groups = [(r.disk, r.seen, r.length) for r in id_map.group_ranges(status.st_gid)]
    with user_namespace(users, groups) as namespace:
        try:
            syscalls.mount_setattr(
                tree,
                "",
                syscalls.AT_EMPTY_PATH | syscalls.AT_RECURSIVE,
                set_attributes=syscalls.MOUNT_ATTR_IDMAP,
                userns_fd=namespace,
            )
        except OSError as error:
            raise Unsupported(
                f"cannot map owners of {point.source}: its file system, or one mounted below, or "
                f"this kernel does not support idmapped mounts: {(error.strerror or '').lower()}"
            ) from error


def _make_place(path: Path, tree: int) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_ISDIR(os.fstat(tree).st_mode):
        path.mkdir(mode=0o700, exist_ok=True)
    else:
        path.touch(mode=0o600)
    return path


def _put(tree: int, target: int) -> None:
    both = syscalls.MOVE_MOUNT_F_EMPTY_PATH | syscalls.MOVE_MOUNT_T_EMPTY_PATH
    syscalls.move_mount(tree, "", target, "", both)


@contextlib.contextmanager
def opened_file(path: str | Path) -> Iterator[int]:
    """A descriptor (O_PATH) of a path of the host's."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
