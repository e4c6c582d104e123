"""Checks of `run` and `create` flags while they are parsed; each raises ValueError in Docker's words."""

from boxship.cli.values import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SYSCTLS = frozenset(
    [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ]
)
_ULIMITS = frozenset(
    [
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ]
)
_SPACES = " \t\n\v\f\r"
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


def attach(text: str) -> str:
    """--attach."""
    if text.lower() not in {"stdin", "stdout", "stderr"}:
        raise ValueError("valid streams are STDIN, STDOUT and STDERR")
    return text.lower()


def env(text: str) -> str:
    """--env: `NAME` alone takes the value from our environment, if it has one."""
    name, equals, _ = text.partition("=")
    if not name:
        raise ValueError(f"invalid environment variable: {text}")
    if equals:
        return text
    from os import environ

    return f"{text}={environ[text]}" if text in environ else text


def label(text: str) -> str:
    """--label."""
    name = text.partition("=")[0].lstrip(_SPACES)
    if not name:
        raise ValueError(f"invalid label '{text}': empty name")
    if any(char in _SPACES for char in name):
        raise ValueError(f"label '{name}' contains whitespaces")
    return text


def ip_address(text: str) -> str:
    """--dns: an address in its usual form."""
    from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton

    for family in (AF_INET, AF_INET6):
        try:
            return inet_ntop(family, inet_pton(family, text.strip()))
        except (OSError, ValueError):
            continue
    raise ValueError(f"IP address is not correctly formatted: {text}")


def dns_search(text: str) -> str:
    """--dns-search."""
    domain = text.strip(" ")
    if domain == ".":
        return domain
    parts = domain.rstrip(" \t").removesuffix(".").split(".")
    good = all(
        part and set(part) <= _LABEL and part[0] != "-" and part[-1] != "-" for part in parts
    )
    if not good or not any(char.isalpha() for char in domain) or len(domain) > 254:
        raise ValueError(f"{domain} is not a valid domain")
    return ".".join(parts)


def extra_host(text: str) -> str:
    """--add-host: `name:ip` or `name=ip`, the address perhaps in brackets."""
    separators = [text.find(char) for char in "=:" if char in text]
    if not separators or not text[: min(separators)]:
        raise ValueError(f'bad format for add-host: "{text}"')
    at = text.find("=") if "=" in text else text.find(":")
    name, address = text[:at], text[at + 1 :]
    if not name:
        raise ValueError(f'bad format for add-host: "{text}"')
    if address != "host-gateway":
        bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        try:
            address = ip_address(bare)
        except ValueError:
            raise ValueError(f'invalid IP address in add-host: "{address}"') from None
    return f"{name}:{address}"


def link(text: str) -> str:
    """--link."""
    if not text:
        raise ValueError("empty string specified for links")
    if text.count(":") > 1:
        raise ValueError(f"bad format for links: {text}")
    return text


def sysctl(text: str) -> str:
    """--sysctl: only what belongs to a container's own namespaces."""
    name, equals, _ = text.partition("=")
    if equals and name and (name in _SYSCTLS or name.startswith(("net.", "fs.mqueue."))):
        return text
    raise ValueError(f"sysctl '{text}' is not allowed")


def device_cgroup_rule(text: str) -> str:
    """--device-cgroup-rule: `c 1:3 rwm`."""
    parts = text.split(" ")
    if len(parts) == 3:
        kind, numbers, access = parts
        major, colon, minor = numbers.partition(":")
        numeric = all(n == "*" or (n.isascii() and n.isdigit()) for n in (major, minor))
        if kind in {"a", "c", "b"} and colon and numeric and _access(access):
            return text
    raise ValueError(f"invalid device cgroup format '{text}'")


def _access(text: str) -> bool:
    return 1 <= len(text) <= 3 and set(text) <= set("rwm")


def ulimit(text: str) -> "dict[str, Any]":
    """--ulimit: `nofile=1024:2048`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"invalid ulimit argument: {text}")
    if name not in _ULIMITS:
        raise ValueError(f"invalid ulimit type: {name}")
    parts = value.split(":")
    if len(parts) > 2:
        raise ValueError(
            f"too many limit value arguments - {value}, can only have up to two, `soft[:hard]`"
        )
    numbers = []
    for part in parts:
        try:
            numbers.append(int(part))
        except ValueError:
            raise ValueError(f'strconv.ParseInt: parsing "{part}": invalid syntax') from None
    soft, hard = numbers[0], numbers[-1]
    if hard != -1:
        if soft == -1:
            raise ValueError(
                f"ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: {hard}"
            )
        if soft > hard:
            raise ValueError(
                f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
            )
    return {"Name": name, "Hard": hard, "Soft": soft}


def throttle_bps(text: str) -> "dict[str, Any]":
    """--device-read-bps: `/dev/sda:1mb`."""
    path, rate = _device_value(text)
    try:
        value = parse_size(rate)
    except ValueError:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]."
            " Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        ) from None
    return {"Path": path, "Rate": value}


def throttle_iops(text: str) -> "dict[str, Any]":
    """--device-read-iops: `/dev/sda:1000`."""
    path, rate = _device_value(text)
    if not (rate.isascii() and rate.isdigit()):
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>."
            " Number must be a positive integer"
        )
    return {"Path": path, "Rate": int(rate)}


def weight_device(text: str) -> "dict[str, Any]":
    """--blkio-weight-device: `/dev/sda:500`."""
    path, weight = _device_value(text)
    if not (weight.isascii() and weight.isdigit()):
        raise ValueError(f"invalid weight for device: {text}")
    value = int(weight)
    if value > 0 and not 10 <= value <= 1000:
        raise ValueError(f"invalid weight for device: {text}")
    return {"Path": path, "Weight": value}


def _device_value(text: str) -> "tuple[str, str]":
    path, colon, value = text.partition(":")
    if not colon or not value:
        raise ValueError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise ValueError(f"bad format for device path: {text}")
    return path, value


def gpus(text: str) -> "dict[str, Any]":
    """--gpus: `all`, a count, or `device=0,capabilities=gpu`."""
    request: dict[str, Any] = {
        "Driver": "",
        "Count": 0,
        "DeviceIDs": None,
        "Capabilities": [],
        "Options": {},
    }
    seen = set()
    for field in fields_of(text):
        key, equals, value = field.partition("=")
        if key in seen:
            raise ValueError(f"gpu request key '{key}' can be specified only once")
        seen.add(key)
        if not equals:
            seen.add("count")
            request["Count"] = _gpu_count(key)
        elif key == "driver":
            request["Driver"] = value
        elif key == "count":
            request["Count"] = _gpu_count(value)
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "capabilities":
            request["Capabilities"] = [[*value.split(","), "gpu"]]
        elif key == "options":
            for option in fields_of(value):
                name, _, setting = option.partition("=")
                request["Options"][name] = setting
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")
    if "count" not in seen and request["DeviceIDs"] is None:
        request["Count"] = 1
    if not request["Capabilities"]:
        request["Capabilities"] = [["gpu"]]
    return request


def _gpu_count(text: str) -> int:
    if text == "all":
        return -1
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f'invalid count ({text}): value must be either "all" or an integer: invalid syntax'
        ) from None


def fields_of(text: str) -> "list[str]":
    """One line of comma-separated values, quoted where they hold commas."""
    if '"' not in text:
        if not text:
            raise ValueError("EOF")
        return text.split(",")
    import csv

    try:
        return next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration):
        raise ValueError(
            f"parse error on line 1, column {len(text.encode(errors='surrogateescape')) + 1}: "
            'extraneous or missing " in quoted-field'
        ) from None
