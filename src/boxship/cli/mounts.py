"""`-v` and `--mount`: what goes into Binds, Volumes and Mounts."""

import os
import sys
import time

from boxship.cli.flags import parse_bool
from boxship.cli.validators import fields_of
from boxship.cli.values import parse_size
from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BARE = {
    "readonly": ("ReadOnly",),
    "ro": ("ReadOnly",),
    "volume-nocopy": ("VolumeOptions", "NoCopy"),
    "bind-nonrecursive": ("BindOptions", "NonRecursive"),
    "bind-create-src": ("BindOptions", "CreateMountpoint"),
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


_ID_MAP = ("uid", "gid", "idmap")


def _mount_field(mount: "dict[str, Any]", key: str, value: str, field: str) -> None:
    if key in _PLAIN:
        _put(mount, _PLAIN[key], value)
    elif key in _ID_MAP:
        _id_map(mount, value if key == "idmap" else f"{key}={value}")
    elif key in _LOWER:
        _put(mount, _LOWER[key], value.lower())
    elif key in {"source", "src"}:
        relative = value in {".", ".."} or value.startswith(("./", "../"))
        mount["Source"] = os.path.abspath(value) if relative else value
    elif key in _SWITCHES:
        try:
            _put(mount, _SWITCHES[key], parse_bool(value))
        except ValueError:
            raise ValueError(f"invalid value for {key}: {value}") from None
        if key == "bind-nonrecursive":
            _warn("bind-nonrecursive is deprecated, use bind-recursive=disabled instead")
    elif key in _PAIRS:
        name, _, setting = value.partition("=")
        mount.setdefault("VolumeOptions", {})
        if name:
            _put(mount, (*_PAIRS[key], name), setting)
    elif key == "bind-recursive":
        _recursive(mount, value)
    elif key in {"tmpfs-size", "tmpfs-mode"}:
        _tmpfs(mount, key, value)
    else:
        raise ValueError(f"unexpected key '{key}' in '{field}'")


def _id_map(mount: "dict[str, Any]", part: str) -> None:
    """Ours: owners in the container other than on the disk."""
    options = mount.setdefault("BindOptions", {})
    options["IDMap"] = f"{options['IDMap']};{part}" if "IDMap" in options else part


def _warn(text: str) -> None:
    """As docker's logger does."""
    if sys.stderr.isatty():
        sys.stderr.write(f"WARN[0000] {text}\n")
    else:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stderr.write(f'time="{moment}" level=warning msg="{text}"\n')


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
    for name in settings[value]:
        _put(mount, ("BindOptions", name), value=True)


_MOST_MODE = 0xFFFFFFFF


def _octal(text: str) -> int:
    """An unsigned number of 32 bits."""
    if not text.isdigit() or int(text, 8) > _MOST_MODE:
        raise ValueError(text)
    return int(text, 8)


def _tmpfs(mount: "dict[str, Any]", key: str, value: str) -> None:
    try:
        if key == "tmpfs-size":
            _put(mount, ("TmpfsOptions", "SizeBytes"), parse_size(value))
        else:
            _put(mount, ("TmpfsOptions", "Mode"), _octal(value))
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
    return _without_empty(mount)


def _without_empty(document: "dict[str, Any]") -> "dict[str, Any]":
    """As Go writes it: fields that are false or empty are left out, objects stay."""
    kept: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            kept[key] = value if key in {"Labels", "Options"} else _without_empty(value)
        elif value or key == "Type":
            kept[key] = value
    return kept


def split_volumes(volumes: "list[str]") -> "tuple[list[str], dict[str, Any]]":
    """-v values: those with a source are Binds, a bare path is an anonymous volume."""
    binds: list[str] = []
    anonymous: dict[str, Any] = {}
    for text in dict.fromkeys(volumes):
        source = _source(text)
        if not source:
            anonymous[text] = {}
        elif source.startswith(".") and ":" in text:
            host, _, rest = text.partition(":")
            binds.append(f"{os.path.abspath(host)}:{rest}")
        else:
            binds.append(text)
    return binds, anonymous


_SECTIONS = 3


def _source(text: str) -> str:
    """The first part of a `-v` with several; InvalidArgument in docker's words for a wrong one."""
    if not text:
        raise InvalidArgument("invalid empty volume spec")
    if len(text.encode(errors="surrogateescape")) < _SECTIONS:
        return ""
    sections = _sections(text)
    if not all(sections):
        raise InvalidArgument(f"invalid spec: {text}: empty section between colons")
    if len(sections) > _SECTIONS:
        raise InvalidArgument(f"invalid spec: {text}: too many colons")
    return sections[0] if len(sections) > 1 else ""


def _sections(text: str) -> "list[str]":
    """Split at colons; docker takes a lone letter before one for a drive, on every system."""
    sections = [""]
    for character in text:
        if character == ":" and not (len(sections[-1]) == 1 and sections[-1].isalpha()):
            sections.append("")
        else:
            sections[-1] += character
    return sections
