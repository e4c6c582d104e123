"""Images: the list, the inspection and the history."""

from collections.abc import Iterable
from typing import Any

from boxship.api.docker.versions import Version, adapt
from boxship.model.image import OCIHealthcheck, OCIRunConfig
from boxship.services.images import HistoryItem, ImageDetail, Removal
from boxship.wire.times import SECOND, rfc3339


def summary(detail: ImageDetail, version: Version) -> dict[str, Any]:
    """One row of `docker images` and `docker system df`."""
    image = detail.image
    config = image.config.config
    document = {
        "Containers": detail.containers,
        "Created": int(image.created),
        "Id": image.id,
        "Labels": config.labels if config else None,
        "ParentId": image.parent or "",
        "RepoDigests": list(detail.digests),
        "RepoTags": list(detail.tags),
        "SharedSize": detail.shared_size,
        "Size": image.size,
    }
    if version < (1, 43) and not detail.tags and not detail.digests:
        document |= {"RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]}
    return adapt("image", document, version)


def listed(detail: ImageDetail, version: Version) -> dict[str, Any]:
    """One row of `docker images`: its containers were not counted before API 1.51."""
    document = summary(detail, version)
    return document if version >= (1, 51) else {**document, "Containers": -1}


def inspection(detail: ImageDetail, version: Version) -> dict[str, Any]:
    """`docker image inspect`."""
    image = detail.image
    config = image.config
    history = config.history or ()
    document: dict[str, Any] = {
        "Id": image.id,
        "RepoTags": list(detail.tags),
        "RepoDigests": list(detail.digests),
        "Parent": image.parent or "",
        "Comment": detail.comment or (history[-1].comment if history else "") or "",
        "Created": config.created or rfc3339(int(image.created * SECOND)),
        "DockerVersion": config.docker_version or "",
        "Author": config.author or "",
        "Architecture": config.architecture,
        "Os": config.os,
        "Size": image.size,
        "GraphDriver": {"Data": detail.storage_data or None, "Name": detail.storage_driver},
        "RootFS": {"Type": "layers", "Layers": list(config.rootfs.diff_ids)},
        "Metadata": {"LastTagTime": rfc3339(int(image.last_tagged * SECOND))},
        "Config": _config(config.config or OCIRunConfig(), version),
    }
    if config.variant:
        document["Variant"] = config.variant
    if config.os_version:
        document["OsVersion"] = config.os_version
    return adapt("image", document, version)


def _config(config: OCIRunConfig, version: Version) -> dict[str, Any]:
    document: dict[str, Any] = {
        "Cmd": config.cmd,
        "Entrypoint": config.entrypoint,
        "Env": config.env,
        "Labels": config.labels,
        "OnBuild": config.on_build,
        "User": config.user or "",
        "Volumes": _sets(config.volumes),
        "WorkingDir": config.working_dir or "",
    }
    if version < (1, 50):
        document |= _NOT_AN_IMAGES
    optional = {
        "ArgsEscaped": config.args_escaped,
        "ExposedPorts": _sets(config.exposed_ports),
        "Healthcheck": config.healthcheck and _healthcheck(config.healthcheck),
        "Shell": config.shell,
        "StopSignal": config.stop_signal,
    }
    return document | {name: value for name, value in optional.items() if value}


_NOT_AN_IMAGES = {
    "Hostname": "",
    "Domainname": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Image": "",
}
"""Container settings that images' configurations showed until API 1.50."""


def _sets(values: dict[str, Any] | None) -> dict[str, dict[str, str]] | None:
    return None if values is None else {key: {} for key in values}


def _healthcheck(check: OCIHealthcheck) -> dict[str, Any]:
    document = {
        "Test": check.test,
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
        "Retries": check.retries,
    }
    return {name: value for name, value in document.items() if value}


def history(items: Iterable[HistoryItem]) -> list[dict[str, Any]]:
    """`docker history`."""
    return [
        {
            "Comment": item.comment,
            "Created": item.created,
            "CreatedBy": item.created_by,
            "Id": item.id,
            "Size": item.size,
            "Tags": list(item.tags) or None,
        }
        for item in items
    ]


def removals(items: Iterable[Removal]) -> list[dict[str, str]]:
    """What `docker rmi` prints."""
    return [
        {"Untagged": item.untagged} if item.untagged else {"Deleted": item.deleted}
        for item in items
    ]
