"""Device nodes in a container and the rules of its device cgroup. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from boxship.errors import InvalidArgument
from boxship.linux.devices import Device
from boxship.model.container import DeviceMapping, HostConfig

# zero, null, urandom, random, tty, console; the runtimes add ptmx, pts and mknod themselves
_ALLOWED: Final = ((1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1))
_RULE: Final = re.compile(r"([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})")
Found = Mapping[str, Sequence[Device]]
"""What lies at each `--device` path on the host: one device, or all those of a directory."""


def nodes(host_config: HostConfig, found: Found, every: Sequence[Device]) -> list[dict[str, Any]]:
    """`linux.devices`: what --device asks for, or the whole of /dev when privileged."""
    given = [
        _node(device, path)
        for mapping in host_config.devices or ()
        for device, path in _placed(mapping, found)
    ]
    if not host_config.privileged:
        return given
    taken = {node["path"] for node in given}
    return given + [_node(each, each.path) for each in every if each.path not in taken]


def rules(host_config: HostConfig, found: Found) -> list[dict[str, Any]]:
    """`linux.resources.devices`: deny all, then allow one by one (or all when privileged)."""
    denied: dict[str, Any] = {"allow": False, "access": "rwm"}
    if host_config.privileged:
        return [denied, {"allow": True, "access": "rwm"}]
    allowed = [_rule("c", major, minor, "rwm") for major, minor in _ALLOWED]
    given = [
        _rule(device.kind, device.major, device.minor, mapping.cgroup_permissions or "rwm")
        for mapping in host_config.devices or ()
        for device, _ in _placed(mapping, found)
    ]
    asked = [parse_rule(text) for text in host_config.device_cgroup_rules or ()]
    return [denied, *_united((*allowed, *given, *asked))]


def _united(rules: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One rule a device: of two, systemd would take the second for the whole truth."""
    united: dict[tuple[Any, ...], dict[str, Any]] = {}
    for rule in rules:
        key = (rule["type"], rule.get("major"), rule.get("minor"))
        known = united.setdefault(key, rule)
        if known is not rule:
            access = "".join(each for each in "rwm" if each in known["access"] + rule["access"])
            united[key] = {**known, "access": access}
    return list(united.values())


def parse_rule(text: str) -> dict[str, Any]:
    """`--device-cgroup-rule`, e.g. `c 42:* rmw`; raise InvalidArgument in Docker's words."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"invalid device cgroup rule format: '{text}'")
    kind, major, minor, access = match.groups()
    rule: dict[str, Any] = {"allow": True, "type": kind, "access": access}
    # a missing number stands for all of them, in every runtime
    if major != "*":
        rule["major"] = int(major)
    if minor != "*":
        rule["minor"] = int(minor)
    return rule


def _placed(mapping: DeviceMapping, found: Found) -> list[tuple[Device, str]]:
    devices = found[mapping.path_on_host]
    target = mapping.path_in_container or mapping.path_on_host
    if len(devices) == 1 and devices[0].path == mapping.path_on_host:
        return [(devices[0], target)]
    return [(each, target + each.path.removeprefix(mapping.path_on_host)) for each in devices]


def _node(device: Device, path: str) -> dict[str, Any]:
    return {
        "path": path,
        "type": device.kind,
        "major": device.major,
        "minor": device.minor,
        "fileMode": device.mode,
        "uid": device.uid,
        "gid": device.gid,
    }


def _rule(kind: str, major: int, minor: int, access: str) -> dict[str, Any]:
    return {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}
