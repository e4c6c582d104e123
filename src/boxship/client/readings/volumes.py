"""Volumes."""

from collections.abc import Mapping
from typing import Any, Final

from boxship.model.volume import Volume
from boxship.services.volumes import VolumeDetail
from boxship.wire.times import parse_rfc3339

ANONYMOUS: Final = "com.docker.volume.anonymous"


def volume(document: Mapping[str, Any]) -> Volume:
    """One volume."""
    labels = document.get("Labels")
    return Volume(
        name=document["Name"],
        driver=document.get("Driver") or "",
        mountpoint=document.get("Mountpoint") or "",
        created=parse_rfc3339(document.get("CreatedAt") or ""),
        labels=labels,
        options=document.get("Options"),
        anonymous=ANONYMOUS in (labels or {}),
    )


def usage(document: Mapping[str, Any]) -> VolumeDetail:
    """One volume with what it takes."""
    use = document.get("UsageData") or {}
    return VolumeDetail(
        volume=volume(document), size=use.get("Size", -1), containers=use.get("RefCount", -1)
    )
