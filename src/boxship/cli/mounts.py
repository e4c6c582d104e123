"""`-v` and `--mount`: what goes into Binds, Volumes and Mounts."""

import os

from boxship.cli.flags import parse_bool
from boxship.cli.validators import fields_of
from boxship.cli.values import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BARE = {
    "readonly": ("ReadOnly",),
    "ro": ("ReadOnly",),
    "volume-nocopy": ("VolumeOptions", "NoCopy"),
    "bind-nonrecursive": ("BindOptions", "NonRecursive"),
}
_OPTION_OWNERS = (
    ("VolumeOptions", "volume", "volume"),
    ("ImageOptions", "image", "image"),
    ("BindOptions", "bind", "bind"),
    ("TmpfsOptions", "tmpfs", "tmpfs"),
)


def parse_mount(text: str) -> "dict[str, Any]":
    """One --mount as the API's JSON; ValueError in Docker's words."""
    mount: dict[str, Any] = {"Type": "volume"}
    for field in fields_of(text):
        key, equals, value = field.partition("=")
        if not equals:
            if key not in _BARE:
                raise ValueError(f"invalid field '{field}' must be a key=value pair")
            _put(mount, _BARE[key], value=True)
            continue
        _mount_field(mount, key.lower(), value, field)
    return _checked(mount)


def _put(mount: "dict[str, Any]", path: "tuple[str, ...]", value: "Any") -> None:
    for name in path[:-1]:
        mount = mount.setdefault(name, {})
    mount[path[-1]] = value


_PLAIN = {
    "target": ("Target",),
    "dst": ("Target",),
    "destination": ("Target",),
    "volume-driver": ("VolumeOptions", "DriverConfig", "Name"),
    "volume-subpath": ("VolumeOptions", "Subpath"),
    "image-subpath": ("ImageOptions", "Subpath"),
}
_LOWER = {
    "type": ("Type",),
    "consistency": ("Consistency",),
    "bind-propagation": ("BindOptions", "Propagation"),
}
_SWITCHES = {
    "readonly": ("ReadOnly",),
    "ro": ("ReadOnly",),
    "volume-nocopy": ("VolumeOptions", "NoCopy"),
    "bind-nonrecursive": ("BindOptions", "NonRecursive"),
    "bind-create-src": ("BindOptions", "CreateMountpoint"),
}
_PAIRS = {
    "volume-label": ("VolumeOptions", "Labels"),
    "volume-opt": ("VolumeOptions", "DriverConfig", "Options"),
}


def _mount_field(mount: "dict[str, Any]", key: str, value: str, field: str) -> None:
    if key in _PLAIN:
        _put(mount, _PLAIN[key], value)
    elif key in _LOWER:
        _put(mount, _LOWER[key], value.lower())
    elif key in {"source", "src"}:
        mount["Source"] = (
            os.path.abspath(value) if value == "." or value.startswith("./") else value
        )
    elif key in _SWITCHES:
        try:
            _put(mount, _SWITCHES[key], parse_bool(value))
        except ValueError:
            raise ValueError(f"invalid value for {key}: {value}") from None
    elif key in _PAIRS:
        name, _, setting = value.partition("=")
        if name:
            _put(mount, (*_PAIRS[key], name), setting)
    elif key == "bind-recursive":
        _recursive(mount, value)
    elif key in {"tmpfs-size", "tmpfs-mode"}:
        _tmpfs(mount, key, value)
    else:
        raise ValueError(f"unexpected key '{key}' in '{field}'")


def _recursive(mount: "dict[str, Any]", value: str) -> None:
    settings = {
        "enabled": (),
        "disabled": ("NonRecursive",),
        "writable": ("ReadOnlyNonRecursive",),
        "readonly": ("ReadOnlyForceRecursive",),
    }
    if value not in settings:
        raise ValueError(
            f'invalid value for bind-recursive: {value} (must be "enabled", "disabled", '
            '"writable", or "readonly")'
        )
    mount.setdefault("BindOptions", {})
    for name in settings[value]:
        mount["BindOptions"][name] = True


def _tmpfs(mount: "dict[str, Any]", key: str, value: str) -> None:
    try:
        if key == "tmpfs-size":
            _put(mount, ("TmpfsOptions", "SizeBytes"), parse_size(value))
        else:
            _put(mount, ("TmpfsOptions", "Mode"), int(value, 8))
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _checked(mount: "dict[str, Any]") -> "dict[str, Any]":
    if not mount["Type"]:
        raise ValueError("type is required")
    if not mount.get("Target"):
        raise ValueError("target is required")
    for options, prefix, owner in _OPTION_OWNERS:
        if options in mount and mount["Type"] != owner:
            raise ValueError(f"cannot mix '{prefix}-*' options with mount type '{mount['Type']}'")
    if "VolumeOptions" in mount:
        mount["VolumeOptions"].setdefault("DriverConfig", {})
    recursive = mount.get("BindOptions", {})
    if recursive.get("ReadOnlyNonRecursive") and not mount.get("ReadOnly"):
        raise ValueError(
            "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction"
        )
    if recursive.get("ReadOnlyForceRecursive"):
        if not mount.get("ReadOnly"):
            raise ValueError(
                "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction"
            )
        if recursive.get("Propagation") != "rprivate":
            raise ValueError(
                "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction"
            )
    if mount.get("ReadOnly") is False:
        del mount["ReadOnly"]
    return mount


def split_volumes(volumes: "list[str]") -> "tuple[list[str], dict[str, Any]]":
    """-v values: those with a source are Binds, a bare path is an anonymous volume."""
    binds: list[str] = []
    anonymous: dict[str, Any] = {}
    for text in dict.fromkeys(volumes):
        if ":" not in text:
            anonymous[text] = {}
            continue
        source, rest = text.split(":", 1)
        if source:
            binds.append(f"{_absolute(source)}:{rest}")
        else:
            anonymous[text] = {}
    return binds, anonymous


def _absolute(source: str) -> str:
    if source.startswith(".") and (source in {".", ".."} or source.startswith(("./", "../"))):
        return os.path.abspath(source)
    return source
