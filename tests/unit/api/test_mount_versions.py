"""What a `--mount` means to clients of each API version, as Docker Engine 28 told."""

import pytest

from boxship.api.docker.mount_versions import adapted
from boxship.errors import InvalidArgument
from boxship.model.container import HostConfig
from boxship.model.mount import BindOptions, MountRequest, TmpfsOptions, VolumeOptions


def bind(version: tuple[int, int], *, read_only: bool = False, **options: bool) -> BindOptions:
    asked = MountRequest(
        type="bind",
        source="/a",
        target="/b",
        read_only=read_only,
        bind_options=BindOptions(**options),  # type: ignore[arg-type]
    )
    (mount,) = adapted(HostConfig(mounts=(asked,)), version).mounts or ()
    assert mount.bind_options is not None
    return mount.bind_options


def test_read_only_meant_the_top_only_before_1_44() -> None:
    assert bind((1, 43), read_only=True).read_only_non_recursive
    assert not bind((1, 43)).read_only_non_recursive
    assert not bind((1, 44), read_only=True).read_only_non_recursive


def test_older_clients_have_no_newer_options() -> None:
    assert not bind((1, 39), non_recursive=True).non_recursive
    assert bind((1, 40), non_recursive=True).non_recursive
    assert not bind((1, 41), create_mountpoint=True).create_mountpoint
    assert bind((1, 42), create_mountpoint=True).create_mountpoint


@pytest.mark.parametrize(
    ("version", "mount", "text"),
    [
        ((1, 47), MountRequest(type="image"), 'Mount type "Image" needs API v1.48 or newer'),
        (
            (1, 44),
            MountRequest(type="volume", volume_options=VolumeOptions(subpath="a")),
            "VolumeOptions.Subpath needs API v1.45 or newer",
        ),
        (
            (1, 43),
            MountRequest(type="bind", bind_options=BindOptions(read_only_force_recursive=True)),
            "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer",
        ),
        (
            (1, 42),
            MountRequest(type="bind", tmpfs_options=TmpfsOptions()),
            'TmpfsOptions must not be specified on mount type "bind"',
        ),
    ],
)
def test_what_a_version_refuses(version: tuple[int, int], mount: MountRequest, text: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        adapted(HostConfig(mounts=(mount,)), version)
    assert str(refusal.value) == text


def test_options_of_another_kind_were_let_through_before_1_42() -> None:
    mount = MountRequest(type="bind", tmpfs_options=TmpfsOptions())
    host_config = HostConfig(mounts=(mount,))
    assert adapted(host_config, (1, 41)) == host_config
