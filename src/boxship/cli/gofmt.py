"""Values as Go's fmt package prints them."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Struct(dict):  # type: ignore[type-arg]
    """A JSON object that is a struct in Docker's Go types: it prints as `{a b}`, not `map[…]`."""

    __slots__ = ()


# JSON objects with these names are maps in Docker's types; all others are structs.
MAPS = frozenset(
    [
        "Labels",
        "Ports",
        "PortBindings",
        "Networks",
        "ExposedPorts",
        "Volumes",
        "Options",
        "DriverOpts",
        "Sysctls",
        "Tmpfs",
        "Config",
        "Data",
        "Containers",
        "StorageOpt",
        "Annotations",
        "Attributes",
        "Status",
        "AuxiliaryAddresses",
        "Runtimes",
        "IndexConfigs",
        "GenericResources",
        "Annotation",
        "EndpointsConfig",
        "Details",
    ]
)
_CONFIG_STRUCT_KEYS = ("Cmd", "Env", "WorkingDir")


POINTERS = frozenset(
    [
        "Health",
        "Healthcheck",
        "Init",
        "MemorySwappiness",
        "OomKillDisable",
        "PidsLimit",
        "StopTimeout",
        "GraphDriver",
        "IPAMConfig",
        "RootFS",
        "ImageManifestDescriptor",
        "ConfigFrom",
        "UsageData",
        "ContainerConfig",
        "Descriptor",
        "SizeRw",
        "SizeRootFs",
    ]
)


class NoValue:
    """What a map without the key asked for gives: nothing, which prints as `<no value>`."""

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "<no value>"


NO_VALUE = NoValue()
# fields that the daemon's JSON leaves out when they are empty
OPTIONAL: "dict[str, Any]" = {
    **dict.fromkeys(
        ("Health", "Healthcheck", "Init", "ImageManifestDescriptor", "SizeRw", "SizeRootFs")
    ),
    **dict.fromkeys(("UsageData", "StopTimeout")),
    "Tmpfs": {},
    "Sysctls": {},
    "StorageOpt": {},
    "Annotations": {},
    "ExposedPorts": {},
    **dict.fromkeys(("StopSignal", "MacAddress", "ContainerIDFile"), ""),
    "VirtualSize": 0,
    "Experimental": False,
}


def nil_text(name: str) -> str:
    """How a null field of this name prints: as the nil pointer, map or slice it is in Go."""
    if name in POINTERS:
        return "<nil>"
    return "map[]" if name in MAPS else "[]"


def typed(value: "Any", name: str = "") -> "Any":
    """Mark which objects of a JSON tree are structs, so that they print as Docker prints them."""
    if isinstance(value, dict):
        marked = {key: typed(item, key) for key, item in value.items()}
        is_map = name in MAPS and not any(key in value for key in _CONFIG_STRUCT_KEYS)
        if name in {"ExposedPorts", "Volumes"}:
            marked = {key: Struct(item or {}) for key, item in value.items()}
        return marked if is_map else Struct(marked)
    if isinstance(value, list):
        return [typed(item, "") for item in value]
    return value


def shown(value: "Any") -> str:  # noqa: PLR0911 - a case a type
    """%v."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "<nil>"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, Struct):
        items = (nil_text(k) if v is None else shown(v) for k, v in value.items())
        return "{" + " ".join(items) + "}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{_entry(k, value[k])}" for k in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(shown(item) for item in value) + "]"
    return str(value)


def _entry(key: str, value: "Any") -> str:
    """An item of a map; that of a port is a list, and may be a nil one."""
    return "[]" if value is None and "/" in key else shown(value)


def go_float(value: float) -> str:
    """Shortest form, with an exponent from 1e21 on."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        sign = "-" if exponent.startswith("-") else "+"
        return f"{mantissa}e{sign}{exponent.lstrip('+-').zfill(2)}"
    return text


def quoted(text: str) -> str:
    """%q, as strconv.Quote writes it."""
    out = ['"']
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char.isprintable():
            out.append(char)
        elif char in _SHORT:
            out.append(_SHORT[char])
        elif ord(char) < 0x80:
            out.append(f"\\x{ord(char):02x}")
        elif ord(char) < 0x10000:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(f"\\U{ord(char):08x}")
    return "".join(out) + '"'


_SHORT = {
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\v": "\\v",
}
_TYPES = {str: "string", int: "int", float: "float64", bool: "bool", list: "[]interface {}"}


def type_name(value: object) -> str:
    """The Go type an error message names."""
    if isinstance(value, dict):
        return "map[string]interface {}"
    return _TYPES.get(type(value), type(value).__name__)


def sprintf(template: str, *values: "Any") -> str:
    """Go's Sprintf for the verbs templates use."""
    out = []
    i, used = 0, 0
    while i < len(template):
        char = template[i]
        if char != "%":
            out.append(char)
            i += 1
            continue
        i += 1
        start = i
        while i < len(template) and template[i] in "+-# 0123456789.":
            i += 1
        flags = template[start:i]
        if i == len(template):
            out.append("%!(NOVERB)")
            break
        verb = template[i]
        i += 1
        if verb == "%":
            out.append("%")
        elif used == len(values):
            out.append(f"%!{verb}(MISSING)")
        else:
            out.append(_verb(verb, flags, values[used]))
            used += 1
    if used < len(values):
        extra = ", ".join(f"{type_name(v)}={shown(v)}" for v in values[used:])
        out.append(f"%!(EXTRA {extra})")
    return "".join(out)


def _verb(verb: str, flags: str, value: "Any") -> str:
    width, _, precision = flags.strip("+-# ").partition(".")
    left, zero = "-" in flags, width.startswith("0")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if verb in "vs":
        text = shown(value) if verb == "v" or not number else f"%!s({type_name(value)}={value})"
        if precision and verb == "s":
            text = text[: int(precision)]
    elif verb == "q":
        text = quoted(shown(value))
    elif verb == "t" and isinstance(value, bool):
        text = shown(value)
    elif verb == "d" and number:
        text = f"{value:+d}" if "+" in flags else str(value)
    elif verb in "xXo" and number:
        text = format(value, verb)
    elif verb in "xX" and isinstance(value, str):
        text = value.encode().hex()
        text = text.upper() if verb == "X" else text
    elif verb in "feg" and number:
        text = (
            format(float(value), f".{precision or 6}{verb}")
            if precision or verb != "g"
            else go_float(float(value))
        )
    else:
        return f"%!{verb}({type_name(value)}={shown(value)})"
    size = int(width.lstrip("0") or "0")
    if left:
        return text.ljust(size)
    return text.rjust(size, "0" if zero and number else " ")
