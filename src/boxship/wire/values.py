"""JSON in and out as Go's encoding/json does it: values of the model on one side, bytes on the other.

Reading matches names in any case, takes null for absent, lets the last of several keys win and refuses
wrong types with Go's words. Plans are made once for each struct, from its type hints.
"""

import functools
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final, TypeVar

import msgspec

from boxship.errors import InvalidArgument
from boxship.wire.names import GO_FIELD_TYPES, GO_TYPES, OMITTED, ORDER, docker_name

T = TypeVar("T", bound=msgspec.Struct)

Convert = Callable[[Any, str], Any]

INT64: Final = range(-(1 << 63), 1 << 63)
INTEGERS: Final = {
    "int": INT64,
    "int64": INT64,
    "time.Duration": INT64,
    "uint": range(1 << 64),
    "uint16": range(1 << 16),
    "uint64": range(1 << 64),
}
"""Go's integers, and what they hold."""
ONE_OR_MANY: Final = frozenset({"cmd", "entrypoint", "shell"})
"""Fields where Docker takes a string for a list of one."""

_PHRASES: Final = (
    ("trailing comma in object", "looking for beginning of object key string"),
    ("object keys must be strings", "looking for beginning of object key string"),
    ("expected ':'", "after object key"),
    ("expected ',' or '}'", "after object key:value pair"),
    ("expected ',' or ']'", "after array element"),
)

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder()


# -- reading


def parse(data: bytes) -> Any:
    """JSON text → Python objects, or InvalidArgument in Go's words."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise InvalidArgument(_syntax_error(str(error), data)) from None
    except UnicodeDecodeError:
        return parse(data.decode("utf-8", "replace").encode())  # as Go takes it
    except RecursionError:
        raise InvalidArgument("invalid JSON: exceeded max depth") from None


def _syntax_error(message: str, data: bytes) -> str:
    if "trailing characters" in message:
        return "unexpected content after JSON"
    if "truncated" in message:
        return "invalid JSON: unexpected EOF"
    _, found, position = message.rpartition("(byte ")
    if not found:
        return f"invalid JSON: {message}"
    index = int(position.removesuffix(")"))
    if index >= len(data):
        return "invalid JSON: unexpected EOF"
    character = chr(data[index])
    phrase = next(
        (go for ours, go in _PHRASES if ours in message), "looking for beginning of value"
    )
    return f"invalid JSON: invalid character {_quoted(character)} {phrase}"


def _quoted(character: str) -> str:
    if character == "'":
        return r"'\''"
    return repr(character)


def decode(cls: type[T], value: Any, path: str = "") -> T:
    """A JSON object as a value of the model."""
    return cls(**fields(cls, value, path))


def fields(cls: type[msgspec.Struct], value: Any, path: str = "") -> dict[str, Any]:
    """The fields that a JSON object sets; null sets nothing."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise mismatch(value, path, GO_TYPES.get(cls.__name__, cls.__name__))
    plan = _reading_plan(cls)
    found: dict[str, Any] = {}
    for key, item in value.items():
        step = plan.get(key) or plan.get(_fold(key))
        if step is not None and item is not None:
            found[step[0]] = step[2](item, f"{path}.{step[1]}")
    return found


def object_of(value: Any, path: str = "", go_type: str = "struct") -> dict[str, Any]:
    """A JSON object with its keys folded, for bodies that are no value of the model."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise mismatch(value, path, go_type)
    return {_fold(key): item for key, item in value.items()}


def string_map(value: Any, path: str) -> dict[str, str] | None:
    """A JSON object of strings."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise mismatch(value, path, "map[string]string")
    return {key: _string(item or "", f"{path}.{key}") for key, item in value.items()}


def _fold(key: str) -> str:
    """Go folds the Kelvin sign and the long s as well: casefold knows them too."""
    return key.casefold()


@functools.cache
def _reading_plan(cls: type[msgspec.Struct]) -> dict[str, tuple[str, str, Convert]]:
    hints = typing.get_type_hints(cls)
    plan: dict[str, tuple[str, str, Convert]] = {}
    for field in cls.__struct_fields__:
        name = docker_name(field)
        convert = _converter(hints[field], GO_FIELD_TYPES.get(field, ""))
        if field in ONE_OR_MANY:
            convert = _one_or_many(convert)
        plan[name] = plan[_fold(name)] = (field, name, convert)
    return plan


