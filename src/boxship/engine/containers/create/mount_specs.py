"""Mounts as requests spell them (`-v`, `--mount`, `--volumes-from`) → mount points. Pure but for one stat."""

import posixpath
from pathlib import Path
from typing import Final

import msgspec

from boxship.errors import Internal, InvalidArgument
from boxship.model.id_map import parse_id_map
from boxship.model.mount import (
    BindOptions,
    MountPoint,
    MountRequest,
    TmpfsOptions,
    VolumeDriver,
    VolumeOptions,
)

PROPAGATIONS: Final = ("private", "rprivate", "slave", "rslave", "shared", "rshared")
_WORD_GROUPS: Final = (
    ("rw", "ro"),
    ("z", "Z"),
    PROPAGATIONS,
    ("nocopy",),
    ("consistent", "cached", "delegated"),
)
_TMPFS_WORDS: Final = ("exec", "noexec")


def check_destination(path: str) -> None:
    """Raise InvalidArgument unless something may be mounted there."""
    if posixpath.normpath(path.replace("\\", "/")) in ("/", "//"):
        raise InvalidArgument("invalid specification: destination can't be '/'")
    if not path.replace("\\", "/").startswith("/"):
        raise InvalidArgument(f"invalid mount path: '{path}' mount path must be absolute")


def check_request(request: MountRequest, *, source_must_exist: bool = True) -> None:
    """Raise InvalidArgument for a `--mount` that Docker refuses."""
    try:
        _check_request(request, source_must_exist=source_must_exist)
    except InvalidArgument as error:
        raise InvalidArgument(f'invalid mount config for type "{request.type}": {error}') from error


def parse_request(request: MountRequest) -> MountPoint:
    """The mount point of a `--mount`; a volume still lacks its source."""
    destination = posixpath.normpath(request.target)
    common = {"destination": destination, "read_only": request.read_only, "spec": request}
    match request.type:
        case "bind":
            options = request.bind_options or BindOptions()
            return MountPoint(
                type="bind",
                source=posixpath.normpath(request.source),
                propagation=options.propagation or "rprivate",
                recursive=not options.non_recursive,
                id_map=options.id_map,
                **common,  # type: ignore[arg-type]
            )
        case "tmpfs":
            return MountPoint(
                type="tmpfs",
                tmpfs_options=tmpfs_options(request.tmpfs_options, read_only=request.read_only),
                **common,  # type: ignore[arg-type]
            )
        case "image":
            image = request.image_options
            common["read_only"] = True
            return MountPoint(
                type="image",
                name=request.source,
                propagation="rprivate",
                subpath=image.subpath if image else "",
                **common,  # type: ignore[arg-type]
            )
        case _:
            volume = request.volume_options or VolumeOptions()
            driver = volume.driver_config or VolumeDriver()
            return MountPoint(
                type="volume",
                name=request.source,
                driver=driver.name or "local",
                mode="z",
                no_copy=volume.no_copy,
                subpath=volume.subpath,
                **common,  # type: ignore[arg-type]
            )


def parse_bind(text: str, volume_driver: str = "") -> MountPoint:
    """The mount point of a `-v source:target:mode`; raises what Docker does, 500 included."""
    parts = text.split(":", 3)
    invalid = Internal(f"invalid volume specification: '{text}'")
    mode = source = ""
    if parts[0] == "" or len(parts) == 4:
        raise invalid
    if len(parts) == 1:
        target = parts[0]
    else:
        source, target = parts[:2]
        if len(parts) == 2 and is_mode(target):
            raise invalid
        mode = parts[2] if len(parts) == 3 else ""
    words = mode.split(",") if mode else []
    plain = [word for word in words if not word.startswith(_ID_MAP_WORDS)]
    if not is_mode(",".join(plain)):
        raise Internal(f"invalid mode: {mode}")
    propagation = next((word for word in words if word in PROPAGATIONS), "")
    id_map = ";".join(_id_map_part(word) for word in words if word not in plain)
    is_bind = source.startswith("/")
    has_volume_options = "nocopy" in words or (volume_driver and not is_bind)
    request = MountRequest(
        type="bind" if is_bind else "volume",
        source=source,
        target=target,
        read_only="ro" in words,
        bind_options=BindOptions(propagation=propagation, create_mountpoint=is_bind, id_map=id_map)
        if is_bind or propagation or id_map
        else None,
        volume_options=VolumeOptions(
            no_copy="nocopy" in words,
            driver_config=VolumeDriver(name=volume_driver) if volume_driver else None,
        )
        if has_volume_options
        else None,
    )
    try:
        check_request(request, source_must_exist=False)
    except InvalidArgument as error:
        raise Internal(f"{invalid}: {error}") from error
    point = parse_request(request)
    # "z" is what Docker shows for a named volume without a mode
    return msgspec.structs.replace(point, mode=mode or ("" if is_bind else "z"))


