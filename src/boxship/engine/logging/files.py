"""Which files a container's log is kept in: json-file, local, and the cache beside drivers that send. Pure."""

from pathlib import Path
from typing import Final

from boxship.engine.logging.info import LogInfo, extra_attributes
from boxship.engine.logging.tags import parse_tag
from boxship.engine.logging.values import binary_size, boolean, decimal_size, integer
from boxship.errors import Internal, InvalidArgument
from boxship.store.logs.json_file import JSONFileCodec
from boxship.store.logs.local_file import LocalCodec
from boxship.store.logs.records import Codec
from boxship.store.logs.rotation import LogFileSpec

DEFAULT_BYTES: Final = 10 << 20  # of json-file, where Docker has no limit
DEFAULT_FILES: Final = 5
_LOCAL_BYTES: Final = 20 << 20
_UNLIMITED: Final = "-1"


def json_path(directory: Path) -> Path:
    """Where json-file writes; programs that collect logs know this name."""
    return directory / f"{directory.name}-json.log"


def file_spec(driver: str, directory: Path, info: LogInfo) -> LogFileSpec | None:
    """Where the log is kept to be read back; None for nowhere. Raises in Docker's words."""
    options = info.options
    if driver == "none":
        return None
    if driver == "json-file":
        return _json_file(directory, info)
    if driver == "local":
        path = directory / "local-logs" / "container.log"
        return _local(path, {key: options.get(key) for key in ("max-size", "max-file", "compress")})
    if boolean(options.get("cache-disabled") or "false"):
        return None
    return _cache(directory / "container-cached.log", info)


def codec(driver: str, attributes: dict[str, str]) -> Codec:
    """The format of that file."""
    return JSONFileCodec(attributes) if driver == "json-file" else LocalCodec()


def attributes(driver: str, info: LogInfo) -> dict[str, str]:
    """What json-file puts beside every entry."""
    if driver != "json-file":
        return {}
    found = extra_attributes(info)
    if info.options.get("tag", ""):
        found["tag"] = parse_tag(info)
    return found


def _json_file(directory: Path, info: LogInfo) -> LogFileSpec:
    options = info.options
    size_text, files_text = options.get("max-size"), options.get("max-file")
    unlimited = size_text == _UNLIMITED
    try:
        size = 0 if size_text is None or unlimited else decimal_size(size_text)
        files = integer(files_text) if files_text is not None else 1
        compress = boolean(options["compress"]) if "compress" in options else None
    except InvalidArgument as error:
        raise Internal(str(error)) from error
    if size_text is not None and not unlimited and size <= 0:
        raise Internal("max-size must be a positive number")
    if files < 1:
        raise Internal("max-file cannot be less than 1")
    if compress and (files == 1 or not size):
        raise Internal(
            "compress cannot be true when max-file is less than 2 or max-size is not set"
        )
    if size_text is None:  # ours: no log fills the disk
        files = files if files_text is not None else DEFAULT_FILES
        size, compress = DEFAULT_BYTES, files > 1 if compress is None else compress
    return LogFileSpec(
        path=json_path(directory), max_bytes=size, max_files=files, compress=bool(compress)
    )


def _local(path: Path, options: dict[str, str | None]) -> LogFileSpec:
    size, files, compress = _LOCAL_BYTES, DEFAULT_FILES, True
    if (text := options["max-size"]) is not None and text != _UNLIMITED:
        try:
            size = binary_size(text)
        except InvalidArgument as error:
            raise InvalidArgument(f"invalid value for max-size: {text}: {error}") from error
    elif text == _UNLIMITED:
        size = 0
    if (text := options["max-file"]) is not None:
        try:
            files = integer(text)
        except InvalidArgument as error:
            raise InvalidArgument(f"invalid value for max-file: {text}: {error}") from error
    if (text := options["compress"]) is not None:
        try:
            compress = boolean(text)
        except InvalidArgument as error:
            raise InvalidArgument(f"error reading compress log option: {error}") from error
    if files < 2 and compress:
        raise InvalidArgument("compression cannot be enabled when max file count is 1")
    return LogFileSpec(path=path, max_bytes=size, max_files=max(files, 1), compress=compress)


def _cache(path: Path, info: LogInfo) -> LogFileSpec | None:
    names = ("max-size", "max-file", "compress")
    try:
        return _local(path, {name: info.options.get(f"cache-{name}") for name in names})
    except InvalidArgument:
        # Docker goes on without a cache, and says so in its own log
        return _local(path, dict.fromkeys(names))
