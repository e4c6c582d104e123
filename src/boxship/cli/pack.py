"""Local files as a tar stream, for cp and build."""

import os
import stat
from tarfile import (
    BLKTYPE,
    CHRTYPE,
    DIRTYPE,
    FIFOTYPE,
    LNKTYPE,
    PAX_FORMAT,
    REGTYPE,
    SYMTYPE,
    TarInfo,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CHUNK = 1 << 20
END = bytes(1024)
_KINDS = (
    (stat.S_ISREG, REGTYPE),
    (stat.S_ISDIR, DIRTYPE),
    (stat.S_ISLNK, SYMTYPE),
    (stat.S_ISFIFO, FIFOTYPE),
    (stat.S_ISCHR, CHRTYPE),
    (stat.S_ISBLK, BLKTYPE),
)


class Packer:
    """Turns paths into tar entries; remembers inodes, so that hard links stay links."""

    def __init__(self, *, owner: "tuple[int, int] | None" = None) -> None:
        self._owner = owner
        self._links: dict[tuple[int, int], str] = {}

    def entry(self, path: str, name: str) -> "Iterator[bytes]":
        """One file as header and data; sockets are left out, as tar has no place for them."""
        found = os.lstat(path)
        kind = next((kind for is_kind, kind in _KINDS if is_kind(found.st_mode)), None)
        if kind is None:
            return
        info = TarInfo(name)
        info.type = kind
        info.mode = stat.S_IMODE(found.st_mode)
        info.mtime = found.st_mtime_ns // 1_000_000_000
        info.uid, info.gid = self._owner or (found.st_uid, found.st_gid)
        if kind == SYMTYPE:
            info.linkname = os.readlink(path)
        elif kind in {CHRTYPE, BLKTYPE}:
            info.devmajor, info.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
        elif kind == REGTYPE:
            first = self._first_link(found, name)
            if first:
                info.type, info.linkname = LNKTYPE, first
            else:
                yield from _file(path, info)
                return
        yield info.tobuf(PAX_FORMAT, "utf-8", "surrogateescape")

    def _first_link(self, found: os.stat_result, name: str) -> str:
        if found.st_nlink < 2:
            return ""
        key = (found.st_dev, found.st_ino)
        first = self._links.setdefault(key, name)
        return first if first != name else ""


def _file(path: str, info: TarInfo) -> "Iterator[bytes]":
    with open(path, "rb", buffering=0) as file:
        info.size = os.fstat(file.fileno()).st_size
        _capability(file.fileno(), info)
        yield info.tobuf(PAX_FORMAT, "utf-8", "surrogateescape")
        left = info.size
        while left:
            data = file.read(min(CHUNK, left))
            if not data:  # it shrank: the header has promised more
                data = bytes(min(CHUNK, left))
            left -= len(data)
            yield data
    if info.size % 512:
        yield bytes(512 - info.size % 512)


def _capability(descriptor: int, info: TarInfo) -> None:
    """File capabilities travel as a PAX record."""
    try:
        value = os.getxattr(descriptor, "security.capability")
    except OSError:
        return
    info.pax_headers = {
        "SCHILY.xattr.security.capability": value.decode("utf-8", "surrogateescape")
    }


def pack_tree(
    root: str,
    base: str,
    packer: Packer,
    wanted: "Callable[[str], bool] | None" = None,
    *,
    prune: bool = False,
) -> "Iterator[bytes]":
    """A file or folder and all below it, named from *base*; *wanted* may leave paths out.

    `wanted` is asked with paths below *root*; folders that are not wanted are searched all the
    same, unless *prune*.
    """
    yield from packer.entry(root, base)
    if os.path.isdir(root) and not os.path.islink(root):
        yield from _below(root, base, "", packer, wanted, prune=prune)


def _below(
    root: str,
    base: str,
    inside: str,
    packer: Packer,
    wanted: "Callable[[str], bool] | None",
    *,
    prune: bool,
) -> "Iterator[bytes]":
    with os.scandir(os.path.join(root, inside) if inside else root) as listing:
        found = sorted(listing, key=lambda item: item.name)
    for item in found:
        path = f"{inside}/{item.name}" if inside else item.name
        folder = item.is_dir(follow_symlinks=False)
        name = f"{base}/{path}" if base else path
        keep = wanted is None or wanted(path)
        if keep:
            yield from packer.entry(item.path, name)
        if folder and (keep or not prune):
            yield from _below(root, base, path, packer, wanted, prune=prune)


def finished(parts: "Iterable[bytes]") -> "Iterator[bytes]":
    """The stream with the end mark of an archive, in pieces of a sensible size."""
    pending: list[bytes] = []
    size = 0
    for part in parts:
        pending.append(part)
        size += len(part)
        if size >= CHUNK:
            yield b"".join(pending)
            pending, size = [], 0
    pending.append(END)
    yield b"".join(pending)
