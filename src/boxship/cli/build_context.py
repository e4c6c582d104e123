"""What `build` sends: a folder as a tar stream without what .dockerignore names, stdin, or nothing."""

import os
import stat
from tarfile import PAX_FORMAT, TarInfo

from boxship.cli.pack import Packer, finished, pack_tree
from boxship.cli.running import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from boxship.dockerfile.ignore import IgnoreMatcher

DOCKERFILE = "Dockerfile"
IGNORE_FILE = ".dockerignore"
PEEK = 1024
_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_GIT_HOSTS = ("github.com/", "git@", "git://")


class BuildContext:
    """The stream to send (None: the daemon fetches `remote`) and the Dockerfile's name in it."""

    __slots__ = ("dockerfile", "remote", "stream")

    def __init__(self, stream: "Iterator[bytes] | None", dockerfile: str, remote: str = "") -> None:
        self.stream = stream
        self.dockerfile = dockerfile
        self.remote = remote


def is_remote(text: str) -> bool:
    """Whether this names a git repository or a URL rather than a folder."""
    return text.startswith(("http://", "https://", *_GIT_HOSTS))


def open_context(path: str, dockerfile: str) -> BuildContext:
    """The context of a command line; raise Failed in Docker's words."""
    if path == "-":
        if dockerfile == "-":
            raise Failed("invalid argument: can't use stdin for both build context and dockerfile")
        return _from_stdin(dockerfile)
    if os.path.isdir(path):
        return _from_folder(path, dockerfile)
    if is_remote(path):
        return BuildContext(None, dockerfile, path)
    raise Failed(f'unable to prepare context: path "{path}" not found')


def _stdin() -> "Iterator[bytes]":
    while data := os.read(0, 65536):
        yield data


def _from_stdin(dockerfile: str) -> BuildContext:
    chunks = _stdin()
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= PEEK:
            break
    if is_archive(head):
        return BuildContext(_chained(head, chunks), dockerfile)
    if dockerfile:
        raise Failed(
            "unable to prepare context: ambiguous Dockerfile source: both stdin and flag "
            "correspond to Dockerfiles"
        )
    text = head + b"".join(chunks)
    return BuildContext(finished(file_entry(DOCKERFILE, text)), DOCKERFILE)


def _chained(head: bytes, chunks: "Iterable[bytes]") -> "Iterator[bytes]":
    if head:
        yield head
    yield from chunks


def is_archive(head: bytes) -> bool:
    """Whether these first bytes are of a tar archive, compressed or not."""
    if head.startswith(_MAGIC):
        return True
    if len(head) < 512:
        return False
    block = head[:512]
    try:
        total = int(block[148:156].rstrip(b" \0") or b"0", 8)
    except ValueError:
        return False
    return total == sum(block[:148]) + sum(block[156:]) + 8 * 32


def file_entry(name: str, data: bytes, mode: int = 0o600) -> "Iterator[bytes]":
    """A regular file made of bytes, as a tar entry."""
    from time import time

    info = TarInfo(name)
    info.size, info.mode, info.mtime = len(data), mode, int(time())
    yield info.tobuf(PAX_FORMAT, "utf-8", "surrogateescape")
    yield data + bytes(-len(data) % 512)


def _from_folder(path: str, dockerfile: str) -> BuildContext:
    root = os.path.realpath(path)
    outside: bytes | None = None
    if dockerfile == "-":
        outside = b"".join(_stdin())
        name = ""
    else:
        name = _dockerfile_name(root, dockerfile)
        if name.startswith("../"):
            outside = _read(dockerfile)
    patterns = _read_ignore(root)
    matcher = _matcher(patterns, name if outside is None else "")
    _check_readable(root, matcher)
    if outside is None:
        return BuildContext(_folder_stream(root, matcher), name)
    return _with_outside(root, matcher, patterns_text(root), outside)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise Failed(f"unable to open Dockerfile: open {path}: {reason}") from None


