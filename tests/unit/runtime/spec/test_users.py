import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.errors import InvalidArgument
from boxship.runtime.spec.users import LARGEST, Identity, resolve

PASSWD = (
    b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n12:x:77:88::/:/bin/sh\n"
)
GROUP = b"root:x:0:\napp:x:1001:\nwheel:x:10:app,root\nextra:x:2000:app\n99:x:5000:\n"


@pytest.mark.parametrize(
    ("user", "group_add", "identity"),
    [
        ("", (), Identity(0, 0, (0, 10))),  # root is a member of wheel
        ("root", (), Identity(0, 0, (0, 10))),
        ("app", (), Identity(1000, 1001, (1001, 10, 2000))),
        ("1000", (), Identity(1000, 1001, (1001, 10, 2000))),
        ("app:wheel", (), Identity(1000, 10, (10,))),
        ("app:55", ("extra",), Identity(1000, 55, (55, 2000))),
        ("4000", (), Identity(4000, 0, (0,), known=False)),
        ("4000:4001", ("5", "wheel"), Identity(4000, 4001, (4001, 5, 10), known=False)),
        ("12", (), Identity(77, 88, (88,))),  # a name that looks like a number is a name first
        ("0:99", (), Identity(0, 5000, (5000,))),
        ("app", ("wheel", "wheel"), Identity(1000, 1001, (1001, 10, 2000))),
        (str(LARGEST), (), Identity(LARGEST, 0, (0,), known=False)),
    ],
)
def test_names_and_numbers_are_found(
    user: str, group_add: tuple[str, ...], identity: Identity
) -> None:
    found = resolve(user, group_add, PASSWD, GROUP)
    assert (found.uid, found.gid, found.additional_gids) == (
        identity.uid,
        identity.gid,
        identity.additional_gids,
    )


def test_without_account_files_root_is_root() -> None:
    found = resolve("", (), b"", b"")
    assert (found.uid, found.gid, found.additional_gids) == (0, 0, (0,))


@pytest.mark.parametrize(
    ("user", "group_add", "text"),
    [
        ("foo", (), "unable to find user foo: no matching entries in passwd file"),
        ("app:foo", (), "unable to find group foo: no matching entries in group file"),
        ("app", ("foo",), "unable to find group foo: no matching entries in group file"),
        ("4294967296", (), "uids and gids must be in range 0-2147483647"),
        ("2147483648", (), "uids and gids must be in range 0-2147483647"),
        ("-1", (), "uids and gids must be in range 0-2147483647"),
        ("0:4294967296", (), "uids and gids must be in range 0-2147483647"),
        ("9" * 5000, (), "uids and gids must be in range 0-2147483647"),
        ("app", ("2147483648",), "uids and gids must be in range 0-2147483647"),
    ],
)
def test_what_is_not_there_is_refused(user: str, group_add: tuple[str, ...], text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        resolve(user, group_add, PASSWD, GROUP)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    "line",
    [b"evil:x:4294967296:0::/:/bin/sh", b"evil:x:-1:0::/:/bin/sh", b"evil:x:0x0:0::/:/bin/sh"],
)
def test_an_account_with_an_impossible_number_never_stands_for_root(line: bytes) -> None:
    with pytest.raises(InvalidArgument, match="unable to find user evil"):
        resolve("evil", (), line, b"")


@given(user=st.text(max_size=30), passwd=st.binary(max_size=300), group=st.binary(max_size=300))
def test_no_file_can_break_the_look_up(user: str, passwd: bytes, group: bytes) -> None:
    try:
        identity = resolve(user, (), passwd, group)
    except InvalidArgument:
        return
    assert 0 <= identity.uid <= LARGEST
    assert all(0 <= gid <= LARGEST for gid in (identity.gid, *identity.additional_gids))
