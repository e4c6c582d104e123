"""From the command line and daemon.json to one checked configuration."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from boxship.daemon import kinds
from boxship.daemon.flags import FLAGS
from boxship.daemon.kinds import ANYTHING, STRING, Kind, check_label, show
from boxship.engine.config import BRIDGE, EngineConfig
from boxship.errors import InvalidArgument
from boxship.wire.values import parse as parse_json

LOG_LEVELS: Final = ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic")

FILE_ONLY: Final[dict[str, Kind]] = {
    "builder": ANYTHING,
    "proxies": kinds.MAP,
    "log-level": STRING,
    "network-diagnostic-port": kinds.INTEGER,
}

IGNORED: Final = frozenset({"builder", "network-diagnostic-port"})

REMOVED: Final = {
    "api-cors-header": 'DEPRECATED: The "api-cors-header" config parameter and the dockerd '
    '"--api-cors-header" option have been removed; use a reverse proxy if you need CORS headers',
    "graph": 'The "graph" option is deprecated: use "data-root"',
}

UNSUPPORTED: Final = ("authorization-plugins", "userns-remap", "selinux-enabled", "rootless")
"""Protections we do not have: starting as if we had them would be worse than not starting."""

_KINDS: Final = {flag.setting: flag.kind for flag in FLAGS if flag.key != ""} | FILE_ONLY
_DEFAULTS: Final = {flag.setting: flag.default for flag in FLAGS if flag.default is not None}


class DaemonConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon itself needs; the rest is the engine's. None: not said."""

    engine: EngineConfig
    hosts: tuple[str, ...] = ()
    group: str | None = None
    pidfile: Path = Path("/run/boxship.pid")
    config_file: Path = Path("/etc/boxship/daemon.json")
    debug: bool = False
    log_level: str = "info"
    log_format: str = "text"
    tls: bool | None = None
    tlsverify: bool | None = None
    tlscacert: str = ""
    tlscert: str = ""
    tlskey: str = ""
    given: dict[str, Any] = {}  # what was set, by its name in daemon.json

    @property
    def default_socket(self) -> str:
        """Where we listen when nobody says where."""
        return f"{self.engine.exec_root}/boxship.sock"


