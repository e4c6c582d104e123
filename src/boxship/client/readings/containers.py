"""Containers: the list, the inspection, exec sessions."""

import re
from collections.abc import Mapping
from typing import Any, Final

from boxship.client.readings.networks import endpoint, endpoint_settings
from boxship.model.config import RunConfig
from boxship.model.container import (
    Container,
    ContainerState,
    Exec,
    Health,
    HealthResult,
    HostConfig,
    Status,
)
from boxship.model.digest import Digest, ImageID
from boxship.model.mount import MountPoint
from boxship.model.network import PublishedPort
from boxship.services.containers import ContainerDetail
from boxship.wire import values
from boxship.wire.times import SECOND, parse_rfc3339

Document = Mapping[str, Any]

_EXIT_CODE: Final = re.compile(r"(?:Exited|Restarting) \((-?\d+)\)", re.ASCII)


def inspection(document: Document) -> ContainerDetail:
    """GET /containers/{name}/json"""
    identifier, name = document["Id"], document["Name"].removeprefix("/")
    settings = document.get("NetworkSettings") or {}
    networks = settings.get("Networks") or {}
    config = values.decode(RunConfig, document.get("Config"))
    host_config = values.decode(HostConfig, document.get("HostConfig"))
    container = Container(
        id=identifier,
        name=name,
        created=parse_rfc3339(document.get("Created") or ""),
        image=_image_id(document.get("Image")),
        image_reference=config.image,
        config=config,
        host_config=host_config,
        path=document.get("Path") or "",
        args=tuple(document.get("Args") or ()),
        state=_state(document.get("State") or {}),
        mounts=tuple(_mount(mount) for mount in document.get("Mounts") or ()),
        networks={network: endpoint_settings(place) for network, place in networks.items()},
        restart_count=document.get("RestartCount") or 0,
        runtime=host_config.runtime,
        platform=document.get("Platform") or "linux",
    )
    graph = document.get("GraphDriver") or {}
    return ContainerDetail(
        container=container,
        image_name=config.image,
        endpoints=tuple(
            endpoint(place, network, identifier, name)
            for network, place in networks.items()
            if place.get("EndpointID")
        ),
        ports=tuple(_published(settings.get("Ports") or {})),
        exec_ids=tuple(document.get("ExecIDs") or ()),
        sandbox_id=settings.get("SandboxID") or "",
        sandbox_key=settings.get("SandboxKey") or "",
        log_path=document.get("LogPath") or "",
        hosts_path=document.get("HostsPath") or "",
        hostname_path=document.get("HostnamePath") or "",
        resolv_conf_path=document.get("ResolvConfPath") or "",
        storage_driver=document.get("Driver") or "",
        storage_data=graph.get("Data") or {},
        image_manifest_digest=(document.get("ImageManifestDescriptor") or {}).get("digest") or "",
        size_rw=document.get("SizeRw"),
        size_root_fs=document.get("SizeRootFs"),
    )


def summary(document: Document) -> ContainerDetail:
    """One row of GET /containers/json: the parts of a container that the list has."""
    names = [name.removeprefix("/") for name in document.get("Names") or ("",)]
    name = next((name for name in names if "/" not in name), "")
    host_config = document.get("HostConfig") or {}
    networks = (document.get("NetworkSettings") or {}).get("Networks") or {}
    image = document.get("Image") or ""
    container = Container(
        id=document["Id"],
        name=name,
        created=(document.get("Created") or 0) * SECOND,
        image=_image_id(document.get("ImageID")),
        image_reference=image,
        config=RunConfig(image=image, labels=document.get("Labels") or {}),
        host_config=HostConfig(
            network_mode=host_config.get("NetworkMode") or "",
            annotations=host_config.get("Annotations"),
        ),
        state=ContainerState(
            status=Status(document.get("State") or "created"),
            exit_code=_exit_code(document.get("Status") or ""),
        ),
        mounts=tuple(_mount(mount) for mount in document.get("Mounts") or ()),
        networks={network: endpoint_settings(place) for network, place in networks.items()},
    )
    return ContainerDetail(
        container=container,
        link_names=tuple(each for each in names if "/" in each),
        image_name=image,
        endpoints=tuple(
            endpoint(place, network, container.id, name)
            for network, place in networks.items()
            if place.get("EndpointID")
        ),
        ports=tuple(
            PublishedPort(
                container_port=row["PrivatePort"],
                protocol=row["Type"],
                host_ip=row.get("IP") or "",
                host_port=row["PublicPort"],
            )
            for row in document.get("Ports") or ()
            if row.get("PublicPort")
        ),
        size_rw=document.get("SizeRw"),
        size_root_fs=document.get("SizeRootFs"),
    )


def _exit_code(status: str) -> int:
    found = _EXIT_CODE.match(status)
    return int(found[1]) if found else 0


def _image_id(text: str | None) -> ImageID | None:
    return ImageID(Digest(text)) if text else None


def _state(document: Document) -> ContainerState:
    health = document.get("Health")
    return ContainerState(
        status=Status(document.get("Status") or "created"),
        pid=document.get("Pid") or 0,
        exit_code=document.get("ExitCode") or 0,
        error=document.get("Error") or "",
        oom_killed=document.get("OOMKilled") or False,
        started_at=parse_rfc3339(document.get("StartedAt") or ""),
        finished_at=parse_rfc3339(document.get("FinishedAt") or ""),
        health=_health(health) if health else None,
    )


def _health(document: Document) -> Health:
    return Health(
        status=document.get("Status") or "none",
        failing_streak=document.get("FailingStreak") or 0,
        log=tuple(
            HealthResult(
                start=parse_rfc3339(result.get("Start") or ""),
                end=parse_rfc3339(result.get("End") or ""),
                exit_code=result.get("ExitCode") or 0,
                output=result.get("Output") or "",
            )
            for result in document.get("Log") or ()
        ),
    )


def _published(ports: Document) -> list[PublishedPort]:
    return [
        PublishedPort(
            container_port=int(port.partition("/")[0]),
            protocol=port.partition("/")[2] or "tcp",
            host_ip=binding.get("HostIp") or "",
            host_port=int(binding["HostPort"]),
        )
        for port, bindings in ports.items()
        for binding in bindings or ()
        if binding.get("HostPort")
    ]


def _mount(document: Document) -> MountPoint:
    return MountPoint(
        type=document.get("Type") or "",
        destination=document.get("Destination") or "",
        source=document.get("Source") or "",
        name=document.get("Name") or "",
        driver=document.get("Driver") or "",
        mode=document.get("Mode") or "",
        read_only=not document.get("RW", True),
        propagation=document.get("Propagation") or "",
    )


def exec_session(document: Document) -> Exec:
    """GET /exec/{id}/json"""
    process = document.get("ProcessConfig") or {}
    entrypoint = process.get("entrypoint") or ""
    exit_code = document.get("ExitCode")
    running = document.get("Running") or False
    return Exec(
        id=document["ID"],
        container_id=document.get("ContainerID") or "",
        cmd=(entrypoint, *(process.get("arguments") or ())) if entrypoint else (),
        user=process.get("user") or "",
        tty=process.get("tty") or False,
        privileged=process.get("privileged") or False,
        attach_stdin=document.get("OpenStdin") or False,
        attach_stdout=document.get("OpenStdout") or False,
        attach_stderr=document.get("OpenStderr") or False,
        running=running,
        started=running or exit_code is not None,
        exit_code=exit_code,
        pid=document.get("Pid") or 0,
    )