def _id_map_part(word: str) -> str:
    return word.removeprefix("idmap=")


def parse_volumes_from(text: str) -> tuple[str, str]:
    """The container's name and the mode of a `--volumes-from`."""
    if not text:
        raise InvalidArgument("volumes-from specification cannot be an empty string")
    name, _, mode = text.partition(":")
    words = mode.split(",")
    if not is_mode(mode) or "nocopy" in words or any(word in PROPAGATIONS for word in words):
        raise InvalidArgument(f"invalid mode: {mode}")
    return name, mode


def is_mode(text: str) -> bool:
    """True for the third part of a `-v`: at most one word of each group."""
    if not text:
        return True
    words = text.split(",")
    return all(any(word in group for group in _WORD_GROUPS) for word in words) and all(
        sum(word in group for word in words) <= 1 for group in _WORD_GROUPS
    )


def tmpfs_options(options: TmpfsOptions | None, *, read_only: bool) -> tuple[str, ...]:
    """What mount(8) takes for a tmpfs."""
    words = ["ro"] if read_only else []
    if options is not None:
        if options.mode:
            words.append(f"mode={options.mode:o}")
        if options.size_bytes:
            words.append(f"size={_with_unit(options.size_bytes)}")
        for option in options.options or ():
            if not 1 <= len(option) <= 2:
                raise InvalidArgument("invalid option array length")
            if option[0] not in _TMPFS_WORDS:
                raise InvalidArgument(f"invalid option: {option[0]}")
            words.append("=".join(option))
    return tuple(words)


_TYPES: Final = frozenset({"bind", "volume", "tmpfs", "image"})
_FOREIGN_OPTIONS: Final = {
    "bind": ("volume_options", "image_options"),
    "volume": ("bind_options", "image_options"),
    "tmpfs": ("bind_options", "image_options"),
    "image": ("bind_options", "volume_options"),
}
_ID_MAP_WORDS: Final = ("uid=", "gid=", "idmap=")


def _check_request(request: MountRequest, *, source_must_exist: bool) -> None:
    if not request.target:
        raise InvalidArgument("field Target must not be empty")
    check_destination(request.target)
    if request.type not in _TYPES:
        raise InvalidArgument("mount type unknown")
    if request.type in ("bind", "image") and not request.source:
        raise InvalidArgument("field Source must not be empty")
    if request.type == "tmpfs" and request.source:
        raise InvalidArgument("field Source must not be specified")
    for field in _FOREIGN_OPTIONS[request.type]:
        if getattr(request, field) is not None:
            name = "".join(word.capitalize() for word in field.split("_"))
            raise InvalidArgument(f"field {name} must not be specified")
    if request.type == "bind":
        _check_bind(request, source_must_exist=source_must_exist)
    elif request.type == "volume":
        _check_volume(request)
    elif request.type == "image":
        _check_subpath(request.image_options.subpath if request.image_options else "")
    else:
        tmpfs_options(request.tmpfs_options, read_only=request.read_only)


def _check_bind(request: MountRequest, *, source_must_exist: bool) -> None:
    options = request.bind_options or BindOptions()
    if options.propagation and options.propagation not in PROPAGATIONS:
        raise InvalidArgument(f"invalid propagation mode: {options.propagation}")
    if not request.source.startswith("/"):
        raise InvalidArgument(f"invalid mount path: '{request.source}' mount path must be absolute")
    if options.id_map:
        parse_id_map(options.id_map)
    if source_must_exist and not options.create_mountpoint and not Path(request.source).exists():
        raise InvalidArgument(f"bind source path does not exist: {request.source}")


def _check_volume(request: MountRequest) -> None:
    subpath = request.volume_options.subpath if request.volume_options else ""
    if subpath and not request.source:
        raise InvalidArgument("must not set Subpath when using anonymous volumes")
    _check_subpath(subpath)
    if request.read_only and not request.source:
        raise InvalidArgument("must not set ReadOnly mode when using anonymous volumes")


def _check_subpath(subpath: str) -> None:
    if subpath and not _is_local(subpath):
        raise InvalidArgument("subpath must be a relative path within the volume")


def _is_local(path: str) -> bool:
    clean = posixpath.normpath(path)
    return not clean.startswith("/") and clean != ".." and not clean.startswith("../")


def _with_unit(size: int) -> str:
    for unit, shift in (("g", 30), ("m", 20), ("k", 10)):
        if size % (1 << shift) == 0:
            return f"{size >> shift}{unit}"
    return str(size)
