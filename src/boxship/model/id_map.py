"""Other owners in the container than on the disk: what `uid=`, `gid=` and `idmap=` of a bind mean."""

import itertools
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from boxship.errors import InvalidArgument

END: Final = 0xFFFFFFFF
"""The first number that is no user."""

_RANGE: Final = re.compile(r"(\d{1,10})-(\d{1,10})-(\d{1,10})", re.ASCII)
_MOST: Final = 340  # what the kernel takes


class Range(msgspec.Struct, frozen=True):
    """`length` numbers from `disk` on appear as `seen` and the following."""

    disk: int
    seen: int
    length: int


class IDMap(msgspec.Struct, frozen=True, kw_only=True):
    """`uid` and `gid` are what the source's owner and group appear as; else ranges, each for all."""

    uid: int | None = None
    gid: int | None = None
    uids: tuple[Range, ...] = ()
    gids: tuple[Range, ...] = ()

    def user_ranges(self, owner: int) -> Sequence[Range]:
        """The users' ranges for a source that *owner* owns."""
        return self.uids or exchanged(owner, self.uid)

    def group_ranges(self, group: int) -> Sequence[Range]:
        """The groups' ranges for a source of this group."""
        return self.gids or exchanged(group, self.gid)


def parse_id_map(text: str) -> IDMap:
    """Read `uid=1000;gid=1000` or `uids=0-1000-10#10-2000-5;gids=0-1000-10`."""
    fields: dict[str, int | tuple[Range, ...]] = {}
    for part in text.split(";"):
        key, equals, value = part.partition("=")
        if not equals or key in fields or key not in ("uid", "gid", "uids", "gids"):
            raise InvalidArgument(f"invalid id map: {text}")
        fields[key] = _number(value, text) if key in ("uid", "gid") else _ranges(value, text)
    if ("uid" in fields and "uids" in fields) or ("gid" in fields and "gids" in fields):
        raise InvalidArgument(f"invalid id map: {text}: either one owner or ranges")
    return IDMap(**fields)  # type: ignore[arg-type]


def exchanged(owner: int, seen: int | None) -> Sequence[Range]:
    """All numbers as they are, but *owner* appears as *seen* and the other way round."""
    if seen is None or seen == owner:
        return (Range(0, 0, END),)
    low, high = sorted((owner, seen))
    pieces = (
        Range(0, 0, low),
        Range(low, high, 1),
        Range(low + 1, low + 1, high - low - 1),
        Range(high, low, 1),
        Range(high + 1, high + 1, END - high - 1),
    )
    return tuple(piece for piece in pieces if piece.length)


def _number(text: str, whole: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= END:
        raise InvalidArgument(f"invalid id map: {whole}: {text} is no user or group number")
    return int(text)


def _ranges(text: str, whole: str) -> tuple[Range, ...]:
    ranges = []
    for part in text.split("#"):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise InvalidArgument(
                f"invalid id map: {whole}: a range is DISK-SEEN-LENGTH, not {part!r}"
            )
        one = Range(int(match[1]), int(match[2]), int(match[3]))
        if not one.length or max(one.disk, one.seen) + one.length > END:
            raise InvalidArgument(f"invalid id map: {whole}: {part} is beyond the last number")
        ranges.append(one)
    for side in ("disk", "seen"):
        _refuse_overlaps(sorted((getattr(r, side), r.length) for r in ranges), whole)
    if len(ranges) > _MOST:
        raise InvalidArgument(f"invalid id map: more than {_MOST} ranges")
    return tuple(ranges)


def _refuse_overlaps(spans: Sequence[tuple[int, int]], whole: str) -> None:
    for (start, length), (following, _) in itertools.pairwise(spans):
        if start + length > following:
            raise InvalidArgument(f"invalid id map: {whole}: ranges overlap")
