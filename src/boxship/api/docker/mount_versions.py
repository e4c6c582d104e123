"""What a `--mount` means to clients of each API version. Pure."""

import msgspec

from boxship.api.docker.versions import Version
from boxship.errors import InvalidArgument
from boxship.model.container import HostConfig
from boxship.model.mount import BindOptions, MountRequest

_OWN_OPTIONS = (
    ("BindOptions", "bind_options", "bind"),
    ("VolumeOptions", "volume_options", "volume"),
    ("TmpfsOptions", "tmpfs_options", "tmpfs"),
)


def adapted(host_config: HostConfig, version: Version) -> HostConfig:
    """The HostConfig as a client of *version* meant it; raise for what that version does not have."""
    if not host_config.mounts:
        return host_config
    mounts = tuple(_adapted(mount, version) for mount in host_config.mounts)
    return msgspec.structs.replace(host_config, mounts=mounts)


def _adapted(mount: MountRequest, version: Version) -> MountRequest:
    if version < (1, 48) and mount.type == "image":
        raise InvalidArgument('Mount type "Image" needs API v1.48 or newer')
    if version < (1, 45) and mount.volume_options and mount.volume_options.subpath:
        raise InvalidArgument("VolumeOptions.Subpath needs API v1.45 or newer")
    if version >= (1, 42):
        for name, field, kind in _OWN_OPTIONS:
            if getattr(mount, field) is not None and mount.type != kind:
                raise InvalidArgument(f'{name} must not be specified on mount type "{mount.type}"')
    if mount.bind_options is None:
        return mount
    options = _bind_options(mount.bind_options, version, read_only=mount.read_only)
    return msgspec.structs.replace(mount, bind_options=options)


def _bind_options(options: BindOptions, version: Version, *, read_only: bool) -> BindOptions:
    changes: dict[str, bool] = {}
    if version < (1, 44):
        if options.read_only_force_recursive:
            raise InvalidArgument("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer")
        if read_only:  # what read-only meant then
            changes["read_only_non_recursive"] = True
    if version < (1, 42):
        changes["create_mountpoint"] = False
    if version < (1, 40):
        changes["non_recursive"] = False
    return msgspec.structs.replace(options, **changes)
