"""Containers: the list and the inspection."""

import time
from typing import Any, Final

import msgspec

from boxship.api.docker import wire
from boxship.api.docker.versions import Version, adapt
from boxship.api.docker.views.networks import endpoint_settings
from boxship.model.config import RunConfig
from boxship.model.container import Container, Exec, Health, Status
from boxship.model.mount import MountPoint
from boxship.model.network import EndpointSettings
from boxship.services.containers import ContainerDetail
from boxship.wire.times import SECOND, human, rfc3339

PREDEFINED: Final = frozenset({"bridge", "host", "none", "default"})


def summary(detail: ContainerDetail, version: Version, now_ns: int | None = None) -> dict[str, Any]:
    """One row of `docker ps`."""
    container = detail.container
    document: dict[str, Any] = {
        "Id": container.id,
        "Names": [f"/{name}" for name in sorted((container.name, *detail.link_names))],
        "Image": detail.image_name or container.image_reference,
        "ImageID": container.image or "",
        "Command": command(container),
        "Created": container.created // SECOND,
        "Ports": _port_rows(detail),
        **({"SizeRw": detail.size_rw} if detail.size_rw else {}),
        **({"SizeRootFs": detail.size_root_fs} if detail.size_root_fs else {}),
        "Labels": dict(sorted((container.config.labels or {}).items())),
        "State": container.state.status,
        "Status": status_text(container, time.time_ns() if now_ns is None else now_ns),
        "HostConfig": {"NetworkMode": container.host_config.network_mode},
        "NetworkSettings": {"Networks": _row_networks(detail)},
        "Mounts": [_mount(mount) for mount in container.mounts],
    }
    if container.host_config.annotations and version >= (1, 46):
        document["HostConfig"]["Annotations"] = container.host_config.annotations
    return adapt("container", document, version)


def command(container: Container) -> str:
    """What runs, as `docker ps` shows it."""
    words = (f"'{word}'" if " " in word else word for word in container.args)
    return " ".join((container.path, *words))


def status_text(container: Container, now_ns: int) -> str:
    """`Up 3 minutes (healthy)`, `Exited (0) 2 hours ago`, …"""
    state = container.state
    match state.status:
        case Status.PAUSED:
            return f"Up {human(now_ns - state.started_at)} (Paused)"
        case Status.RESTARTING:
            return f"Restarting ({state.exit_code}) {human(now_ns - state.finished_at)} ago"
        case Status.RUNNING:
            return f"Up {human(now_ns - state.started_at)}{_health_text(state.health)}"
        case Status.REMOVING:
            return "Removal In Progress"
        case Status.DEAD:
            return "Dead"
        case _:
            pass
    if not state.started_at:
        return "Created"
    if not state.finished_at:
        return ""
    return f"Exited ({state.exit_code}) {human(now_ns - state.finished_at)} ago"


def _health_text(health: Health | None) -> str:
    if health is None or health.status == "none":
        return ""
    return " (health: starting)" if health.status == "starting" else f" ({health.status})"


def inspection(detail: ContainerDetail, version: Version) -> dict[str, Any]:
    """`docker inspect`."""
    container = detail.container
    host_config = wire.encode(container.host_config)
    host_config["Links"] = _links(container)
    document = {
        "Id": container.id,
        "Created": rfc3339(container.created),
        "Path": container.path,
        "Args": list(container.args),
        "State": state(container),
        "Image": container.image or "",
        "ResolvConfPath": detail.resolv_conf_path,
        "HostnamePath": detail.hostname_path,
        "HostsPath": detail.hosts_path,
        "LogPath": detail.log_path,
        "Name": f"/{container.name}",
        "RestartCount": container.restart_count,
        "Driver": detail.storage_driver,
        "Platform": container.platform,
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": detail.apparmor_profile,
        "ExecIDs": list(detail.exec_ids) or None,
        "HostConfig": host_config,
        "GraphDriver": {
            "Data": {"ID": container.id, **detail.storage_data} if detail.storage_data else None,
            "Name": detail.storage_driver,
        },
        **({} if detail.size_rw is None else {"SizeRw": detail.size_rw}),
        **({} if detail.size_root_fs is None else {"SizeRootFs": detail.size_root_fs}),
        "Mounts": [_mount(mount) for mount in container.mounts],
        "Config": wire.encode(_with_mac(container)),
        "NetworkSettings": _network_settings(detail, version),
    }
    return adapt("container", document, version)


def state(container: Container) -> dict[str, Any]:
    """`State` of an inspection."""
    current = container.state
    document = {
        "Status": current.status,
        "Running": container.running or current.status is Status.RESTARTING,
        "Paused": current.status is Status.PAUSED,
        "Restarting": current.status is Status.RESTARTING,
        "OOMKilled": current.oom_killed,
        "Dead": current.status is Status.DEAD,
        "Pid": current.pid if container.running else 0,
        "ExitCode": current.exit_code,
        "Error": current.error,
        "StartedAt": rfc3339(current.started_at),
        "FinishedAt": rfc3339(current.finished_at),
    }
    if current.health is not None:
        document["Health"] = _health(current.health)
    return document


def _health(health: Health) -> dict[str, Any]:
    return {
        "Status": health.status,
        "FailingStreak": health.failing_streak,
        "Log": [
            {
                "Start": rfc3339(result.start),
                "End": rfc3339(result.end),
                "ExitCode": result.exit_code,
                "Output": result.output,
            }
            for result in health.log
        ],
    }


