"""What a container is asked to be, as keyword arguments; pure."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from boxship.errors import InvalidArgument
from boxship.model.config import RunConfig
from boxship.model.container import HostConfig, RestartPolicy
from boxship.model.mount import MountRequest
from boxship.model.network import PortBinding
from boxship.services.containers import ContainerRequest
from boxship.wire.times import parse_size


class BoxOptions(TypedDict, total=False):
    """Keyword arguments of `run`, `start` and `box`; what is not given is as the image or engine has it.

    What has no keyword here is set in `config` and `host_config`, which the keywords then complete.
    """

    name: str
    entrypoint: Sequence[str]
    env: Mapping[str, str]
    user: str
    """A name or number, `user:group` too."""
    workdir: str
    hostname: str
    labels: Mapping[str, str]
    volumes: Sequence[str]
    """As `-v` takes them: `name:/data`, `/on/host:/in/container:ro`, `/anonymous`."""
    mounts: Sequence[MountRequest]
    ports: Mapping[int | str, int | str | None]
    """Container port → host port: `{80: 8080, "53/udp": None}`; None picks a free one."""
    network: str
    """A network's name, or bridge, host, none, `container:NAME`."""
    tty: bool
    open_stdin: bool
    privileged: bool
    read_only: bool
    init: bool
    memory: int | str
    """Bytes, or `64m`."""
    cpus: float
    cap_add: Sequence[str]
    cap_drop: Sequence[str]
    restart: str
    """A policy: `no`, `always`, `unless-stopped`, `on-failure:3`."""
    auto_remove: bool
    platform: str
    config: RunConfig
    host_config: HostConfig


def request_of(image: str, command: Sequence[str], options: BoxOptions) -> ContainerRequest:
    """The request these arguments stand for; raise InvalidArgument for what makes no sense."""
    ports = {_port(port): _binding(place) for port, place in (options.get("ports") or {}).items()}
    return ContainerRequest(
        name=options.get("name", ""),
        config=_config(image, command, options, ports),
        host_config=_host_config(options, ports),
        platform=options.get("platform", ""),
    )


def _config(
    image: str, command: Sequence[str], options: BoxOptions, ports: Mapping[str, PortBinding]
) -> RunConfig:
    config = options.get("config", RunConfig())
    changes: dict[str, Any] = {
        "image": image,
        "cmd": tuple(command) or None,
        "entrypoint": _words(options.get("entrypoint")),
        "env": tuple(f"{key}={value}" for key, value in options.get("env", {}).items()) or None,
        "user": options.get("user"),
        "working_dir": options.get("workdir"),
        "hostname": options.get("hostname"),
        "labels": dict(options["labels"]) if "labels" in options else None,
        "exposed_ports": {**(config.exposed_ports or {}), **{port: {} for port in ports}} or None,
        "volumes": {path: {} for path in options.get("volumes", ()) if ":" not in path} or None,
        "tty": options.get("tty"),
        "open_stdin": options.get("open_stdin"),
    }
    return msgspec.structs.replace(config, **_given(changes))


def _host_config(options: BoxOptions, ports: Mapping[str, PortBinding]) -> HostConfig:
    memory = options.get("memory")
    cpus = options.get("cpus")
    changes: dict[str, Any] = {
        "binds": tuple(bind for bind in options.get("volumes", ()) if ":" in bind) or None,
        "mounts": tuple(options["mounts"]) if "mounts" in options else None,
        "port_bindings": {port: (binding,) for port, binding in ports.items()} or None,
        "network_mode": options.get("network"),
        "privileged": options.get("privileged"),
        "readonly_rootfs": options.get("read_only"),
        "init": options.get("init"),
        "memory": parse_size(memory) if isinstance(memory, str) else memory,
        "nano_cpus": None if cpus is None else round(cpus * 10**9),
        "cap_add": _words(options.get("cap_add")),
        "cap_drop": _words(options.get("cap_drop")),
        "restart_policy": _restart(options["restart"]) if "restart" in options else None,
        "auto_remove": options.get("auto_remove"),
    }
    host_config = options.get("host_config", HostConfig())
    return msgspec.structs.replace(host_config, **_given(changes))


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}


def _words(words: Sequence[str] | None) -> tuple[str, ...] | None:
    if isinstance(words, str):
        raise InvalidArgument(f"expected a list of words, not the string {words!r}")
    return None if words is None else tuple(words)


def _port(port: int | str) -> str:
    number, _, protocol = str(port).partition("/")
    if not number.isdigit():
        raise InvalidArgument(f"invalid container port: {port}")
    return f"{number}/{protocol or 'tcp'}"


def _binding(place: int | str | None) -> PortBinding:
    host_ip, _, host_port = str("" if place is None else place).rpartition(":")
    return PortBinding(host_ip=host_ip.strip("[]"), host_port=host_port)


def _restart(text: str) -> RestartPolicy:
    name, _, count = text.partition(":")
    if count and not count.isdigit():
        raise InvalidArgument(f"invalid restart policy: {text}")
    return RestartPolicy(name=name, maximum_retry_count=int(count or 0))
