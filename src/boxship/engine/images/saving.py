"""`docker save`: images as one archive, an OCI layout with docker's manifest.json beside it."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

import msgspec

from boxship.engine.images.archives import NAME_ANNOTATION, REF_ANNOTATION, DockerManifestItem
from boxship.engine.images.catalog import Catalog
from boxship.engine.images.creation import digest_of
from boxship.errors import InvalidArgument, NotFound
from boxship.model.descriptor import Descriptor, MediaType
from boxship.model.digest import BlobDigest, Digest, digest_hex, is_digest
from boxship.model.image import Image, ImageLayer, Index, Manifest, NoSuchImage
from boxship.model.reference import Reference, parse_reference
from boxship.store.archive.entry import DIRECTORY, Entry
from boxship.store.archive.image_archive import layer_chunks
from boxship.store.archive.writer import TarWriter
from boxship.store.content import LAYOUT, Content, blob_name

_CHUNK: Final = 1 << 20
_encode: Final = msgspec.json.Encoder().encode


class SavedImage(msgspec.Struct, frozen=True):
    """An image to save, with the tags it was asked for by."""

    image: Image
    names: tuple[Reference, ...]


def choose(catalog: Catalog, names: Sequence[str]) -> list[SavedImage]:
    """The images that these names mean; a repository without tag means all its tags."""
    chosen: dict[str, SavedImage] = {}
    for name in names:
        for image, reference in _meant(catalog, name):
            known = chosen.get(image.id, SavedImage(image, ()))
            if reference is not None and reference not in known.names:
                known = SavedImage(image, (*known.names, reference))
            chosen[image.id] = known
    for saved in chosen.values():
        if not saved.image.layers:
            raise InvalidArgument("empty export - not implemented")
    return list(chosen.values())


def _meant(catalog: Catalog, name: str) -> list[tuple[Image, Reference | None]]:
    if is_digest(name) or (len(name) == 64 and is_digest(f"sha256:{name}")):
        return [(catalog.get(name), None)]
    reference = parse_reference(name)
    if reference.tag or reference.digest:
        row = catalog.metadata.references.find(str(reference))
        if row is None:
            by_prefix = catalog.find_by_prefix(name)
            if by_prefix is not None:
                return [(by_prefix, None)]
            raise NotFound("reference does not exist")
        return [
            (catalog.metadata.images.get(row.image_id), None if reference.digest else reference)
        ]
    tags = [
        (catalog.metadata.images.get(row.image_id), tagged)
        for row in catalog.metadata.references.list()
        if (tagged := parse_reference(row.name)).name == reference.name and tagged.tag
    ]
    if tags:
        return list(tags)
    image = catalog.find_by_prefix(name)
    if image is None:
        raise NoSuchImage(name)
    return [(image, None)]


def write_archive(
    content: Content, saved: Sequence[SavedImage], put: Callable[[bytes], None]
) -> None:
    """Write the archive; blocking."""
    files: dict[str, _File] = {}
    items, index = [], []
    repositories: dict[str, dict[str, str]] = {}
    for one in saved:
        item, manifest = _add_image(content, one, files)
        items.append(item)
        for name in one.names:
            last = one.image.layers[-1].diff_id
            repositories.setdefault(name.familiar_name, {})[name.tag or ""] = digest_hex(last)
            index.append(_named(manifest, name))
        if not one.names:
            index.append(manifest)
    documents = {
        "index.json": _encode(
            Index(schema_version=2, media_type=MediaType.OCI_INDEX, manifests=tuple(index))
        ),
        "manifest.json": _encode(_with_parents(items, saved)) + b"\n",
        "oci-layout": LAYOUT,
    }
    if repositories:
        documents["repositories"] = _encode(repositories) + b"\n"
    files |= {name: _document(data) for name, data in documents.items()}
    _write(files, put)


class _File(msgspec.Struct):
    """A member to be: its size, time in nanoseconds, and its bytes when it is their turn."""

    size: int
    mtime_ns: int
    chunks: Callable[[], Iterable[bytes]]


def _document(data: bytes) -> _File:
    return _File(len(data), 0, lambda: (data,))


def _add_image(
    content: Content, saved: SavedImage, files: dict[str, _File]
) -> tuple[DockerManifestItem, Descriptor]:
    image = saved.image
    created = int(image.created * 10**6) * 10**3
    layers = []
    for layer in image.layers:
        size = plain_size(content, layer)
        digest = BlobDigest(Digest(layer.diff_id))
        layers.append(Descriptor(MediaType.OCI_LAYER, digest, size))
        blob = layer.blob.digest
        files[blob_name(digest)] = _File(size, created, partial(layer_chunks, content, blob))
    size = content.size(image.id)
    config = Descriptor(MediaType.OCI_CONFIG, BlobDigest(image.id), size)
    files[blob_name(image.id)] = _File(size, created, partial(_raw, content, image.id))
    manifest = Manifest(
        schema_version=2, media_type=MediaType.OCI_MANIFEST, config=config, layers=tuple(layers)
    )
    data = _encode(manifest)
    descriptor = Descriptor(MediaType.OCI_MANIFEST, BlobDigest(digest_of(data)), len(data))
    files[blob_name(descriptor.digest)] = _document(data)
    item = DockerManifestItem(
        config=blob_name(image.id),
        repo_tags=tuple(name.familiar for name in saved.names) or None,
        layers=tuple(blob_name(layer.digest) for layer in layers),
        layer_sources={layer.digest: layer for layer in layers},
    )
    return item, descriptor


def _raw(content: Content, digest: str) -> Iterable[bytes]:
    with content.open(digest) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def plain_size(content: Content, layer: ImageLayer) -> int:
    """Bytes of the layer's plain tar, counted if nobody did before."""
    return layer.tar_size or sum(len(chunk) for chunk in layer_chunks(content, layer.blob.digest))


def _named(manifest: Descriptor, name: Reference) -> Descriptor:
    annotations = {NAME_ANNOTATION: str(name), REF_ANNOTATION: name.tag or ""}
    return msgspec.structs.replace(manifest, annotations=annotations)


def _with_parents(
    items: Sequence[DockerManifestItem], saved: Sequence[SavedImage]
) -> list[dict[str, object]]:
    ids = {one.image.id for one in saved}
    documents = []
    for item, one in zip(items, saved, strict=True):
        if one.image.parent in ids:
            item = msgspec.structs.replace(item, parent=one.image.parent or "")  # noqa: PLW2901
        document = msgspec.to_builtins(item)
        # Docker writes these three always, also as null
        document = {"Config": item.config, "RepoTags": item.repo_tags, **document}
        documents.append(document)
    return documents


def _write(files: dict[str, _File], put: Callable[[bytes], None]) -> None:
    writer = TarWriter(put)
    newest = max((file.mtime_ns for file in files.values()), default=0)
    for name in ("blobs/", "blobs/sha256/"):
        writer.add(Entry(name.encode(), DIRECTORY, mode=0o755, mtime_ns=newest))
    for name in sorted(files):
        file = files[name]
        writer.add(Entry(name.encode(), mode=0o644, size=file.size, mtime_ns=file.mtime_ns))
        writer.copy(file.chunks())
    writer.close()
