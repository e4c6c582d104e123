"""What `uid=`, `gid=` and `idmap=` mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.errors import InvalidArgument
from boxship.model.id_map import END, Range, exchanged, parse_id_map

numbers = st.integers(0, END - 1)


def test_an_owner_is_exchanged_with_the_one_it_appears_as() -> None:
    id_map = parse_id_map("uid=0;gid=1000")
    assert id_map.user_ranges(1000) == (
        Range(0, 1000, 1),
        Range(1, 1, 999),
        Range(1000, 0, 1),
        Range(1001, 1001, END - 1001),
    )
    assert id_map.group_ranges(1000) == (Range(0, 0, END),)


def test_ranges_are_taken_as_they_are() -> None:
    id_map = parse_id_map("uids=0-1000-10#10-2000-5")
    assert id_map.user_ranges(7) == (Range(0, 1000, 10), Range(10, 2000, 5))
    assert id_map.group_ranges(7) == (Range(0, 0, END),)


@pytest.mark.parametrize(
    "text",
    [
        *("", "uid", "uid=", "uid=x", "uid=-1", f"uid={END}", "uid=1;uid=2", "user=1", "uid=1,gid=2"),
        *("uids=", "uids=1-2", "uids=1-2-3-4", "uids=0-0-0", "uids=0-0-5#4-9-1", "uids=0-0-2#5-1-2"),
        *("uid=1;uids=0-0-1", "uids=4294967290-0-6", "uids=a-b-c", "uids=" + "#".join(["0-0-1"] * 400)),
    ],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid id map"):
        parse_id_map(text)


@given(owner=numbers, seen=numbers, other=numbers)
def test_an_exchange_maps_every_number_to_exactly_one(owner: int, seen: int, other: int) -> None:
    ranges = exchanged(owner, seen)
    assert sum(each.length for each in ranges) == END

    def mapped(number: int) -> int:
        (found,) = (r for r in ranges if r.disk <= number < r.disk + r.length)
        return found.seen + number - found.disk

    assert mapped(owner) == seen
    assert mapped(seen) == owner
    assert mapped(mapped(other)) == other