def _links(container: Container) -> list[str] | None:
    """`/child:/parent/alias`, the paths of the old links feature."""
    links = []
    for text in container.host_config.links or ():
        child, _, alias = text.partition(":")
        alias = alias.rpartition("/")[2] or child.removeprefix("/")
        links.append(f"/{child.removeprefix('/')}:/{container.name}/{alias}")
    return links or None


def _with_mac(container: Container) -> RunConfig:
    """The address that was asked for on the main network, where clients before API 1.44 look for it."""
    config, mode = container.config, container.host_config.network_mode
    asked = container.networks.get(mode)
    if config.mac_address or asked is None or mode in ("host", "none"):
        return config
    return msgspec.structs.replace(config, mac_address=asked.mac_address)


def _network_settings(detail: ContainerDetail, version: Version) -> dict[str, Any]:
    networks = _networks(detail, version)
    bridge = networks.get("bridge", _NOWHERE)
    return {
        "Bridge": "",
        "SandboxID": detail.sandbox_id,
        "SandboxKey": detail.sandbox_key,
        "Ports": _port_map(detail) if detail.container.running else {},
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        **{name: bridge[name] for name in _NOWHERE},
        "Networks": networks,
    }


_NOWHERE: Final[dict[str, Any]] = {
    "EndpointID": "",
    "Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "MacAddress": "",
}
"""What is told of the default network twice, for clients from before there were others."""


def _networks(detail: ContainerDetail, version: Version) -> dict[str, Any]:
    """A container's networks as inspect shows them."""
    container = detail.container
    endpoints = {endpoint.network_name: endpoint for endpoint in detail.endpoints}
    documents = {
        name: endpoint_settings(asked, endpoints.get(name))
        for name, asked in sorted(_attachments(detail).items())
    }
    if version < (1, 45):
        for name, document in documents.items():
            if name not in PREDEFINED:
                own = (container.id[:12], container.config.hostname)
                document["Aliases"] = list(dict.fromkeys((*(document["Aliases"] or ()), *own)))
    return documents


def _attachments(detail: ContainerDetail) -> dict[str, EndpointSettings]:
    if detail.container.config.network_disabled:
        return {}
    return detail.container.networks or {
        endpoint.network_name: endpoint.settings for endpoint in detail.endpoints
    }


def _row_networks(detail: ContainerDetail) -> dict[str, Any]:
    """A container's networks as a list shows them: without names and options."""
    endpoints = {endpoint.network_name: endpoint for endpoint in detail.endpoints}
    hidden = {"Links": None, "Aliases": None, "DriverOpts": None, "DNSNames": None}
    return {
        name: {**endpoint_settings(asked, endpoints.get(name)), **hidden}
        for name, asked in sorted(_attachments(detail).items())
    }


def _port_map(detail: ContainerDetail) -> dict[str, list[dict[str, str]] | None]:
    ports: dict[str, list[dict[str, str]] | None] = dict.fromkeys(
        detail.container.config.exposed_ports or ()
    )
    for published in detail.ports:
        key = f"{published.container_port}/{published.protocol}"
        bindings = ports.get(key) or []
        bindings.append({"HostIp": published.host_ip, "HostPort": str(published.host_port)})
        ports[key] = bindings
    return ports


def _port_rows(detail: ContainerDetail) -> list[dict[str, Any]]:
    if not detail.container.running:
        return []
    rows: list[dict[str, Any]] = [
        {
            "IP": published.host_ip,
            "PrivatePort": published.container_port,
            "PublicPort": published.host_port,
            "Type": published.protocol,
        }
        for published in detail.ports
    ]
    seen = {(row["PrivatePort"], row["Type"]) for row in rows}
    for exposed in detail.container.config.exposed_ports or ():
        port, _, protocol = exposed.partition("/")
        if port.isdigit() and (int(port), protocol or "tcp") not in seen:
            rows.append({"PrivatePort": int(port), "Type": protocol or "tcp"})
    return rows


def _mount(mount: MountPoint) -> dict[str, Any]:
    document: dict[str, Any] = {"Type": mount.type}
    if mount.name:
        document["Name"] = mount.name
    document["Source"] = mount.source
    document["Destination"] = mount.destination
    if mount.driver:
        document["Driver"] = mount.driver
    document |= {
        "Mode": mount.mode,
        "RW": not mount.read_only,
        "Propagation": mount.propagation,
    }
    return document


def exec_session(session: Exec) -> dict[str, Any]:
    """GET /exec/{id}/json."""
    return {
        "ID": session.id,
        "Running": session.running,
        "ExitCode": session.exit_code,
        "ProcessConfig": {
            "tty": session.tty,
            "entrypoint": session.cmd[0] if session.cmd else "",
            "arguments": list(session.cmd[1:]),
            "privileged": session.privileged,
            **({"user": session.user} if session.user else {}),
        },
        "OpenStdin": session.attach_stdin,
        "OpenStderr": session.attach_stderr,
        "OpenStdout": session.attach_stdout,
        "CanRemove": False,  # Docker never came to use it
        "ContainerID": session.container_id,
        "DetachKeys": "",
        "Pid": session.pid,
    }
