"""Making images: from stored layers, from a container's changes, from a tar."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from boxship.engine.images.archives import MAX_LAYERS
from boxship.engine.images.catalog import Catalog
from boxship.errors import InvalidArgument
from boxship.model.descriptor import Descriptor, MediaType
from boxship.model.digest import BlobDigest, ChainID, DiffID, Digest, ImageID
from boxship.model.image import Image, ImageConfig, ImageLayer, Manifest, RootFS, chain_ids
from boxship.store.archive.compression import GzipEncoder
from boxship.store.archive.pipeline import Hashing, produced
from boxship.store.archive.writer import TarWriter
from boxship.store.layers import LayerJob, unpack_layers
from boxship.store.leases import Lease
from boxship.store.snapshots.snapshotter import SnapshotExists
from boxship.store.store import Store

LAYER_TYPES: Final = {
    "": MediaType.OCI_LAYER,
    "gzip": MediaType.OCI_LAYER_GZIP,
    "zstd": MediaType.OCI_LAYER_ZSTD,
}
_encode: Final = msgspec.json.Encoder().encode


class ImageCreation:
    """Makes layers and images. Blocking: services call it in a thread.

    Whoever makes something holds a lease over all its steps; `create` records the image, after which it
    stands by itself.
    """

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def __repr__(self) -> str:
        return f"ImageCreation({self._store})"

    def layer_of_snapshot(
        self, key: str, below: Sequence[ImageLayer], lease: Lease, *, freeze: bool
    ) -> ImageLayer:
        """A layer of what an active snapshot adds to the layers below it.

        With *freeze* the snapshot itself becomes the layer and its key is gone (it must be unmounted);
        without, it lives on, as a running container's does.
        """
        snapshots = self._store.snapshots
        layer = self.layer_of_tar(
            lambda put: _close(TarWriter(put), lambda tar: snapshots.write_diff(key, tar)),
            below,
            lease,
        )
        lease.keep(layer.chain_id)
        if freeze:
            try:
                snapshots.commit(layer.chain_id, key)
            except SnapshotExists:
                snapshots.remove(key)  # an equal layer is here already
        return self._unpacked(layer, below)

    def layer_of_tar(
        self,
        produce: Callable[[Callable[[bytes], None]], None],
        below: Sequence[ImageLayer],
        lease: Lease,
    ) -> ImageLayer:
        """Store a plain tar as a compressed layer blob; not unpacked yet."""
        if len(below) >= MAX_LAYERS:
            raise InvalidArgument("max depth exceeded")
        encoder = GzipEncoder()
        with (
            contextlib.closing(produced(produce)) as chunks,
            self._store.content.writer() as writer,
        ):
            plain = Hashing(chunks)
            for chunk in plain:
                writer.write(encoder.compress(chunk))
            writer.write(encoder.flush())
            lease.keep(writer.digest)
            digest = writer.commit()
            size = writer.size
        diff_id = DiffID(plain.digest)
        return ImageLayer(
            diff_id=diff_id,
            chain_id=chain_ids([*(layer.diff_id for layer in below), diff_id])[-1],
            blob=Descriptor(MediaType.OCI_LAYER_GZIP, digest, size),
            size=0,
            tar_size=plain.size,
        )

    def unpack_layer(
        self, layer: ImageLayer, below: Sequence[ImageLayer], lease: Lease
    ) -> ImageLayer:
        """Have a stored layer as a snapshot; returns it with its size."""
        lease.keep(layer.chain_id)
        return self._unpacked(layer, below)

    def _unpacked(self, layer: ImageLayer, below: Sequence[ImageLayer]) -> ImageLayer:
        if self._store.snapshots.find(layer.chain_id) is None:
            parent: ChainID | None = below[-1].chain_id if below else None
            job = LayerJob(layer.blob.digest, layer.diff_id, layer.chain_id, parent)
            unpack_layers(self._store.content, self._store.snapshots, [job])
        size = self._store.snapshots.stat(layer.chain_id).size
        return msgspec.structs.replace(layer, size=size)

    def create(
        self,
        config: ImageConfig,
        layers: Sequence[ImageLayer],
        lease: Lease,
        *,
        parent: ImageID | None = None,
    ) -> Image:
        """Record an image of these layers, which are snapshots already; the same again is the same image."""
        config = msgspec.structs.replace(
            config, rootfs=RootFS(diff_ids=tuple(layer.diff_id for layer in layers))
        )
        data = _encode(config)
        lease.keep(digest_of(data))
        image_id = ImageID(self._store.content.write(data))
        manifest = self.write_manifest(image_id, len(data), layers, lease)
        image = Image(
            id=image_id,
            manifest=manifest,
            config=config,
            layers=tuple(layers),
            size=sum(layer.size for layer in layers),
            created=seconds(config.created),
            parent=parent,
        )
        return self.record(image)

    def record(self, image: Image) -> Image:
        """Put the row, keeping what an equal image's row knows beyond it."""
        images = self._store.metadata.images
        with self._store.metadata.transaction():
            known = images.find(image.id)
            if known is not None:
                parent = known.parent or image.parent
                image = msgspec.structs.replace(known, parent=parent)
            images.put(image)
        return image

    def write_manifest(
        self, image_id: ImageID, config_size: int, layers: Sequence[ImageLayer], lease: Lease
    ) -> Descriptor:
        """Store a manifest for an image that came without one."""
        manifest = Manifest(
            schema_version=2,
            media_type=MediaType.OCI_MANIFEST,
            config=Descriptor(MediaType.OCI_CONFIG, BlobDigest(image_id), config_size),
            layers=tuple(layer.blob for layer in layers),
        )
        data = _encode(manifest)
        lease.keep(digest_of(data))
        digest = self._store.content.write(data)
        return Descriptor(MediaType.OCI_MANIFEST, digest, len(data))


def _close(writer: TarWriter, fill: Callable[[TarWriter], None]) -> None:
    fill(writer)
    writer.close()


def digest_of(data: bytes) -> Digest:
    """The digest of a small blob."""
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


def seconds(created: str | None) -> float:
    """An RFC 3339 time as seconds since the epoch; 0 for none or a bad one."""
    if not created:
        return 0
    try:
        moment = datetime.fromisoformat(_microseconds(created))
    except ValueError:
        return 0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _microseconds(text: str) -> str:
    """Cut nanoseconds, which Go writes and Python does not read."""
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}{dot}{rest[: min(digits, 6)]}{rest[digits:]}" if dot else text


def now_text(now_ns: int | None = None) -> str:
    """A time as Go writes it: RFC 3339 with nanoseconds, trailing zeros cut."""
    now = time.time_ns() if now_ns is None else now_ns
    whole, fraction = divmod(now, 10**9)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{fraction:09d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"
