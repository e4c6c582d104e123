"""`docker load`: an archive's images into the store, all of them or none."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from boxship.engine.images.archives import ArchivedImage, read_images
from boxship.engine.images.catalog import Catalog
from boxship.engine.images.creation import LAYER_TYPES, ImageCreation, seconds
from boxship.model.descriptor import Descriptor, MediaType
from boxship.model.digest import ImageID, short_id
from boxship.model.image import Image, ImageLayer, chain_ids
from boxship.model.progress import Progress
from boxship.store.archive.compression import Source
from boxship.store.archive.image_archive import Member, as_stored_layer, stage
from boxship.store.layers import LayerJob, layer_jobs, unpack_layers
from boxship.store.leases import Lease
from boxship.store.snapshots.space import free_bytes
from boxship.store.store import Store

_STEP: Final = 512 << 10  # bytes between two progress messages of a layer, as Docker

Put = Callable[[Progress], None]


class Loading:
    """One load. Blocking: run in a thread."""

    def __init__(
        self, store: Store, catalog: Catalog, creation: ImageCreation, *, quiet: bool
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._creation = creation
        self._quiet = quiet
        self._is_flushed = False

    def run(
        self, source: Source, put: Put, accepts: Callable[[ArchivedImage], bool]
    ) -> list[Image]:
        """Load what *accepts* of the archive's images, telling how it goes."""
        with self._store.collector.tidying("load") as lease:
            archive = stage(source, self._store.content, lease, free_bytes(self._store.root))
            found = [image for image in read_images(archive) if accepts(image)]
            images = [self._prepare(one, lease, put) for one in found]
            if not self._is_flushed:
                self._store.snapshots.sync()  # blobs too: from now on rows may name them
            return self._record(found, images, put)

    def _prepare(self, found: ArchivedImage, lease: Lease, put: Put) -> Image:
        diff_ids = found.config.rootfs.diff_ids
        chain = chain_ids(diff_ids)
        for name in chain:
            lease.keep(name)
        known = self._store.known_layers(chain, lease)
        blobs = [
            known[name].blob if name in known else self._stored(member, lease)
            for name, member in zip(chain, found.layers, strict=True)
        ]
        jobs = layer_jobs([blob.digest for blob in blobs], diff_ids, chain)
        report = None if self._quiet else _report(put)
        unknown = [job for job in jobs if job.chain_id not in known]
        flushed = unpack_layers(self._store.content, self._store.snapshots, unknown, report)
        self._is_flushed = self._is_flushed or flushed
        layers = [
            ImageLayer(
                diff_id=job.diff_id,
                chain_id=job.chain_id,
                blob=blob,
                size=self._store.snapshots.stat(job.chain_id).size,
                tar_size=blob.size if blob.media_type == MediaType.OCI_LAYER else 0,
            )
            for job, blob in zip(jobs, blobs, strict=True)
        ]
        manifest = found.manifest or self._creation.write_manifest(
            found.id, found.config_size, layers, lease
        )
        return Image(
            id=found.id,
            manifest=manifest,
            config=found.config,
            layers=tuple(layers),
            size=sum(layer.size for layer in layers),
            created=seconds(found.config.created),
        )

    def _record(
        self, found: Sequence[ArchivedImage], images: Sequence[Image], put: Put
    ) -> list[Image]:
        messages: list[str] = []
        recorded = []
        with self._store.metadata.transaction():
            for one, image in zip(found, images, strict=True):
                parent = _valid_parent(one, images)
                recorded.append(
                    self._creation.record(msgspec.structs.replace(image, parent=parent))
                )
                for name in one.names:
                    known = self._catalog.metadata.references.find(str(name))
                    if known is not None and known.image_id != image.id:
                        messages.append(
                            f"The image {name.familiar} already exists, renaming the old one with "
                            f"ID {known.image_id} to empty string\n"
                        )
                    self._catalog.put_name(name, image)
                    messages.append(f"Loaded image: {name.familiar}\n")
        if not found or not found[-1].names:  # as Docker: the last image decides
            messages.append("".join(f"Loaded image ID: {image.id}\n" for image in images))
        for image in recorded:
            self._catalog.tell("load", image)
        for message in filter(None, messages):
            put(Progress(stream=message))
        return recorded

    def _stored(self, member: Member, lease: Lease) -> Descriptor:
        stored = as_stored_layer(self._store.content, member, lease)
        if stored is not member:
            self._is_flushed = False
        member = stored
        return Descriptor(LAYER_TYPES[member.compression], member.digest, member.size)


def _valid_parent(one: ArchivedImage, images: Sequence[Image]) -> ImageID | None:
    """The parent that an archive claims, if it is in the archive too and can be true."""
    for parent in images:
        if parent.id == one.parent != one.id:
            before, after = parent.config.history or (), one.config.history or ()
            return parent.id if not (before or after) or before == after[:-1] else None
    return None


def _report(put: Put) -> Callable[[LayerJob, int, int], None]:
    last: dict[str, int] = {}

    def report(job: LayerJob, done: int, total: int) -> None:
        before = last.get(job.chain_id, -_STEP)
        if done - before >= _STEP or done == total:
            last[job.chain_id] = done
            put(
                Progress(
                    id=short_id(job.diff_id), status="Loading layer", current=done, total=total
                )
            )

    return report
