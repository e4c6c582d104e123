"""What is in an image archive: docker's manifest.json, or an OCI image layout. Decides, stores nothing."""

from collections.abc import Iterator
from typing import Final

import msgspec

from boxship.engine.images.platforms import host_platform
from boxship.errors import InvalidArgument, Unsupported
from boxship.model.descriptor import Descriptor, MediaType
from boxship.model.digest import ImageID, parse_digest
from boxship.model.image import ImageConfig, Index, Manifest
from boxship.model.reference import Reference, parse_reference
from boxship.store.archive.image_archive import ImageArchive, Member, decode_document
from boxship.store.content import blob_name

NAME_ANNOTATION: Final = "io.containerd.image.name"
REF_ANNOTATION: Final = "org.opencontainers.image.ref.name"

MAX_LAYERS: Final = 125
"""As Docker: with more, a container's own layer and its mounts would not fit."""

_MAX_DEPTH: Final = 4  # indexes within indexes
_MAX_CHILDREN: Final = 1000
_INDEXES: Final = (MediaType.OCI_INDEX, MediaType.DOCKER_MANIFEST_LIST)
_MANIFESTS: Final = (MediaType.OCI_MANIFEST, MediaType.DOCKER_MANIFEST)


class DockerManifestItem(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """One image of a `docker save` archive."""

    config: str
    repo_tags: tuple[str, ...] | None = None
    layers: tuple[str, ...] | None = None
    parent: str = ""
    layer_sources: dict[str, Descriptor] | None = None


class ArchivedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image to load: its configuration as it came, and its layers' members, lowest first.

    `manifest` is the archive's own, to be kept as it is; None when the archive has none.
    """

    id: ImageID
    config: ImageConfig
    config_size: int
    layers: tuple[Member, ...]
    names: tuple[Reference, ...]
    parent: str = ""
    manifest: Descriptor | None = None


def read_images(archive: ImageArchive) -> list[ArchivedImage]:
    """All images of an archive; raise InvalidArgument for whatever is wrong with them."""
    if archive.find("manifest.json") is not None:
        return list(_docker_images(archive))
    if archive.find("index.json") is not None:
        return list(_oci_images(archive))
    raise InvalidArgument("invalid archive: it has neither manifest.json nor index.json")


def _docker_images(archive: ImageArchive) -> Iterator[ArchivedImage]:
    items = archive.document("manifest.json", tuple[DockerManifestItem, ...] | None)  # type: ignore[arg-type]
    if items is None:
        raise InvalidArgument("invalid manifest, manifest cannot be null (but can be [])")
    for item in items:
        data = archive.read(item.config)
        config = read_config(data)
        diff_ids, layers = config.rootfs.diff_ids, item.layers or ()
        if len(layers) != len(diff_ids):
            raise InvalidArgument(
                f"invalid manifest, layers length mismatch: expected {len(layers)}, "
                f"got {len(diff_ids)}"
            )
        member = archive.get(item.config)
        yield ArchivedImage(
            id=ImageID(member.digest),
            config=config,
            config_size=len(data),
            layers=tuple(archive.get(layer) for layer in layers),
            names=tuple(_tagged(name) for name in item.repo_tags or ()),
            parent=item.parent,
        )


def _tagged(text: str) -> Reference:
    reference = parse_reference(text)
    if reference.tag is None:
        raise InvalidArgument(f'invalid tag "{text}"')
    return reference


def read_config(data: bytes) -> ImageConfig:
    """An image configuration from a stranger, with what we rely on checked."""
    config = decode_document(data, ImageConfig, "image configuration")
    if b'"rootfs"' not in data:
        raise InvalidArgument("invalid image JSON, no RootFS key")
    if (config.os or "linux") != "linux":
        raise InvalidArgument(f"cannot load {config.os} image on linux")
    if len(config.rootfs.diff_ids) > MAX_LAYERS:
        raise InvalidArgument("max depth exceeded")  # Docker's words for too many layers
    for diff_id in config.rootfs.diff_ids:
        if not parse_digest(diff_id).startswith("sha256:"):
            raise Unsupported(f"unsupported digest algorithm: {diff_id[:80]}")
    steps = sum(1 for step in config.history or () if not step.empty_layer)
    if steps > len(config.rootfs.diff_ids):
        raise InvalidArgument("too many non-empty layers in History section")
    return config


def _oci_images(archive: ImageArchive) -> Iterator[ArchivedImage]:
    index = archive.document("index.json", Index)
    if len(index.manifests) > _MAX_CHILDREN:
        raise InvalidArgument("invalid index.json: too many manifests")
    merged: dict[str, ArchivedImage] = {}
    for descriptor in index.manifests:
        found = _choose(archive, descriptor, depth=0)
        if found is None:
            raise InvalidArgument(f"no image for {host_platform()} in {descriptor.digest}")
        image = _oci_image(archive, found, _names(descriptor))
        known = merged.get(image.id)
        if known is not None:  # an image with several names has one entry for each
            image = msgspec.structs.replace(known, names=known.names + image.names)
        merged[image.id] = image
    yield from merged.values()


def _choose(archive: ImageArchive, descriptor: Descriptor, *, depth: int) -> Descriptor | None:
    """The manifest for this machine that a descriptor leads to."""
    if descriptor.media_type in _MANIFESTS:
        return descriptor
    if descriptor.media_type not in _INDEXES:
        raise InvalidArgument(f"unsupported media type {descriptor.media_type[:100]!r}")
    if depth >= _MAX_DEPTH:
        raise InvalidArgument("image indexes are nested too deeply")
    index = decode_document(_blob(archive, descriptor), Index, "image index")
    _require_type(descriptor, index.media_type)
    if len(index.manifests) > _MAX_CHILDREN:
        raise InvalidArgument("invalid image index: too many manifests")
    for child in best_first(index.manifests):
        if (found := _choose(archive, child, depth=depth + 1)) is not None:
            return found
    return None


def best_first(children: tuple[Descriptor, ...]) -> list[Descriptor]:
    """The manifests of an index that can run here; those that name no platform last."""
    wanted = host_platform()
    exact = [
        one
        for one in children
        if one.platform
        and (one.platform.os, one.platform.architecture) == (wanted.os, wanted.architecture)
    ]
    silent = [one for one in children if one.platform is None and not one.artifact_type]
    return exact + silent


def _oci_image(
    archive: ImageArchive, descriptor: Descriptor, names: tuple[Reference, ...]
) -> ArchivedImage:
    data = _blob(archive, descriptor)
    if b'"manifests"' in data and "manifests" in decode_document(data, dict, "manifest"):
        raise InvalidArgument("invalid manifest: it is an index at the same time")
    manifest = decode_document(data, Manifest, "manifest")
    _require_type(descriptor, manifest.media_type)
    config_data = _blob(archive, manifest.config)
    config = read_config(config_data)
    if len(manifest.layers) != len(config.rootfs.diff_ids):
        raise InvalidArgument(
            f"invalid manifest, layers length mismatch: expected {len(manifest.layers)}, "
            f"got {len(config.rootfs.diff_ids)}"
        )
    return ArchivedImage(
        id=ImageID(manifest.config.digest),
        config=config,
        config_size=len(config_data),
        layers=tuple(_member(archive, layer) for layer in manifest.layers),
        names=names,
        manifest=msgspec.structs.replace(descriptor, annotations={}),
    )


def _require_type(descriptor: Descriptor, claimed: str) -> None:
    # a document that is one thing by its descriptor and another by itself (CVE-2021-41190)
    if claimed and claimed != descriptor.media_type:
        raise InvalidArgument(
            f"manifest claims to be {claimed[:100]!r}, its descriptor {descriptor.media_type!r}"
        )


def _blob(archive: ImageArchive, descriptor: Descriptor) -> bytes:
    _member(archive, descriptor)
    return archive.read(blob_name(descriptor.digest))


def _member(archive: ImageArchive, descriptor: Descriptor) -> Member:
    digest = parse_digest(descriptor.digest)
    if not digest.startswith("sha256:"):
        raise Unsupported(f"unsupported digest algorithm: {digest[:80]}")
    member = archive.get(blob_name(digest))
    if member.digest != digest or member.size != descriptor.size:
        raise InvalidArgument(
            f"blob {digest} has digest {member.digest} and {member.size} bytes, "
            f"expected {descriptor.size}"
        )
    return member


def _names(descriptor: Descriptor) -> tuple[Reference, ...]:
    full = descriptor.annotations.get(NAME_ANNOTATION, "")
    short = descriptor.annotations.get(REF_ANNOTATION, "")
    text = full or (short if "/" in short or ":" in short else "")
    return (parse_reference(text).with_default_tag(),) if text else ()
