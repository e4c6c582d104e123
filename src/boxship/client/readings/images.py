"""Images: the list, the inspection and the history.

The API tells less than the store knows: descriptors of blobs, and what each layer takes, stay empty.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from boxship.model.descriptor import Descriptor
from boxship.model.digest import BlobDigest, DiffID, Digest, ImageID
from boxship.model.image import Image, ImageConfig, ImageLayer, OCIRunConfig, RootFS, chain_ids
from boxship.services.images import HistoryItem, ImageDetail, Removal
from boxship.wire.times import SECOND, parse_rfc3339

Document = Mapping[str, Any]

_UNKNOWN: Final = Descriptor("", BlobDigest(Digest("")), 0)


def inspection(document: Document) -> ImageDetail:
    """GET /images/{name}/json"""
    diff_ids = tuple(
        DiffID(Digest(text)) for text in (document.get("RootFS") or {}).get("Layers") or ()
    )
    config = ImageConfig(
        architecture=document.get("Architecture") or "",
        os=document.get("Os") or "",
        config=msgspec.convert(document.get("Config") or {}, OCIRunConfig),
        created=document.get("Created") or "",
        author=document.get("Author") or "",
        variant=document.get("Variant") or "",
        os_version=document.get("OsVersion") or "",
        docker_version=document.get("DockerVersion") or "",
        comment=document.get("Comment") or "",
        rootfs=RootFS(diff_ids=diff_ids),
    )
    tagged = (document.get("Metadata") or {}).get("LastTagTime") or ""
    descriptor = document.get("Descriptor")
    image = Image(
        id=_image_id(document["Id"]),
        manifest=msgspec.convert(descriptor, Descriptor) if descriptor else _UNKNOWN,
        config=config,
        layers=tuple(
            ImageLayer(diff_id, chain_id, _UNKNOWN, 0)
            for diff_id, chain_id in zip(diff_ids, chain_ids(diff_ids), strict=True)
        ),
        size=document.get("Size") or 0,
        created=parse_rfc3339(config.created or "") / SECOND,
        parent=_image_id(document["Parent"]) if document.get("Parent") else None,
        last_tagged=parse_rfc3339(tagged) / SECOND,
    )
    graph = document.get("GraphDriver") or {}
    return ImageDetail(
        image=image,
        tags=tuple(document.get("RepoTags") or ()),
        digests=tuple(document.get("RepoDigests") or ()),
        storage_driver=graph.get("Name") or "",
        storage_data=graph.get("Data") or {},
        comment=document.get("Comment") or "",
    )


def summary(document: Document) -> ImageDetail:
    """One row of GET /images/json: the parts of an image that the list has."""
    parent = document.get("ParentId")
    image = Image(
        id=_image_id(document["Id"]),
        manifest=_UNKNOWN,
        config=ImageConfig(config=OCIRunConfig(labels=document.get("Labels"))),
        layers=(),
        size=document.get("Size") or 0,
        created=document.get("Created") or 0,
        parent=_image_id(parent) if parent else None,
    )
    return ImageDetail(
        image=image,
        tags=tuple(document.get("RepoTags") or ()),
        digests=tuple(document.get("RepoDigests") or ()),
        containers=document.get("Containers", -1),
        shared_size=document.get("SharedSize", -1),
    )


def _image_id(text: str) -> ImageID:
    return ImageID(Digest(text))


def history(rows: list[Document] | None) -> list[HistoryItem]:
    """GET /images/{name}/history"""
    return [
        HistoryItem(
            id=row["Id"],
            created=row.get("Created") or 0,
            created_by=row.get("CreatedBy") or "",
            tags=tuple(row.get("Tags") or ()),
            size=row.get("Size") or 0,
            comment=row.get("Comment") or "",
        )
        for row in rows or ()
    ]


def removals(rows: list[Document] | None) -> tuple[Removal, ...]:
    """What `docker rmi` and `docker image prune` removed."""
    return tuple(
        Removal(untagged=row.get("Untagged") or "", deleted=row.get("Deleted") or "")
        for row in rows or ()
    )
