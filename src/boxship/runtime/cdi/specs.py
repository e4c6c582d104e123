"""Vendors' descriptions of devices: files in the CDI folders, the later folder before the earlier."""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from boxship.errors import InvalidArgument

log = logging.getLogger(__name__)

DEFAULT_DIRECTORIES: Final = ("/etc/cdi", "/var/run/cdi")
_VERSION: Final = re.compile(r"v?[01]\.[0-9]+\.[0-9]+")
_KIND: Final = re.compile(r"[A-Za-z]([\w.-]*[A-Za-z0-9])?/[A-Za-z]([\w-]*[A-Za-z0-9])?")
_NAME: Final = re.compile(r"[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?")
_LARGEST: Final = 16 << 20


class DeviceNode(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A device node to make; what is not said is looked up at the host's."""

    path: str
    host_path: str = ""
    type: str = ""
    major: int = 0
    minor: int = 0
    file_mode: int | None = None
    permissions: str = ""
    uid: int | None = None
    gid: int | None = None


class Mount(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A host path to mount."""

    host_path: str
    container_path: str
    options: tuple[str, ...] = ()
    type: str = ""


class Hook(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A program that the OCI runtime runs at some point of the container's life."""

    hook_name: str
    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout: int | None = None


class Edits(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a device changes of a container."""

    env: tuple[str, ...] | None = None
    device_nodes: tuple[DeviceNode, ...] | None = None
    mounts: tuple[Mount, ...] | None = None
    hooks: tuple[Hook, ...] | None = None
    additional_gids: tuple[int, ...] | None = msgspec.field(default=None, name="additionalGids")
    intel_rdt: dict[str, Any] | None = None


class _Device(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    container_edits: Edits = Edits()


class _Spec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    cdi_version: str
    kind: str
    devices: tuple[_Device, ...]
    container_edits: Edits = Edits()


class Described(msgspec.Struct, frozen=True):
    """A device, and the file that describes it with what is common to all of its devices."""

    path: str
    common: Edits
    edits: Edits


def find_devices(directories: Sequence[str]) -> dict[str, Described]:
    """All devices by their whole name, `vendor/class=name`; faulty files are told in the log."""
    found: dict[str, Described] = {}
    for directory in directories:
        here: dict[str, Described] = {}
        doubled: set[str] = set()
        for path, spec in _specs(directory):
            for device in spec.devices:
                name = f"{spec.kind}={device.name}"
                doubled |= {name} & here.keys()
                here[name] = Described(str(path), spec.container_edits, device.container_edits)
        for name in doubled:
            log.warning("conflicting device %r in %s: it is left out", name, directory)
        found |= {name: each for name, each in here.items() if name not in doubled}
    return found


def list_devices(directories: Sequence[str]) -> list[str]:
    """The whole names of all devices."""
    return sorted(find_devices(directories))


def _specs(directory: str) -> Iterator[tuple[Path, _Spec]]:
    try:
        paths = sorted(Path(directory).iterdir())
    except OSError:  # none of the folders need exist
        return
    for path in paths:
        if path.suffix in (".json", ".yaml") and path.is_file():
            try:
                yield path, read_spec(path)
            except (InvalidArgument, OSError) as error:
                log.warning("CDI file %s is left out: %s", path, error)


def read_spec(path: Path) -> _Spec:
    """One file; raise InvalidArgument for what is no description of devices."""
    if path.stat().st_size > _LARGEST:
        raise InvalidArgument("it is too large")
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        value = msgspec.json.decode(text) if path.suffix == ".json" else _yaml(text)
        spec = msgspec.convert(value, _Spec)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise InvalidArgument(str(error)) from error
    _check(spec)
    return spec


def _yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415 - most hosts have no such file

    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _check(spec: _Spec) -> None:
    if _VERSION.fullmatch(spec.cdi_version) is None:
        raise InvalidArgument(f"invalid version {spec.cdi_version!r}")
    if _KIND.fullmatch(spec.kind) is None:
        raise InvalidArgument(f"invalid kind {spec.kind!r}")
    names = [device.name for device in spec.devices]
    for name in names:
        if _NAME.fullmatch(name) is None:
            raise InvalidArgument(f"invalid device name {name!r}")
    if len(set(names)) != len(names):
        raise InvalidArgument("it describes a device twice")
