"""The kinds of values that flags and daemon.json have: each is read from text and from JSON."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from boxship.engine.config import AddressPool, RuntimeConfig
from boxship.errors import InvalidArgument
from boxship.http.listeners import parse_address
from boxship.model.container import Ulimit
from boxship.wire.times import parse_size

TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


class Kind(NamedTuple):
    """How one flag's text becomes a value, how values of one flag join, how JSON becomes a value."""

    read: Callable[[str], Any]
    load: Callable[[Any, str], Any]
    join: Callable[[Any, Any], Any] | None = None  # None: the last one counts


def _mismatch(value: Any, name: str, go_type: str) -> InvalidArgument:
    kind = {str: "string", bool: "bool", list: "array", dict: "object"}.get(type(value), "number")
    return InvalidArgument(
        f"invalid JSON: json: cannot unmarshal {kind} into Go struct field Config.{name} of type {go_type}"
    )


def _typed(expected: type, go_type: str) -> Callable[[Any, str], Any]:
    def load(value: Any, name: str) -> Any:
        if type(value) is not expected:
            raise _mismatch(value, name, go_type)
        return value

    return load


def _read_bool(text: str) -> bool:
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise InvalidArgument(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _read_integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise InvalidArgument(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _read_ip(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise InvalidArgument(f"invalid string being converted to IP address: {text}") from None
    return text


def _load_ip(value: Any, name: str) -> str:
    text: str = _typed(str, "net.IP")(value, name)
    try:
        return text and _read_ip(text)
    except InvalidArgument:
        raise InvalidArgument(f"invalid JSON: invalid IP address: {text}") from None


def _load_bytes(value: Any, name: str) -> int:
    if type(value) is int:
        return value
    try:
        return parse_size(_typed(str, "int64")(value, name))
    except InvalidArgument as error:
        if "Go struct" in str(error):
            raise
        raise InvalidArgument(f"invalid JSON: {error}") from None


def _load_list(item: Callable[[Any, str], Any], go_type: str) -> Callable[[Any, str], Any]:
    def load(value: Any, name: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _mismatch(value, name, go_type)
        return tuple(item(one, name) for one in value)

    return load


def _load_map(item: Callable[[Any, str], Any], go_type: str) -> Callable[[Any, str], Any]:
    def load(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mismatch(value, name, go_type)
        return {key: item(one, f"{name}.{key}") for key, one in value.items()}

    return load


def _append(old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*old, *new)


def _update(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {**old, **new}


def _merge_maps(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {**old, **{name: {**old.get(name, {}), **values} for name, values in new.items()}}


def _read_label(text: str) -> tuple[str, ...]:
    check_label(text)
    return (text,)


def check_label(text: str) -> None:
    """Raise unless *text* is `key=value`."""
    if "=" not in text or text.startswith("="):
        raise InvalidArgument(f"bad attribute format: {text}")


def _read_host(text: str) -> tuple[str, ...]:
    kind, separator, _ = text.strip().partition("://")
    if separator and kind not in ("unix", "tcp", "fd"):
        raise InvalidArgument(f"invalid bind address ({text}): unsupported proto '{kind}'")
    parse_address(text, default_socket="/", tls=False)
    return (text.strip(),)


def _read_pair(text: str) -> dict[str, str]:
    key, _, value = text.partition("=")
    return {key: value}


def _read_feature(text: str) -> dict[str, bool]:
    key, equals, value = text.partition("=")
    return {key: _read_bool(value) if equals else True}


def _read_network_opt(text: str) -> dict[str, dict[str, str]]:
    driver, equals, option = text.partition("=")
    key, separator, value = option.partition("=")
    if not equals or not separator:
        raise InvalidArgument(f"invalid value format: {text} must be driver=key=value")
    return {driver: {key: value}}


def _read_runtime(text: str) -> dict[str, RuntimeConfig]:
    name, equals, path = (part.strip() for part in text.partition("="))
    if not equals or not name or not path:
        raise InvalidArgument(f"invalid runtime argument: {text}")
    return {name.lower(): RuntimeConfig(path=path)}


def _load_runtime(value: Any, name: str) -> RuntimeConfig:
    given = _load_map(lambda item, _: item, "system.Runtime")(value, name)
    path = _typed(str, "string")(given.get("path", ""), f"{name}.path")
    kind = _typed(str, "string")(given.get("runtimeType", ""), f"{name}.runtimeType")
    arguments = _load_list(_typed(str, "string"), "[]string")(
        given.get("runtimeArgs") or [], f"{name}.runtimeArgs"
    )
    options = given.get("options")
    return RuntimeConfig(path=path, args=arguments, type=kind, options=options)


def _read_ulimit(text: str) -> dict[str, Ulimit]:
    name, equals, limits = text.partition("=")
    soft, _, hard = limits.partition(":")
    if not equals or not name:
        raise InvalidArgument(f"invalid ulimit argument: {text}")
    values = [_read_integer(part) for part in ((soft, hard) if hard else (soft,))]
    if len(values) == 2 and values[1] != -1 and (values[0] == -1 or values[0] > values[1]):
        raise InvalidArgument(
            f"ulimit soft limit must be less than or equal to hard limit: {values[0]} > {values[1]}"
        )
    return {name: Ulimit(name=name, soft=values[0], hard=values[-1])}


def _load_ulimit(value: Any, name: str) -> Ulimit:
    given = _load_map(lambda item, _: item, "units.Ulimit")(value, name)
    folded = {key.lower(): item for key, item in given.items()}
    number = _typed(int, "int64")
    return Ulimit(
        name=_typed(str, "string")(folded.get("name", name.rpartition(".")[2]), f"{name}.Name"),
        soft=number(folded.get("soft", 0), f"{name}.Soft"),
        hard=number(folded.get("hard", 0), f"{name}.Hard"),
    )


def _read_pool(text: str) -> tuple[AddressPool, ...]:
    fields: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals:
            raise InvalidArgument(f"invalid field '{part}' must be a key=value pair")
        if key.lower() not in ("base", "size"):
            raise InvalidArgument(f"unexpected key '{key}' in '{part}'")
        fields[key.lower()] = value
    if not fields.get("size", "").isdigit():
        raise InvalidArgument(f"invalid size value: {fields.get('size', '')} (must be integer)")
    return (_pool(fields.get("base", ""), int(fields["size"])),)


def _load_pool(value: Any, name: str) -> AddressPool:
    given = _load_map(lambda item, _: item, "ipamutils.NetworkToSplit")(value, name)
    base = _typed(str, "string")(given.get("base", ""), f"{name}.base")
    return _pool(base, _typed(int, "int")(given.get("size", 0), f"{name}.size"))


def _pool(base: str, size: int) -> AddressPool:
    try:
        network = ipaddress.ip_network(base, strict=False)
    except ValueError:
        raise InvalidArgument(f'invalid base pool "{base}": invalid CIDR address') from None
    if not network.prefixlen <= size <= network.max_prefixlen:
        raise InvalidArgument(f"invalid pools size: {size}")
    return AddressPool(base=str(network), size=size)


_string: Final = _typed(str, "string")

BOOL: Final = Kind(_read_bool, _typed(bool, "bool"))
INTEGER: Final = Kind(_read_integer, _typed(int, "int"))
STRING: Final = Kind(str, _string)
IP: Final = Kind(_read_ip, _load_ip)
BYTES: Final = Kind(parse_size, _load_bytes)
LIST: Final = Kind(lambda text: (text,), _load_list(_string, "[]string"), _append)
LABEL_LIST: Final = Kind(_read_label, _load_list(_string, "[]string"), _append)
HOST_LIST: Final = Kind(_read_host, _load_list(_string, "[]string"), _append)
IP_LIST: Final = Kind(lambda text: (_read_ip(text),), _load_list(_load_ip, "[]net.IP"), _append)
MAP: Final = Kind(_read_pair, _load_map(_string, "map[string]string"), _update)
MAPMAP: Final = Kind(
    _read_network_opt,
    _load_map(_load_map(_string, "map[string]string"), "map[string]map[string]string"),
    _merge_maps,
)
FEATURE: Final = Kind(_read_feature, _load_map(_typed(bool, "bool"), "map[string]bool"), _update)
RUNTIME: Final = Kind(_read_runtime, _load_map(_load_runtime, "map[string]system.Runtime"), _update)
ULIMIT: Final = Kind(_read_ulimit, _load_map(_load_ulimit, "map[string]*units.Ulimit"), _update)
POOL: Final = Kind(_read_pool, _load_list(_load_pool, "[]*ipamutils.NetworkToSplit"), _append)
ANYTHING: Final = Kind(str, lambda value, _: value)


def show(value: Any) -> str:
    """A value as Go prints it in messages about conflicts."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{' '.join(show(item) for item in value)}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{show(item)}' for key, item in sorted(value.items()))}]"
    return str(value)