def _dockerfile_name(root: str, dockerfile: str) -> str:
    """Where the Dockerfile is, as seen from the context."""
    if dockerfile:
        path = os.path.abspath(dockerfile)
    else:
        path = os.path.join(root, DOCKERFILE)
        other = os.path.join(root, DOCKERFILE.lower())
        if not os.path.lexists(path) and os.path.lexists(other):
            path = other
    resolved = os.path.realpath(path)
    if not os.path.exists(resolved):
        raise Failed(
            "unable to prepare context: unable to evaluate symlinks in Dockerfile path: "
            f"lstat {resolved}: no such file or directory"
        )
    return os.path.relpath(resolved, root)


def patterns_text(root: str) -> "bytes | None":
    """The ignore file as it is; None without one."""
    try:
        with open(os.path.join(root, IGNORE_FILE), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _read_ignore(root: str) -> "tuple[str, ...]":
    from boxship.dockerfile.ignore import read_ignore_file

    text = patterns_text(root)
    return read_ignore_file(text) if text is not None else ()


def _matcher(patterns: "tuple[str, ...]", dockerfile: str) -> "IgnoreMatcher | None":
    """The rules; the daemon needs the ignore file and the Dockerfile even if they are excluded."""
    from boxship.dockerfile.ignore import IgnoreMatcher

    if not patterns:
        return None
    matcher = IgnoreMatcher(patterns)
    kept = [name for name in (IGNORE_FILE, dockerfile) if name and matcher.excluded(name)]
    return IgnoreMatcher([*patterns, *(f"!{name}" for name in kept)]) if kept else matcher


def _check_readable(root: str, matcher: "IgnoreMatcher | None") -> None:
    if os.geteuid() == 0:
        return  # root reads everything
    for folder, names, files in os.walk(root):
        inside = os.path.relpath(folder, root)
        prefix = "" if inside == "." else inside + "/"
        if matcher is not None:
            names[:] = [n for n in names if not matcher.excluded(prefix + n)]
            files[:] = [n for n in files if not matcher.excluded(prefix + n)]
        for name in files:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode) and not os.access(path, os.R_OK):
                raise Failed(f"error checking context: no permission to read from '{path}'")
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and not os.access(path, os.R_OK | os.X_OK):
                raise Failed(f"error checking context: can't stat '{path}'")


def _folder_stream(
    root: str,
    matcher: "IgnoreMatcher | None",
    extra: "Iterable[bytes]" = (),
    without: str = "",
) -> "Iterator[bytes]":
    """The folder less what *matcher* excludes and the path *without*, and *extra* at its end."""

    def wanted(path: str) -> bool:
        return path != without and (matcher is None or not matcher.excluded(path))

    def parts() -> "Iterator[bytes]":
        packer = Packer(owner=(0, 0))
        # where nothing is taken back by a `!` rule, an excluded folder need not be searched
        prune = matcher is None or not matcher.has_exceptions
        entries = pack_tree(root, "", packer, wanted, prune=prune)
        next(entries)  # the root itself has no name in the archive
        yield from entries
        yield from extra

    return finished(parts())


def _with_outside(
    root: str, matcher: "IgnoreMatcher | None", ignore: "bytes | None", dockerfile: bytes
) -> BuildContext:
    """A Dockerfile from elsewhere joins the context under a name that nothing copies."""
    name = ".dockerfile." + os.urandom(10).hex()
    rules = (ignore if ignore is not None else IGNORE_FILE.encode()) + f"\n{name}\n".encode()
    extra = [*file_entry(name, dockerfile), *file_entry(IGNORE_FILE, rules)]
    return BuildContext(_folder_stream(root, matcher, extra, IGNORE_FILE), name)


def compressed(chunks: "Iterable[bytes]") -> "Iterator[bytes]":
    """--compress: the stream as gzip."""
    import zlib

    gzip = zlib.compressobj(wbits=31)
    for chunk in chunks:
        data = gzip.compress(chunk)
        if data:
            yield data
    yield gzip.flush()
