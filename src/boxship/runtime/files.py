"""Reading and writing below a container's root: what `cp`, `export` and new volumes need.

Blocking. Every path is the container's and resolved inside the root by descriptor; archives are packed and
unpacked in this process. OSErrors become ours here, in the words of Docker's Go.
"""

import contextlib
import errno
import os
import posixpath
import queue
import stat
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final

import msgspec

from boxship.errors import Internal, InvalidArgument, NotFound
from boxship.linux.safepath import (
    open_in_root,
    opened_root,
    parent_and_name,
    readlink_in_root,
    reopen,
    resolve_in_root,
    stat_in_root,
)
from boxship.model.mount import MADE_FILES
from boxship.runtime.prepare import find_identity
from boxship.runtime.sources import open_subpath
from boxship.services.files import PathStat
from boxship.store.archive.compression import CorruptArchive, Source, decompressed
from boxship.store.archive.entry import InvalidHeader
from boxship.store.archive.packer import PackOptions, pack_path, pack_tree
from boxship.store.archive.places import OutsideRoot
from boxship.store.archive.unpacker import (
    MissingLinkTarget,
    UnpackOptions,
    WouldOverwrite,
    unpack,
)
from boxship.store.archive.writer import Sink, TarWriter

_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY
_PIPE_DEPTH: Final = 4
_GO_MODES: Final = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
}
_GO_BITS: Final = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


class PathMissing(NotFound):
    """There is no such path; the caller knows the container's name."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """How to unpack into a container. `owner` is a USER whose numbers all files get."""

    path: str
    no_overwrite_dir_non_dir: bool = False
    owner: str | None = None
    read_only_rootfs: bool = False
    read_only_volumes: Sequence[str] = ()
    volumes: Sequence[str] = ()


def stat_path(root_fd: int, path: str) -> PathStat:
    """Look at a path; a symlink is not followed, but where it leads is told."""
    clean = absolute(path)
    with _explained("lstat", clean):
        parent, name = parent_and_name(root_fd, clean)
        with _closing(parent):
            flags = _DIRECTORY if _is_directory_path(clean) else os.O_PATH | os.O_NOFOLLOW
            with _closing(_open_last(root_fd, parent, name, clean, flags)) as fd:
                status = os.fstat(fd)
    target = ""
    if stat.S_ISLNK(status.st_mode):
        target = _link_target(root_fd, clean)
    return PathStat(
        name=_base(clean),
        size=status.st_size,
        mode=go_mode(status.st_mode),
        mtime_ns=status.st_mtime_ns,
        link_target=target,
    )


def pack(root_fd: int, path: str, sink: Sink) -> None:
    """Pack one path as an archive whose first member has the path's last name."""
    clean = absolute(path)
    writer = TarWriter(sink)
    with _explained("lstat", clean):
        parent, name = parent_and_name(root_fd, clean)
        with _closing(parent):
            if _is_directory_path(clean):
                with _closing(open_in_root(root_fd, clean, _DIRECTORY)) as fd:
                    pack_path(writer, fd, b".", os.fsencode(_base(clean)).rstrip(b"/"))
            else:
                pack_path(writer, parent, os.fsencode(name), os.fsencode(_base(clean)))
    writer.close()


def pack_root(root_fd: int, sink: Sink) -> None:
    """Pack the whole root."""
    writer = TarWriter(sink)
    with _closing(reopen(root_fd, os.O_RDONLY | os.O_DIRECTORY)) as fd:
        pack_tree(writer, fd)
    writer.close()


def check_upload(root_fd: int, upload: Upload) -> None:
    """Raise, in Docker's words, unless an archive may be unpacked there."""
    clean = absolute(upload.path)
    with _explained("lstat", clean):
        with _closing(open_in_root(root_fd, clean.rstrip("/") or "/", os.O_PATH)) as fd:
            is_directory = stat.S_ISDIR(os.fstat(fd).st_mode)
        if not is_directory:
            if _is_directory_path(clean):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), clean)
            raise InvalidArgument("extraction point is not a directory")
        real = resolve_in_root(root_fd, clean)
    if any(_is_below(real, volume) for volume in upload.read_only_volumes):
        raise InvalidArgument("mounted volume is marked read-only")
    if upload.read_only_rootfs and not any(_is_below(real, each) for each in upload.volumes):
        raise InvalidArgument("container rootfs is marked read-only")


def unpack_into(root_fd: int, upload: Upload, source: Source) -> None:
    """Unpack an archive, in any compression, into a directory of the container."""
    check_upload(root_fd, upload)
    owner = None
    if upload.owner:
        identity = find_identity(root_fd, upload.owner, ())
        owner = (identity.uid, identity.gid)
    options = UnpackOptions(no_overwrite_dir_non_dir=upload.no_overwrite_dir_non_dir, owner=owner)
    clean = absolute(upload.path)
    with (
        _explained("open", clean),
        _closing(open_in_root(root_fd, clean, os.O_RDONLY | os.O_DIRECTORY)) as fd,
    ):
        _unpack(source, fd, options, clean)


