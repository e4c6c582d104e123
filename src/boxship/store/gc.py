"""Garbage collection by reachability: images, build records and containers hold blobs and snapshots.

Images are roots by themselves: Docker keeps an untagged one until it is removed. What a removal set free
goes at once (`collect`); `sweep` looks at everything, at start and on prune.
"""

import contextlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from boxship.errors import Internal
from boxship.model.container import Container
from boxship.model.digest import is_digest
from boxship.model.image import Image, ImageLayer
from boxship.store.content import Content
from boxship.store.leases import Lease, Leases
from boxship.store.metadata import Metadata
from boxship.store.removal import remove_tree
from boxship.store.snapshots.snapshotter import Kind, SnapshotInUse, Snapshotter

_THREADS: Final = 4


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
            marks.snapshots.add(container_key(container.id))
            marks.snapshots.update(image_mount_keys(container))
        return marks

    @contextlib.contextmanager
    def tidying(self, purpose: str) -> Iterator[Lease]:
        """A lease for work that makes blobs and snapshots; what it kept but did not record goes."""
        kept: frozenset[str] = frozenset()
        try:
            with self._leases.hold(purpose) as lease:
                try:
                    yield lease
                except ConnectionError:
                    raise  # the client's end of a stream, not our disk
                except OSError as error:
                    reason = (error.strerror or str(error)).lower()
                    raise Internal(f"cannot {purpose}: {reason}") from error
                finally:
                    kept = lease.kept()
        finally:
            self.collect(kept)

    def collect_image(self, image: Image) -> Collected:
        """Delete what a removed image had to itself."""
        return self.collect([*image_blobs(image), *(layer.chain_id for layer in image.layers)])

    def collect(self, keys: Iterable[str]) -> Collected:
        """Delete those of these blobs and snapshots that nothing reaches."""
        wanted = set(keys)
        blobs = [key for key in wanted if is_digest(key)]
        names = [one.key for one in reversed(self._snapshots.list()) if one.key in wanted]
        return self._delete(blobs, names)

    def sweep(self, *, active: bool = False) -> Collected:
        """Delete everything unreachable; with *active*, at start, also what dead work left open."""
        names = [
            snapshot.key
            for snapshot in reversed(self._snapshots.list())
            if active or snapshot.kind is Kind.COMMITTED
        ]
        return self._delete(None, names)

    def _delete(self, blobs: Iterable[str] | None, names: Iterable[str]) -> Collected:
        """Mark and delete while no lease can come or go: work records its result before it lets go."""
        with self._leases.lock:
            marks = self.mark()
            gone = list(self._detach_snapshots(marks, names))
            if blobs is None:
                blobs = [digest for digest, _ in self._content.list()]
            files = list(self._detach_blobs(marks, blobs))
        for _, _, path in files:
            path.unlink()
        with ThreadPoolExecutor(_THREADS, "boxship-remove") as pool:
            list(pool.map(remove_tree, [directory for _, _, directory in gone]))
        reclaimed = sum(size for _, size, _ in [*files, *gone])
        return Collected(
            tuple(digest for digest, _, _ in files), tuple(name for name, _, _ in gone), reclaimed
        )

    def _detach_blobs(self, marks: Marks, blobs: Iterable[str]) -> Iterator[tuple[str, int, Path]]:
        for digest in sorted(set(blobs) - marks.blobs):
            if not self._leases.is_kept(digest) and (found := self._content.detach(digest)):
                yield digest, found[1], found[0]

    def _detach_snapshots(
        self, marks: Marks, names: Iterable[str]
    ) -> Iterator[tuple[str, int, Path]]:
        """Children before the parents they keep, whatever the order of *names*."""
        left = [name for name in dict.fromkeys(names) if name not in marks.snapshots]
        while left:
            kept = []
            for name in left:
                snapshot = self._snapshots.find(name)
                if snapshot is None or self._leases.is_kept(name):
                    continue
                try:
                    directory = self._snapshots.detach(name)
                except SnapshotInUse:
                    kept.append(name)
                    continue
                yield name, snapshot.size, directory
            if len(kept) == len(left):
                return
            left = kept


def container_key(container_id: str) -> str:
    """The key of a container's own snapshot."""
    return f"container/{container_id}"


def image_mount_keys(container: Container) -> list[str]:
    """The keys of the read-only snapshots that a container has images mounted by."""
    return [
        image_mount_key(container.id, point.destination)
        for point in container.mounts
        if point.type == "image"
    ]


def image_mount_key(container_id: str, destination: str) -> str:
    """The key of the view of an image that is mounted there."""
    return f"{container_key(container_id)}{destination}"


def image_blobs(image: Image) -> set[str]:
    """The blobs of one image: manifest, configuration, layers."""
    return {image.manifest.digest, image.id, *(layer.blob.digest for layer in image.layers)}


def _mark_layers(marks: Marks, layers: Iterable[ImageLayer]) -> None:
    for layer in layers:
        marks.blobs.add(layer.blob.digest)
        marks.snapshots.add(layer.chain_id)
