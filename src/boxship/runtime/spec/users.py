"""Whom a process runs as: USER and --group-add, resolved against the container's own passwd and group.

As moby/sys/user does for Docker: names first, then numbers; a number needs no entry. Pure; the files'
bytes come from whoever holds the root file system.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from boxship.errors import InvalidArgument

LARGEST: Final = (1 << 31) - 1


class Identity(msgspec.Struct, frozen=True):
    """Numbers of a process's user and groups; `known` when the accounts have an entry of the user."""

    uid: int = 0
    gid: int = 0
    additional_gids: tuple[int, ...] = ()
    known: bool = True


class _Passwd(msgspec.Struct, frozen=True):
    name: str
    uid: int
    gid: int


class _Group(msgspec.Struct, frozen=True):
    name: str
    gid: int
    members: tuple[str, ...]


def resolve(user: str, group_add: Sequence[str], passwd: bytes, group: bytes) -> Identity:
    """The identity of `user[:group]` with --group-add; raise in Docker's words."""
    user_part, _, group_part = user.partition(":")
    groups = list(_groups(group))
    entry = _find_user(user_part, passwd)
    uid = entry.uid if entry is not None else _number_or_missing(user_part)
    gid = entry.gid if entry is not None else 0
    additional: tuple[int, ...] = ()
    if group_part:
        gid = _find_group(group_part, groups)
    elif entry is not None:
        additional = tuple(each.gid for each in groups if entry.name in each.members)
    # Docker runs the process with its own group among the additional ones (CVE-2022-2989)
    wanted = [gid, *additional, *(_find_group(each, groups) for each in group_add)]
    return Identity(uid, gid, tuple(dict.fromkeys(wanted)), known=entry is not None)


def _find_user(user: str, passwd: bytes) -> _Passwd | None:
    entries = list(_users(passwd))
    if not user:  # no USER: root, by its entry when there is one
        return next((each for each in entries if each.uid == 0), _Passwd("root", 0, 0))
    by_name = next((each for each in entries if each.name == user), None)
    if by_name is not None or not _is_number(user):
        return by_name
    number = _in_range(user)
    return next((each for each in entries if each.uid == number), None)


def _number_or_missing(user: str) -> int:
    if not _is_number(user):
        raise InvalidArgument(f"unable to find user {user}: no matching entries in passwd file")
    return _in_range(user)


def _find_group(name: str, groups: Sequence[_Group]) -> int:
    for each in groups:
        if each.name == name:
            return each.gid
    if not _is_number(name):
        raise InvalidArgument(f"unable to find group {name}: no matching entries in group file")
    return _in_range(name)


def _in_range(text: str) -> int:
    number = int(text) if len(text) <= 20 else LARGEST + 1
    if not 0 <= number <= LARGEST:
        raise InvalidArgument("uids and gids must be in range 0-2147483647")
    return number


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isascii() and text.removeprefix("-").isdecimal()


def _users(passwd: bytes) -> Iterator[_Passwd]:
    for fields in _lines(passwd, 4):
        if _is_id(fields[2]) and _is_id(fields[3]):
            yield _Passwd(fields[0], int(fields[2]), int(fields[3]))


def _groups(group: bytes) -> Iterator[_Group]:
    for fields in _lines(group, 3):
        if _is_id(fields[2]):
            members = fields[3].split(",") if len(fields) > 3 else []
            yield _Group(fields[0], int(fields[2]), tuple(members))


def _lines(text: bytes, least: int) -> Iterator[list[str]]:
    for line in text.decode("utf-8", "replace").splitlines():
        fields = line.strip().split(":")
        if len(fields) >= least and fields[0] and not line.startswith("#"):
            yield fields


def _is_id(text: str) -> bool:
    # an entry with an ID out of range (CVE-2024-40635) must never come to stand for root
    return text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= LARGEST