def _unpack(source: Source, fd: int, options: UnpackOptions, path: str) -> None:
    """With Docker's words, and its 500, for what is wrong with the archive."""
    try:
        unpack(decompressed(source), fd, options)
    except MissingLinkTarget as error:
        raise PathMissing(path) from error
    except WouldOverwrite as error:
        raise Internal(error.told(path)) from error
    except OutsideRoot as error:
        what = "hardlink target" if error.is_target else "entry name"
        raise Internal(f'invalid {what} "{error.name}"') from error
    except InvalidHeader as error:
        raise Internal("archive/tar: invalid tar header") from error
    except CorruptArchive as error:
        raise Internal(str(error)) from error


def check_user(rootfs: str, user: str) -> None:
    """Raise, in Docker's words, for a user that the accounts inside do not know."""
    with opened_root(rootfs) as root_fd:
        find_identity(root_fd, user, ())


def has_content(rootfs: str, path: str, *, declared: bool) -> bool:
    """True when the image has a folder there, for a new volume to be filled from.

    A file is an error, even one that the engine would put there; in Docker's words, which differ for
    volumes that the configuration *declared*.
    """
    with opened_root(rootfs) as root_fd:
        try:
            is_folder = stat.S_ISDIR(stat_in_root(root_fd, path).st_mode)
        except OSError:
            if path not in MADE_FILES:
                return False
            is_folder = False
    if not is_folder and declared:
        raise Internal(f"cannot mount volume over existing file, file exists {rootfs}{path}")
    if not is_folder:
        raise Internal(f"source {rootfs}{path} is not directory")
    return True


def copy_up(rootfs: str, path: str, volume: str, subpath: str = "") -> None:
    """Fill an empty volume (or part of it) with what the image has at its place, owner and mode too."""
    with (
        opened_root(rootfs) as root_fd,
        _closing(open_in_root(root_fd, path, os.O_RDONLY | os.O_DIRECTORY)) as source,
        opened_root(volume) as volume_fd,
        _closing(open_subpath(volume_fd, volume, subpath or ".")) as place,
    ):
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            return
        with _closing(reopen(place, os.O_RDONLY | os.O_DIRECTORY)) as target:
            if os.listdir(target):  # noqa: PTH208 - of a descriptor
                return
            with contextlib.closing(piped(lambda sink: _pack_below(source, sink))) as chunks:
                unpack(chunks, target, UnpackOptions())
            status = os.fstat(source)
            os.fchown(target, status.st_uid, status.st_gid)
            os.fchmod(target, stat.S_IMODE(status.st_mode))


def go_mode(mode: int) -> int:
    """A mode in Go's fs.FileMode bits."""
    bits = sum(value for flag, value in _GO_BITS.items() if mode & flag)
    return (mode & 0o777) | bits | _GO_MODES.get(stat.S_IFMT(mode), 0)


def absolute(path: str) -> str:
    """The path from the root, cleaned; a last `/` or `/.` stays, it asks for a directory."""
    clean = posixpath.normpath(f"/{path}").replace("//", "/", 1)
    if path == "." or path.endswith("/."):
        return "/." if clean == "/" else f"{clean}/."
    if path.endswith("/") and clean != "/":
        return f"{clean}/"
    return clean


def piped(produce: Callable[[Sink], None]) -> Generator[bytes, None, None]:
    """What a producer pushes, as an iterable; the producer runs in a thread of its own."""
    ready: queue.Queue[bytes | BaseException | None] = queue.Queue(_PIPE_DEPTH)
    stopped = threading.Event()

    def offer(item: bytes | BaseException | None) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                ready.put(item, timeout=0.1)
                return
        raise BrokenPipeError

    def run() -> None:
        with contextlib.suppress(BrokenPipeError):
            try:
                produce(offer)
                offer(None)
            except BrokenPipeError:
                raise
            except BaseException as error:  # noqa: BLE001 - raised again on the other side
                offer(error)

    thread = threading.Thread(target=run, name="boxship-pipe")
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


def _pack_below(fd: int, sink: Sink) -> None:
    writer = TarWriter(sink)
    pack_tree(writer, fd, PackOptions())
    writer.close()


def _is_directory_path(clean: str) -> bool:
    return clean == "/" or clean.endswith(("/", "/."))


def _base(clean: str) -> str:
    """Go's filepath.Base."""
    return clean.rstrip("/").rpartition("/")[2] or "/"


def _open_last(root_fd: int, parent: int, name: str, clean: str, flags: int) -> int:
    if flags == _DIRECTORY:
        return open_in_root(root_fd, clean, flags)
    return os.open(name, flags | os.O_CLOEXEC, dir_fd=parent)


def _link_target(root_fd: int, path: str) -> str:
    """Where a symlink leads; of a broken one as much as there is."""
    with contextlib.suppress(OSError):
        return resolve_in_root(root_fd, path)
    with contextlib.suppress(OSError):
        text = readlink_in_root(root_fd, path)
        return posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
    return ""


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


@contextlib.contextmanager
def _explained(call: str, path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise PathMissing(path) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Internal(f"{call} {path}: {reason}") from error


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)
