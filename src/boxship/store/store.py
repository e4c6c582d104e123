"""The whole store below one directory, opened and repaired together."""

import itertools
from collections.abc import Iterable
from pathlib import Path

from boxship.model.image import ImageLayer
from boxship.store.content import Content
from boxship.store.gc import Collected, Collector
from boxship.store.leases import Lease, Leases
from boxship.store.metadata import Metadata
from boxship.store.snapshots.native import NativeSnapshotter
from boxship.store.snapshots.overlay import OverlaySnapshotter
from boxship.store.snapshots.snapshotter import Snapshotter, Sync


class Store:
    """Metadata, blobs and snapshots of one data root. Blocking."""

    def __init__(self, root: Path, *, sync: Sync, driver: str = "overlay2") -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o710)
        self.metadata = Metadata(root / "meta.db")
        self.content = Content(root / "content")
        self.snapshots: Snapshotter = _snapshotter(
            driver, root / "snapshots", self.metadata, sync=sync
        )
        self.leases = Leases()
        self.collector = Collector(self.metadata, self.content, self.snapshots, self.leases)

    def __repr__(self) -> str:
        return f"Store({self.root})"

    def known_layers(self, chain: Iterable[str], lease: Lease) -> dict[str, ImageLayer]:
        """What is recorded of these layers, for *lease* to hold: equal layers share the first blob."""
        wanted = set(chain)
        layers = itertools.chain(
            (layer for image in self.metadata.images.list() for layer in image.layers),
            (layer for record in self.metadata.builds.list() for layer in record.layers),
        )
        known = {layer.chain_id: layer for layer in layers if layer.chain_id in wanted}
        for layer in known.values():
            lease.keep(layer.blob.digest)  # before the look: a removal may be under way
        return {
            name: layer for name, layer in known.items() if self.content.exists(layer.blob.digest)
        }

    def recover(self) -> Collected:
        """At start, before anything else: finish or undo what a crash interrupted."""
        self.content.recover()
        self.snapshots.recover()
        return self.collector.sweep(active=True)

    def statistics(self) -> dict[str, dict[str, int]]:
        """Figures of all parts."""
        return {
            "metadata": self.metadata.statistics(),
            "content": self.content.statistics(),
            "leases": self.leases.statistics(),
        }

    def close(self) -> None:
        """Close the database."""
        self.metadata.close()


def _snapshotter(driver: str, root: Path, metadata: Metadata, *, sync: Sync) -> Snapshotter:
    if driver == NativeSnapshotter.name:
        return NativeSnapshotter(root, metadata, sync=sync)
    return OverlaySnapshotter(root, metadata, sync=sync)