def _converter(hint: Any, go_type: str = "") -> Convert:
    """How a field is read; *go_type* is what Docker calls its type, if the hint does not tell."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _converter(next(a for a in arguments if a is not type(None)), go_type)
    if origin is tuple:
        length = None if arguments[-1] is ... else len(arguments)
        return _sequence(_converter(arguments[0], go_type), length, hint, go_type)
    if origin is dict:
        optional = type(None) in typing.get_args(arguments[1])
        return _mapping(_converter(arguments[1]), hint, go_type, optional=optional)
    if hint is int:
        return _integer(go_type or "int64")
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return lambda value, path: decode(hint, value, path)
    return {str: _string, bool: _boolean}[hint]


def _string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise mismatch(value, path, "string")
    return value


def _integer(go_type: str) -> Convert:
    allowed = INTEGERS[go_type]

    def integer(value: Any, path: str) -> int:
        if type(value) is not int or value not in allowed:
            raise mismatch(value, path, go_type)
        return value

    return integer


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise mismatch(value, path, "bool")
    return value


def _sequence(convert: Convert, length: int | None, hint: Any, item_type: str) -> Convert:
    item_type = item_type or _go_type(typing.get_args(hint)[0])
    go_type = f"[{length or ''}]{item_type}"

    def sequence(value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise mismatch(value, path, go_type)
        items = tuple(convert(item, path) for item in value if item is not None)
        if length is None:
            return items
        return (*items, *(0,) * length)[:length]  # a Go array: missing elements are zero

    return sequence


def _mapping(convert: Convert, hint: Any, named: str, *, optional: bool) -> Convert:
    go_type = "map[string]" + _go_type(typing.get_args(hint)[1])

    def mapping(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise mismatch(value, path, named or go_type)
        empty = None if optional else _EMPTY[go_type.removeprefix("map[string]")[:3]]
        return {
            key: (empty() if empty else None) if item is None else convert(item, f"{path}.{key}")
            for key, item in value.items()
        }

    return mapping


_EMPTY: Final[dict[str, Callable[[], Any]]] = {"str": str, "map": dict, "[]s": tuple}


def _one_or_many(convert: Convert) -> Convert:
    def one_or_many(value: Any, path: str) -> Any:
        try:
            return convert([value] if isinstance(value, str) else value, path)
        except InvalidArgument:
            raise mismatch(value, "", "string") from None  # what Docker tries last

    return one_or_many


def _go_type(hint: Any) -> str:
    if hint in (str, int, bool):
        return {str: "string", int: "int64", bool: "bool"}[hint]
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case typing.Union | types.UnionType:
            return _go_type(next(a for a in arguments if a is not type(None)))
        case builtin if builtin is tuple:
            return "[]" + _go_type(arguments[0])
        case builtin if builtin is dict:
            return "map[string]" + _go_type(arguments[1])
    name = getattr(hint, "__name__", str(hint))
    return GO_TYPES.get(name, name)


def mismatch(value: Any, path: str, go_type: str) -> InvalidArgument:
    """What Go says of a value of another type than its field."""
    kind = {str: "string", bool: "bool", list: "array", dict: "object"}.get(type(value), "number")
    if kind == "number" and go_type in INTEGERS:
        kind = f"number {value}"
    where = f"Go struct field {path}" if path else "Go value"
    return InvalidArgument(
        f"invalid JSON: json: cannot unmarshal {kind} into {where} of type {go_type}"
    )


# -- writing


class _Omit(Enum):
    NEVER = auto()
    EMPTY = auto()
    NONE = auto()


def encode(value: msgspec.Struct) -> dict[str, Any]:
    """A value of the model with Docker's names, ready for JSON."""
    result: dict[str, Any] = {}
    for field, name, omit, nested in _writing_plan(type(value)):
        item = getattr(value, field)
        if (omit is _Omit.EMPTY and not item) or (omit is _Omit.NONE and item is None):
            continue
        result[name] = _encode_item(item) if nested else item
    return result


def _encode_item(item: Any) -> Any:
    """Maps have their keys in order, as Go writes them."""
    if isinstance(item, msgspec.Struct):
        return encode(item)
    if isinstance(item, tuple):
        return [_encode_item(one) for one in item]
    if isinstance(item, Mapping):
        return {key: _encode_item(one) for key, one in sorted(item.items())}
    return item


@functools.cache
def _writing_plan(cls: type[msgspec.Struct]) -> tuple[tuple[str, str, "_Omit", bool], ...]:
    hints = typing.get_type_hints(cls)
    omitted = OMITTED.get(cls, frozenset())
    return tuple(
        (
            field,
            docker_name(field),
            _omission(hints[field]) if field in omitted else _Omit.NEVER,
            _is_nested(hints[field]),
        )
        for field in ORDER.get(cls, cls.__struct_fields__)
    )


def _omission(hint: Any) -> "_Omit":
    """Go's omitempty: a pointer (`bool | None`) is left out when it is nil, not when it points to zero."""
    is_pointer = type(None) in typing.get_args(hint) and {bool, int} & {*typing.get_args(hint)}
    return _Omit.NONE if is_pointer else _Omit.EMPTY


def _is_nested(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return True
    if typing.get_origin(hint) is dict:
        return True
    return any(_is_nested(argument) for argument in typing.get_args(hint))


def dump(value: Any) -> bytes:
    """JSON text with the newline that Go's encoder ends with."""
    return _encoder.encode(value) + b"\n"