def load(flags: Mapping[str, Any]) -> DaemonConfig:
    """Join flags and file; raise InvalidArgument in dockerd's words."""
    path = Path(flags.get("config-file", _DEFAULTS["config-file"]))
    try:
        from_file = _read_file(path, required="config-file" in flags)
        _check_conflicts(flags, from_file)
        settings = {**from_file, **flags}
        if "proxies" in flags or "proxies" in from_file:
            settings["proxies"] = from_file.get("proxies", {})
        try:
            _check(settings)
        except InvalidArgument as error:
            if not from_file:
                raise
            raise InvalidArgument(
                f"merged configuration validation from file and command line flags failed: {error}"
            ) from None
    except InvalidArgument as error:
        if not path.exists() and "config-file" not in flags:
            raise
        raise InvalidArgument(
            f"unable to configure the Docker daemon with file {path}: {error}"
        ) from None
    return _build(settings, path)


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if required:
            raise InvalidArgument(f"open {path}: no such file or directory") from None
        return {}
    except OSError as error:
        raise InvalidArgument(f"open {path}: {error.strerror}") from None
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        return {}
    document = parse_json(data)
    if not isinstance(document, dict):
        kind = "array" if isinstance(document, list) else type(document).__name__
        raise InvalidArgument(
            f"invalid JSON: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )
    for name in document:
        if name in REMOVED:
            raise InvalidArgument(REMOVED[name])
    unknown = [name for name in document if name not in _KINDS]
    if unknown:
        raise InvalidArgument(
            "the following directives don't match any configuration option: " + ", ".join(unknown)
        )
    return {
        name: _KINDS[name].load(value, name)
        for name, value in document.items()
        if value is not None
    }


def _check_conflicts(flags: Mapping[str, Any], from_file: Mapping[str, Any]) -> None:
    proxies = from_file.get("proxies", {})
    on_file = {**from_file, **{f"proxies.{name}": value for name, value in proxies.items()}}
    conflicts = [
        f"{name}: (from flag: {show(flags[name])}, from file: {show(on_file[name])})"
        for name in flags
        if name in on_file and name not in ("runtimes", "default-ulimits", "features")
    ]
    if conflicts:
        raise InvalidArgument(
            "the following directives are specified both as a flag and in the configuration file: "
            + ", ".join(conflicts)
        )


def _check(settings: Mapping[str, Any]) -> None:
    if (level := settings.get("log-level", "info")) not in LOG_LEVELS:
        raise InvalidArgument(f"invalid logging level: {level}")
    if (form := settings.get("log-format", "text")) not in ("text", "json"):
        raise InvalidArgument(f"invalid log format: {form}")
    _check_labels(settings.get("labels", ()))
    if (mtu := settings.get("mtu", 0)) < 0:
        raise InvalidArgument(f"invalid default MTU: {mtu}")
    for name in ("max-concurrent-downloads", "max-concurrent-uploads"):
        if (number := settings.get(name, 1)) < 0:
            raise InvalidArgument(f"invalid {name.replace('-', ' ')}: {number}")
    if (attempts := settings.get("max-download-attempts", 1)) <= 0:
        raise InvalidArgument(f"invalid max download attempts: {attempts}")
    for mirror in settings.get("registry-mirrors", ()):
        _check_mirror(mirror)
    for option in settings.get("exec-opts", ()):
        _check_exec_opt(option)
    _check_choice(settings, "default-cgroupns-mode", "cgroup namespace", ("", "host", "private"))
    _check_choice(settings, "default-ipc-mode", "IPC", ("private", "shareable"))
    _check_networks(settings)


def _check_labels(labels: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    for label in labels:
        check_label(label)
        key, _, value = label.partition("=")
        if seen.setdefault(key, value) != value:
            raise InvalidArgument(f"conflict labels for {key}={value} and {key}={seen[key]}")


def _check_mirror(mirror: str) -> None:
    scheme, separator, rest = mirror.partition("://")
    if not separator:
        raise InvalidArgument(
            f"invalid mirror: no scheme specified for \"{mirror}\": must use either 'https://' or 'http://'"
        )
    if scheme not in ("http", "https") or not rest:
        raise InvalidArgument(f'invalid mirror: unsupported scheme "{scheme}" in "{mirror}"')


def _check_exec_opt(option: str) -> None:
    key, equals, value = option.partition("=")
    if not equals:
        raise InvalidArgument(f"invalid exec-opt ({option}): must be formatted 'opt=value'")
    if key.lower() != "native.cgroupdriver":
        raise InvalidArgument(f"invalid exec-opt ({option}): unknown option: '{key}'")
    if value not in ("", "cgroupfs", "systemd"):
        raise InvalidArgument(f"native.cgroupdriver option {value} not supported")


def _check_choice(
    settings: Mapping[str, Any], name: str, what: str, allowed: tuple[str, ...]
) -> None:
    if (value := settings.get(name, allowed[0])) not in allowed:
        raise InvalidArgument(f"invalid default {what} mode ({value}): use one of {allowed}")


def _check_networks(settings: Mapping[str, Any]) -> None:
    for name in ("bip", "bip6", "fixed-cidr", "fixed-cidr-v6"):
        if text := settings.get(name, ""):
            try:
                ipaddress.ip_interface(text)
            except ValueError:
                raise InvalidArgument(f"invalid CIDR address for {name}: {text}") from None


def _build(settings: Mapping[str, Any], path: Path) -> DaemonConfig:
    for name in UNSUPPORTED:
        if settings.get(name):
            raise InvalidArgument(f"{name} is not supported by this engine")
    tlsverify = settings.get("tlsverify")
    return DaemonConfig(
        engine=_engine(settings),
        hosts=settings.get("hosts", ()),
        group=settings.get("group"),
        pidfile=Path(settings.get("pidfile", _DEFAULTS["pidfile"])),
        config_file=path,
        debug=settings.get("debug", False),
        log_level=settings.get("log-level", "info"),
        log_format=settings.get("log-format", "text"),
        tls=True if tlsverify else settings.get("tls"),
        tlsverify=tlsverify,
        tlscacert=settings.get("tlscacert", ""),
        tlscert=settings.get("tlscert", ""),
        tlskey=settings.get("tlskey", ""),
        given=dict(settings),
    )


def _engine(settings: Mapping[str, Any]) -> EngineConfig:
    values: dict[str, Any] = {}
    for field in EngineConfig.__struct_fields__:
        value = settings.get(field.replace("_", "-"))
        if value is not None:
            values[field] = value
    for name in ("data_root", "exec_root"):
        if name in values:
            values[name] = Path(values[name]).absolute()
    if "default_ulimits" in values:
        values["default_ulimits"] = tuple(values["default_ulimits"].values())
    if bridge := settings.get("bridge"):
        values |= {"bridge": bridge, "bridge_is_ours": bridge == BRIDGE}
    for option in settings.get("exec-opts", ()):
        values["cgroup_driver"] = option.partition("=")[2]
    proxies = settings.get("proxies", {})
    for name in ("http-proxy", "https-proxy", "no-proxy"):
        if value := settings.get(f"proxies.{name}") or proxies.get(name):
            values[name.replace("-", "_")] = value
    values["live_restore"] = True
    return EngineConfig(**values)


def unused(config: DaemonConfig) -> list[str]:
    """Settings that were accepted and mean nothing here, for the log."""
    return sorted(set(config.given) & (IGNORED | _NO_EFFECT))


_NO_EFFECT: Final = frozenset(
    {"containerd", "cpu-rt-period", "cpu-rt-runtime", "cri-containerd", "experimental"}
    | {"metrics-addr"}
    | {"network-control-plane-mtu", "nri-opts", "swarm-default-advertise-addr"}
)
