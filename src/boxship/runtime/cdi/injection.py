"""Giving described devices to a container: changes to its OCI spec, as the CDI library makes them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from boxship.errors import InvalidArgument
from boxship.linux.devices import Device
from boxship.runtime.cdi.specs import Described, DeviceNode, Edits, Hook, Mount

FindDevice = Callable[[str], Device]
_HOOKS: Final = (
    "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
)  # fmt: skip
_FAILED: Final = "CDI device injection failed: "


def inject(
    spec: dict[str, Any],
    names: Sequence[str],
    devices: Mapping[str, Described],
    find_device: FindDevice,
) -> None:
    """Change *spec* for the devices named; raise InvalidArgument in Docker's words."""
    unknown = [name for name in names if name not in devices]
    if unknown:
        raise InvalidArgument(f"{_FAILED}unresolvable CDI devices {', '.join(unknown)}")
    seen: set[str] = set()
    for name in names:
        device = devices[name]
        if device.path not in seen:
            seen.add(device.path)
            _apply(spec, device.common, find_device)
        _apply(spec, device.edits, find_device)
    spec["mounts"].sort(key=lambda mount: mount["destination"].rstrip("/").count("/"))


def _apply(spec: dict[str, Any], edits: Edits, find_device: FindDevice) -> None:
    process, linux = spec["process"], spec["linux"]
    process["env"] = _merged(process["env"], edits.env or ())
    for node in edits.device_nodes or ():
        _add_node(spec, node, find_device)
    for mount in edits.mounts or ():
        _add_mount(spec, mount)
    for hook in edits.hooks or ():
        _add_hook(spec, hook)
    if edits.intel_rdt:
        linux["intelRdt"] = edits.intel_rdt
    if gids := [gid for gid in edits.additional_gids or () if gid != 0]:
        user = process["user"]
        user["additionalGids"] = list(dict.fromkeys((*user.get("additionalGids", ()), *gids)))


def _add_mount(spec: dict[str, Any], mount: Mount) -> None:
    others = [each for each in spec["mounts"] if each["destination"] != mount.container_path]
    made = {
        "destination": mount.container_path,
        "source": mount.host_path,
        "type": mount.type or "bind",
        "options": list(mount.options),
    }
    spec["mounts"] = [*others, made]


def _add_hook(spec: dict[str, Any], hook: Hook) -> None:
    if hook.hook_name not in _HOOKS:
        raise InvalidArgument(
            f'{_FAILED}failed to inject devices: unknown hook name "{hook.hook_name}"'
        )
    made: dict[str, Any] = {"path": hook.path, "args": list(hook.args), "env": list(hook.env)}
    if hook.timeout is not None:
        made["timeout"] = hook.timeout
    spec.setdefault("hooks", {}).setdefault(hook.hook_name, []).append(made)


def _add_node(spec: dict[str, Any], node: DeviceNode, find_device: FindDevice) -> None:
    linux, user = spec["linux"], spec["process"]["user"]
    kind, major, minor, mode = node.type, node.major, node.minor, node.file_mode
    if not kind or (major == 0 and kind != "p"):
        path = node.host_path or node.path
        try:
            device = find_device(path)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise InvalidArgument(
                f'{_FAILED}failed to inject devices: failed to stat CDI host device "{path}": {reason}'
            ) from error
        kind, major, minor = device.kind, device.major, device.minor
        mode = device.mode if mode is None else mode
    made: dict[str, Any] = {"path": node.path, "type": kind, "major": major, "minor": minor}
    optional = {
        "fileMode": mode,
        "uid": node.uid if node.uid is not None else user["uid"] or None,
        "gid": node.gid if node.gid is not None else user["gid"] or None,
    }
    made |= {key: value for key, value in optional.items() if value is not None}
    others = [each for each in linux.get("devices", ()) if each["path"] != node.path]
    linux["devices"] = [*others, made]
    if kind in ("b", "c"):
        rule = {"allow": True, "type": kind, "major": major, "minor": minor}
        rule["access"] = node.permissions or "rwm"
        linux["resources"].setdefault("devices", []).append(rule)


def _merged(env: Iterable[str], added: Iterable[str]) -> list[str]:
    merged = {each.partition("=")[0]: each for each in env}
    merged |= {each.partition("=")[0]: each for each in added}
    return list(merged.values())
