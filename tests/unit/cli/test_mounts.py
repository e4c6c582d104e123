"""`-v` and `--mount` as docker's command line reads them; its answers are in the table."""

from typing import Any

import pytest

from boxship.cli.mounts import parse_mount, split_volumes
from boxship.errors import InvalidArgument

BIND = {"Type": "bind", "Source": "/x", "Target": "/y"}
VOLUME = {"Type": "volume", "Source": "v", "Target": "/y"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type=BIND,SRC=/x,dst=/y", BIND),
        ("type=bind,src=,dst=/y", {"Type": "bind", "Target": "/y"}),
        ("type=bind,src=/x,dst=/y,readonly=0", BIND),
        ("type=bind,src=/x,dst=/y,bind-recursive=enabled", BIND),
        ("type=bind,src=/x,dst=/y,bind-propagation=", {**BIND, "BindOptions": {}}),
        (
            "type=bind,src=/x,dst=/y,ro,bind-recursive=writable",
            {**BIND, "ReadOnly": True, "BindOptions": {"ReadOnlyNonRecursive": True}},
        ),
        (
            "type=bind,src=/x,dst=/y,bind-create-src",
            {**BIND, "BindOptions": {"CreateMountpoint": True}},
        ),
        (
            "type=bind,src=/x,dst=/y,uid=1000,gid=5",
            {**BIND, "BindOptions": {"IDMap": "uid=1000;gid=5"}},
        ),
        (
            "type=bind,src=/x,dst=/y,idmap=uids=0-7-1#5-0-1;gids=0-0-9",
            {**BIND, "BindOptions": {"IDMap": "uids=0-7-1#5-0-1;gids=0-0-9"}},
        ),
        (
            "src=v,dst=/y,volume-nocopy=false",
            {**VOLUME, "VolumeOptions": {"DriverConfig": {}}},
        ),
        ("src=v,dst=/y,volume-label=", {**VOLUME, "VolumeOptions": {"DriverConfig": {}}}),
        (
            "src=v,dst=/y,volume-label=a,volume-opt=b=c=d",
            {
                **VOLUME,
                "VolumeOptions": {"Labels": {"a": ""}, "DriverConfig": {"Options": {"b": "c=d"}}},
            },
        ),
        (
            "type=image,src=i,dst=/y,image-subpath=a",
            {"Type": "image", "Source": "i", "Target": "/y", "ImageOptions": {"Subpath": "a"}},
        ),
        (
            "type=tmpfs,dst=/y,tmpfs-size=1m,tmpfs-mode=0700",
            {
                "Type": "tmpfs",
                "Target": "/y",
                "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o700},
            },
        ),
    ],
)
def test_a_mount(text: str, expected: dict[str, Any]) -> None:
    assert parse_mount(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("dst=/y,tmpfs-mode=-1,type=tmpfs", "invalid value for tmpfs-mode: -1"),
        ("dst=/y,tmpfs-mode=0o7,type=tmpfs", "invalid value for tmpfs-mode: 0o7"),
        ("dst=/y,tmpfs-mode=77777777777,type=tmpfs", "invalid value for tmpfs-mode: 77777777777"),
        ("type=volume,dst=/y,uid=5", "cannot mix 'bind-*' options with mount type 'volume'"),
        ('"type=bind', 'parse error on line 1, column 11: extraneous or missing " in'),
    ],
)
def test_a_mount_that_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        parse_mount(text)
    assert complaint in str(refusal.value)


def test_volumes_with_a_source_are_binds() -> None:
    given = ["/a", "/a:/b:ro", "vol:/c", "a:/b", "é:/d", "x", "/a:/b:uid=1,gid=2"]
    binds, anonymous = split_volumes(given)
    assert binds == ["/a:/b:ro", "vol:/c", "/a:/b:uid=1,gid=2"]
    assert list(anonymous) == ["/a", "a:/b", "é:/d", "x"]  # a lone letter is a drive


def test_sources_that_begin_with_a_dot_are_made_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    binds, _ = split_volumes(["./a:/b", "..a:/b", ".:/c"])
    assert binds == [f"{tmp_path}/a:/b", f"{tmp_path}/..a:/b", f"{tmp_path}:/c"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "invalid empty volume spec"),
        (":/b", "invalid spec: :/b: empty section between colons"),
        ("/a:", "invalid spec: /a:: empty section between colons"),
        ("/a:/b:ro:rw", "invalid spec: /a:/b:ro:rw: too many colons"),
    ],
)
def test_a_volume_that_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        split_volumes([text])
    assert str(refusal.value) == complaint
