import pytest

from boxship.linux.cgroups.systemd import is_slice, slice_path


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("system.slice", "/system.slice"),
        ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"),
        ("-.slice", ""),
    ],
)
def test_dashes_in_a_slice_are_levels(name: str, path: str) -> None:
    assert slice_path(name) == path


@pytest.mark.parametrize(
    ("name", "expected"), [("x.slice", True), (".slice", False), ("/x", False), ("slice", False)]
)
def test_what_is_a_slice(name: str, expected: bool) -> None:
    assert is_slice(name) is expected
