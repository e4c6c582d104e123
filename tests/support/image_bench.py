"""An image store of one's own."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

from boxship.build.image_config import apply_changes
from boxship.engine.events import EventBus
from boxship.engine.images.service import LocalImages
from boxship.store.store import Store


class ImageBench:
    """A store with its image service, and ways to look at all of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.synced = 0
        self.store = Store(root, sync=self._sync)
        self.store.recover()
        self.events = EventBus()
        self.images = LocalImages(
            self.store, self.events, apply_changes=apply_changes, clock_ns=time.time_ns
        )

    def _sync(self, path: Path) -> None:
        assert path.exists()
        self.synced += 1

    async def load(self, data: bytes, size: int = 100_000, **options: object) -> list[str]:
        """Load an archive; returns the text it printed."""
        messages = self.images.load(body(data, size), quiet=False, **options)  # type: ignore[arg-type]
        return [message.stream async for message in messages if message.stream]

    async def save(self, *names: str) -> bytes:
        return b"".join([chunk async for chunk in await self.images.save(names)])

    def actions(self) -> list[str]:
        """What the events told, in order."""
        return [event.action for event in self.events._history]

    def leftovers(self) -> dict[str, object]:
        """Whatever is in the store; empty values when nothing is."""
        return {
            "blobs": [digest for digest, _ in self.store.content.list()],
            "ingest": list(self.store.content.ingest.iterdir()),
            "snapshots": [snapshot.key for snapshot in self.store.snapshots.list()],
            "directories": list((self.root / "snapshots").iterdir()),
            "images": self.store.metadata.images.list(),
            "references": self.store.metadata.references.list(),
            "leases": dict(self.store.leases.kept),
        }

    def is_empty(self) -> bool:
        return not any(self.leftovers().values())


async def body(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
