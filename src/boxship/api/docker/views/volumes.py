"""Volumes."""

from typing import Any

from boxship.model.volume import Volume
from boxship.services.volumes import VolumeDetail
from boxship.wire.times import rfc3339_seconds


def volume(item: Volume) -> dict[str, Any]:
    """One volume."""
    document = {
        "CreatedAt": rfc3339_seconds(item.created),
        "Driver": item.driver,
        "Labels": _sorted(item.labels),
        "Mountpoint": item.mountpoint,
        "Name": item.name,
        "Options": _sorted(item.options),
        "Scope": item.scope,
    }
    return document | ({"Status": item.status} if item.status else {})


def _sorted(values: dict[str, str] | None) -> dict[str, str] | None:
    """By key, as Go writes its maps."""
    return None if values is None else dict(sorted(values.items()))


def usage(detail: VolumeDetail) -> dict[str, Any]:
    """One volume with what it takes, for `system df`."""
    return volume(detail.volume) | {
        "UsageData": {"RefCount": detail.containers, "Size": detail.size}
    }
