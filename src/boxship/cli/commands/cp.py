"""boxship cp: files between a container and here."""

import os
import sys

from boxship.cli.files import stdin_chunks
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.pack import Packer, finished, pack_tree
from boxship.cli.running import Context, Failed, path_name
from boxship.cli.units import human_size
from boxship.cli.unpack import ChunkFile, unpack
from boxship.client.codec import loads
from boxship.client.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

MODE_DIR = 1 << 31  # Go's os.FileMode bits, in which the daemon describes a path
MODE_LINK = 1 << 27


def run(context: Context, options: Options) -> None:
    """Copy from or to a container."""
    source, target = options.args
    if not source:
        raise Failed("source can not be empty")
    if not target:
        raise Failed("destination can not be empty")
    from_container, from_path = _split(source)
    to_container, to_path = _split(target)
    quiet = options.quiet or ("quiet" not in options.changed and not sys.stdout.isatty())
    if from_container and to_container:
        raise Failed("copying between containers is not supported")
    if from_container:
        _from_container(context, options, from_container, from_path, to_path, quiet=quiet)
    elif to_container:
        _to_container(context, options, to_container, from_path, to_path, quiet=quiet)
    else:
        raise Failed("must specify at least one container source")


def _split(text: str) -> "tuple[str, str]":
    """`container:path`, or a local path where the container is empty."""
    if text.startswith("/"):
        return "", text
    container, colon, path = text.partition(":")
    return ("", text) if not colon or container.startswith(".") else (container, path)


def _clean(path: str) -> str:
    """Go's filepath.Clean; what a trailing `/.` or `/` meant is added back by the caller."""
    if not path:
        return "."
    cleaned = os.path.normpath(path)
    return "/" + cleaned.lstrip("/") if cleaned.startswith("//") else cleaned


def _ends_current(path: str) -> bool:
    return path == "." or path.endswith("/.")


def _preserve(cleaned: str, original: str) -> str:
    """Keep a trailing `/.` or `/`: they say that the contents or a folder are meant."""
    if _ends_current(original) and not _ends_current(cleaned):
        return cleaned.rstrip("/") + "/."
    if original.endswith("/") and not cleaned.endswith("/"):
        return cleaned + "/"
    return cleaned


def _split_entry(path: str) -> "tuple[str, str]":
    """Folder and last name, which is `.` for the contents of a folder."""
    cleaned = _clean(path)
    if _ends_current(path):
        return cleaned, "."
    folder, _, name = cleaned.rpartition("/")
    return (folder or ("/" if cleaned.startswith("/") else ".")), (name or "/")


def _wants_folder(path: str) -> bool:
    return path.endswith("/") or _ends_current(path)


def _absolute(path: str) -> str:
    return _preserve(os.path.abspath(path), path)


class Place:
    """One end of a copy."""

    __slots__ = ("exists", "folder", "path", "rebase")

    def __init__(self, path: str, *, exists: bool, folder: bool, rebase: str = "") -> None:
        self.path = path
        self.exists = exists
        self.folder = folder
        self.rebase = rebase


def _plan(source: Place, target: Place) -> "tuple[str, str, str]":
    """Where to extract, and which leading name in the archive becomes which ("" as it is)."""
    target_folder, target_name = _split_entry(target.path)
    source_name = source.rebase or _split_entry(source.path)[1]
    if target.exists and target.folder:
        return target.path, "", ""
    if target.exists and source.folder:
        raise Failed("cannot copy directory")
    if not target.exists and not source.folder and _wants_folder(target.path):
        raise Failed("no such directory")
    return target_folder, source_name, target_name


def _renamer(old: str, new: str) -> "Callable[[str], str]":
    if not old or old == new:
        return lambda name: name
    old = "" if old == "/" else old

    def rename(name: str) -> str:
        return new + name[len(old) :] if name.startswith(old) else name

    return rename


def _from_container(
    context: Context, options: Options, container: str, path: str, target: str, *, quiet: bool
) -> None:
    shown = target
    if target != "-":
        shown = target = _absolute(target)
        _check_local_target(target)
    rebase = ""
    if options.follow_link:
        path, rebase = _followed(context, container, path)
    response = context.client.request(
        "GET", f"/containers/{path_name(container)}/archive", {"path": path}
    )
    found = _stat_of(response.headers)
    if target == "-":
        for data in response.stream():
            sys.stdout.buffer.write(data)
        return
    source = Place(path, exists=True, folder=bool(found["mode"] & MODE_DIR), rebase=rebase)
    folder, old, new = _plan(source, _local_target(target))
    if rebase and not new:
        old, new = _split_entry(path)[1], rebase
    elif rebase:
        old = _split_entry(path)[1]
    chunks = ChunkFile(response.stream())
    unpack(chunks, folder, _renamer(old, new))
    if not quiet:
        sys.stderr.write(f"Successfully copied {human_size(chunks.size, 3)} to {shown}\n")


def _followed(context: Context, container: str, path: str) -> "tuple[str, str]":
    """The path a link in the container points to, and the name it shall keep."""
    try:
        found = _stat(context, container, path)
    except ApiError:
        return path, ""
    if not found["mode"] & MODE_LINK:
        return path, ""
    target = str(found["linkTarget"])
    if not target.startswith("/"):
        target = os.path.join(_split_entry(path)[0], target)
    rebase = ""
    if _ends_current(path):
        target = _preserve(target, path)
    elif os.path.basename(_clean(path)) != os.path.basename(_clean(target)):
        rebase = os.path.basename(_clean(path))
    return target, rebase


