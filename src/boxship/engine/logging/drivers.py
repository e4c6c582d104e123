"""Which log drivers there are, and what Docker refuses of them when a container is created. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

from boxship.engine.logging import fluentd, gelf, journald, syslog
from boxship.engine.logging.info import LogInfo
from boxship.engine.logging.sinks import Sink
from boxship.engine.logging.values import binary_size, boolean
from boxship.errors import InvalidArgument

Check = Callable[[Mapping[str, str]], None]

DRIVERS: Final = ("fluentd", "gelf", "journald", "json-file", "local", "syslog")
"""As `docker info` lists them; `none` is no driver."""

SINKS: Final[Mapping[str, Callable[[LogInfo], Sink]]] = {
    "fluentd": fluentd.Fluentd,
    "gelf": gelf.Gelf,
    "journald": journald.Journald,
    "syslog": syslog.Syslog,
}
_JSON_FILE: Final = frozenset(
    "max-file max-size compress labels labels-regex env env-regex tag".split()  # noqa: SIM905 - words
)
_LOCAL: Final = frozenset(("max-file", "max-size", "compress"))
_ANY: Final = frozenset(
    "mode max-buffer-size cache-disabled cache-max-size cache-max-file cache-compress".split()  # noqa: SIM905 - words
)
_MODES: Final = ("", "blocking", "non-blocking")


def _check_json_file(options: Mapping[str, str]) -> None:
    for key in sorted(options):
        if key not in _JSON_FILE:
            raise InvalidArgument(f"unknown log opt '{key}' for json-file log driver")


def _check_local(options: Mapping[str, str]) -> None:
    for key in sorted(options):
        if key not in _LOCAL:
            raise InvalidArgument(f"unknown log opt '{key}' for log driver local")


_CHECKS: Final[Mapping[str, Check]] = {
    "fluentd": fluentd.check,
    "gelf": gelf.check,
    "journald": journald.check,
    "json-file": _check_json_file,
    "local": _check_local,
    "syslog": syslog.check,
}


def check_log_config(driver: str, options: Mapping[str, str]) -> None:
    """Raise InvalidArgument for drivers and options that do not exist, in Docker's words."""
    if driver == "none":
        return
    mode = options.get("mode", "")
    if mode not in _MODES:
        raise InvalidArgument(f"logger: logging mode not supported: {mode}")
    if "max-buffer-size" in options:
        if mode != "non-blocking":
            raise InvalidArgument(
                "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
            )
        try:
            binary_size(options["max-buffer-size"])
        except InvalidArgument as error:
            raise InvalidArgument(f"error parsing option max-buffer-size: {error}") from error
    check = _CHECKS.get(driver)
    if check is None:
        raise InvalidArgument(
            f'error looking up logging plugin {driver}: plugin "{driver}" not found'
        )
    disabled = options.get("cache-disabled", "")
    try:
        boolean(disabled or "false")
    except InvalidArgument as error:
        raise InvalidArgument(f"invalid value for option cache-disabled: {disabled}") from error
    check({key: value for key, value in options.items() if key not in _ANY})
