"""Garbage collection by reachability: images, build records and containers hold blobs and snapshots.

Images are roots by themselves: Docker keeps an untagged one until it is removed. What a removal set free
goes at once (`collect`); `sweep` looks at everything, at start and on prune.
"""

from collections.abc import Iterable, Iterator

import msgspec

from boxship.model.image import Image, ImageLayer
from boxship.store.content import Content
from boxship.store.leases import Leases
from boxship.store.metadata import Metadata
from boxship.store.snapshots.snapshotter import Kind, SnapshotInUse, Snapshotter


class Collected(msgspec.Struct, frozen=True):
    """What went, and the bytes it gave back."""

    blobs: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    reclaimed: int = 0


class Marks(msgspec.Struct, frozen=True):
    """What is reachable."""

    blobs: set[str]
    snapshots: set[str]


class Collector:
    """Deletes what nothing reaches. Safe beside all work that holds leases."""

    def __init__(
        self, metadata: Metadata, content: Content, snapshots: Snapshotter, leases: Leases
    ) -> None:
        self._metadata = metadata
        self._content = content
        self._snapshots = snapshots
        self._leases = leases

    def __repr__(self) -> str:
        return f"Collector({self._content}, {self._snapshots})"

    def mark(self) -> Marks:
        """Everything that rows reach; what stands below a snapshot follows from its row."""
        marks = Marks(set(), set())
        for image in self._metadata.images.list():
            marks.blobs.update(image_blobs(image))
            _mark_layers(marks, image.layers)
        for record in self._metadata.builds.list():
            _mark_layers(marks, record.layers)
        for reference in self._metadata.references.list():
            marks.blobs.add(reference.target.digest)
        for container in self._metadata.containers.list():
            marks.snapshots.add(container.id)
        return marks

    def collect(self, images: Iterable[Image] = (), layers: Iterable[ImageLayer] = ()) -> Collected:
        """Delete what these removed images and layers had to themselves."""
        blobs: set[str] = set()
        names: list[str] = []
        for image in images:
            blobs.update(image_blobs(image))
            names += [layer.chain_id for layer in reversed(image.layers)]
        for layer in layers:
            blobs.add(layer.blob.digest)
            names.append(layer.chain_id)
        return self._delete(self.mark(), blobs, names)

    def sweep(self, *, active: bool = False) -> Collected:
        """Delete everything unreachable; with *active*, at start, also what dead work left open."""
        blobs = {digest for digest, _ in self._content.list()}
        names = [
            snapshot.key
            for snapshot in reversed(self._snapshots.list())
            if active or snapshot.kind is Kind.COMMITTED
        ]
        return self._delete(self.mark(), blobs, names)

    def _delete(self, marks: Marks, blobs: Iterable[str], names: Iterable[str]) -> Collected:
        gone_snapshots = list(self._delete_snapshots(marks, names))
        gone_blobs, reclaimed = [], 0
        for digest in sorted(set(blobs) - marks.blobs):
            with self._leases.lock:
                if not self._leases.is_kept(digest) and (size := self._content.delete(digest)):
                    gone_blobs.append(digest)
                    reclaimed += size
        reclaimed += sum(size for _, size in gone_snapshots)
        names = tuple(name for name, _ in gone_snapshots)
        return Collected(tuple(gone_blobs), names, reclaimed)

    def _delete_snapshots(self, marks: Marks, names: Iterable[str]) -> Iterator[tuple[str, int]]:
        """Children come before their parents, which they keep."""
        for name in dict.fromkeys(names):
            if name in marks.snapshots or self._leases.is_kept(name):
                continue
            snapshot = self._snapshots.find(name)
            if snapshot is None:
                continue
            try:
                self._remove_unless_kept(name)
            except SnapshotInUse:
                continue
            yield name, snapshot.size

    def _remove_unless_kept(self, name: str) -> None:
        with self._leases.lock:
            if self._leases.is_kept(name):
                raise SnapshotInUse(name)
            self._snapshots.remove(name)


def image_blobs(image: Image) -> set[str]:
    """The blobs of one image: manifest, configuration, layers."""
    return {image.manifest.digest, image.id, *(layer.blob.digest for layer in image.layers)}


def _mark_layers(marks: Marks, layers: Iterable[ImageLayer]) -> None:
    for layer in layers:
        marks.blobs.add(layer.blob.digest)
        marks.snapshots.add(layer.chain_id)