def _stat(context: Context, container: str, path: str) -> "dict[str, Any]":
    response = context.client.request(
        "HEAD", f"/containers/{path_name(container)}/archive", {"path": path}
    )
    return _stat_of(response.headers)


def _stat_of(headers: "dict[str, str]") -> "dict[str, Any]":
    from binascii import Error, a2b_base64

    try:
        text = a2b_base64(headers.get("x-docker-container-path-stat", ""))
        return dict(loads(text))
    except (Error, ValueError, TypeError):
        raise Failed(
            "unable to get resource stat from response: unable to decode container path stat "
            "header: EOF"
        ) from None


def _check_local_target(path: str) -> None:
    folder = os.path.dirname(_clean(path))
    if folder and folder != "." and not os.path.exists(folder):
        raise Failed(f'invalid output path: directory "{folder}" does not exist')
    if os.path.exists(path):
        import stat

        mode = os.stat(path).st_mode
        if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
            raise Failed("got a device")


def _local_target(path: str) -> Place:
    """The local end, with links followed."""
    plain = path.rstrip("/") or "/"
    if os.path.islink(plain):
        path = _preserve(os.path.realpath(plain), path)
    if os.path.exists(path):
        return Place(path, exists=True, folder=os.path.isdir(path))
    parent = _split_entry(path)[0]
    if not os.path.exists(parent):
        raise Failed(f"stat {parent}: no such file or directory")
    if not os.path.isdir(parent):
        raise Failed("not a directory")
    return Place(path, exists=False, folder=False)


def _to_container(
    context: Context, options: Options, container: str, path: str, target: str, *, quiet: bool
) -> None:
    place = _remote_target(context, container, target)
    content: Iterable[bytes]
    if path == "-":
        if not place.folder:
            raise Failed(f'destination "{container}:{target}" must be a directory')
        content, folder = stdin_chunks(), place.path
    else:
        content, folder = _local_archive(_absolute(path), place, follow=options.follow_link)
    counted = _Counted(content)
    query = {
        "path": folder,
        "noOverwriteDirNonDir": "true",
        "copyUIDGID": "true" if options.archive else None,
    }
    context.client.request(
        "PUT",
        f"/containers/{path_name(container)}/archive",
        query,
        stream=counted,
        headers={"Content-Type": "application/x-tar"},
    ).read()
    if not quiet:
        size = human_size(counted.size, 3)
        sys.stderr.write(f"Successfully copied {size} to {container}:{place.path}\n")


class _Counted:
    """Passes chunks on and adds up their size."""

    def __init__(self, chunks: "Iterable[bytes]") -> None:
        self._chunks = chunks
        self.size = 0

    def __iter__(self) -> "Iterator[bytes]":
        for chunk in self._chunks:
            self.size += len(chunk)
            yield chunk


def _remote_target(context: Context, container: str, path: str) -> Place:
    """The end in the container; what cannot be found may yet be made by extracting."""
    place = Place(path, exists=False, folder=False)
    try:
        found = _stat(context, container, path)
        if found["mode"] & MODE_LINK:
            target = str(found["linkTarget"])
            if not target.startswith("/"):
                target = os.path.join(_split_entry(path)[0], target)
            place.path = target
            found = _stat(context, container, target)
    except (ApiError, Failed):
        return place
    place.exists, place.folder = True, bool(found["mode"] & MODE_DIR)
    return place


def _local_archive(path: str, target: Place, *, follow: bool) -> "tuple[Iterator[bytes], str]":
    """The archive of a local path, and the folder in the container to extract it in."""
    source = _local_source(path, follow=follow)
    folder, old, new = _plan(source, target)
    directory, name = _split_entry(source.path)
    base = new if old else (source.rebase or name)
    root = directory if name == "." else os.path.join(directory, name)
    return finished(pack_tree(root, base, Packer())), folder


def _local_source(path: str, *, follow: bool) -> Place:
    folder, slash, name = path.rpartition("/")
    rebase = ""
    plain = path.rstrip("/") or "/"
    if follow and os.path.islink(plain):
        resolved = _preserve(os.path.realpath(plain), path)
        if not _ends_current(path):
            rebase = os.path.basename(plain)
    else:
        resolved = os.path.realpath(folder or "/") + slash + name
        if path.endswith("/") and os.path.basename(plain) != os.path.basename(resolved.rstrip("/")):
            rebase = os.path.basename(plain)  # `link/` means the folder, but keeps the link's name
    try:
        found = os.lstat(resolved)
    except OSError as error:
        if isinstance(error, NotADirectoryError) and path.endswith("/"):
            raise Failed("not a directory") from None
        raise Failed(f"lstat {resolved}: {(error.strerror or '').lower()}") from None
    import stat

    return Place(resolved, exists=True, folder=stat.S_ISDIR(found.st_mode), rebase=rebase)


COMMAND = Command(
    "cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tboxship cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    run,
    Flag("archive", "a", "bool", "Archive mode (copy all uid/gid information)"),
    Flag("follow-link", "L", "bool", "Always follow symbol link in SRC_PATH"),
    Flag("quiet", "q", "bool", "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached"),
    args=(2, 2),
    aliases="docker container cp, docker cp",
    long="Copy files/folders between a container and the local filesystem\n\nUse '-' as the source to read a tar archive from stdin\nand extract it to a directory destination in a container.\nUse '-' as the destination to stream a tar archive of a\ncontainer source to stdout.",
)  # fmt: skip
