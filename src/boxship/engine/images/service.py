"""The image store's service, in this process."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import msgspec

from boxship.concurrency import feeding, from_thread, in_thread
from boxship.engine.images.catalog import Catalog, EventSink, parse_tag
from boxship.engine.images.creation import ImageCreation, seconds
from boxship.engine.images.importing import ApplyChanges, import_image
from boxship.engine.images.listing import (
    FILTERS,
    PRUNE_FILTERS,
    Bounds,
    Inventory,
    plan_prune,
    select,
    unique_layers_size,
)
from boxship.engine.images.loading import Loading
from boxship.engine.images.platforms import check_platform, is_on, parse_platform
from boxship.engine.images.removal import ImageRemoval
from boxship.engine.images.saving import SavedImage, choose, write_archive
from boxship.errors import NotFound
from boxship.model.filters import Filters
from boxship.model.image import Image, ImageInUse, NoSuchImage, OCIRunConfig
from boxship.model.moment import parse_moment
from boxship.model.progress import Progress
from boxship.model.reference import Reference, parse_reference
from boxship.services.images import (
    HistoryItem,
    ImageDetail,
    ImageListing,
    ImagePruneResult,
    ImportRequest,
    Removal,
)
from boxship.store.store import Store


class LocalImages:
    """Implements services.images.Images on the store."""

    def __init__(
        self,
        store: Store,
        events: EventSink,
        *,
        apply_changes: ApplyChanges,
        clock_ns: Callable[[], int],
    ) -> None:
        self._store = store
        self._clock_ns = clock_ns
        self._apply_changes = apply_changes
        self.catalog = Catalog(store.metadata, events, clock=lambda: clock_ns() / 10**9)
        self.creation = ImageCreation(store, self.catalog)

    def __repr__(self) -> str:
        return f"LocalImages({self._store})"

    async def get(self, name: str) -> Image:
        """See services.images."""
        return self.catalog.get(name)

    async def inspect(self, name: str, *, platform: str = "") -> ImageDetail:
        """See services.images."""
        image = self._on_platform(name, platform)
        names = self.catalog.names(image.id)
        snapshots = self._store.snapshots
        history = image.config.history or ()
        return ImageDetail(
            image=image,
            tags=tuple(one.familiar for one in names if not one.digest),
            digests=tuple(one.familiar for one in names if one.digest),
            storage_driver=snapshots.name,
            storage_data=snapshots.describe(image.chain_id) if image.chain_id else {},
            comment=image.config.comment or (history[-1].comment if history else "") or "",
        )

    async def list(self, listing: ImageListing) -> Sequence[ImageDetail]:
        """See services.images."""
        filters = listing.filters
        filters.validate(FILTERS)
        bounds = Bounds(
            before=self._created(filters, "before"),
            since=self._created(filters, "since"),
            until=self._until(filters),
        )
        return select(self._inventory(), listing, bounds)

    def layers_size(self) -> int:
        """Bytes of all unpacked layers, each counted once."""
        return unique_layers_size(self._store.metadata.images.list())

    async def history(self, name: str, *, platform: str = "") -> Sequence[HistoryItem]:
        """See services.images."""
        image = self._on_platform(name, platform)
        sizes = iter([layer.size for layer in image.layers])
        rows = [
            HistoryItem(
                id="<missing>",
                created=int(seconds(step.created)),
                created_by=step.created_by or "",
                tags=(),
                size=0 if step.empty_layer else next(sizes, 0),
                comment=step.comment or "",
            )
            for step in image.config.history or ()
        ]
        rows.reverse()
        ancestor: Image | None = image
        for index, row in enumerate(rows):
            if ancestor is None:
                break
            tags = [one.familiar for one in self.catalog.names(ancestor.id) if not one.digest]
            rows[index] = msgspec.structs.replace(row, id=ancestor.id, tags=tuple(tags))
            parent = ancestor.parent
            ancestor = self._store.metadata.images.find(parent) if parent else None
        return rows

    def _on_platform(self, name: str, platform: str) -> Image:
        """Resolve a name to an image of this platform; raise NotFound in Docker's words."""
        image = self.catalog.get(name)
        check_platform(name, image.config, parse_platform(platform))
        return image

    async def tag(self, name: str, repository: str, tag: str) -> None:
        """See services.images."""
        image = self.catalog.get(name)
        self.catalog.tag(parse_tag(repository, tag), image)

    async def remove(
        self,
        name: str,
        *,
        force: bool = False,
        prune_parents: bool = True,
        platforms: Sequence[str] = (),
    ) -> Sequence[Removal]:
        """See services.images."""
        for platform in platforms:
            self._on_platform(name, platform)
        removal = ImageRemoval(self.catalog, self._collect)
        return await in_thread(removal.remove, name, force=force, prune_parents=prune_parents)

    def _collect(self, image: Image) -> Sequence[str]:
        gone = set(self._store.collector.collect_image(image).snapshots)
        return [layer.chain_id for layer in reversed(image.layers) if layer.chain_id in gone]

    async def prune(self, filters: Filters) -> ImagePruneResult:
        """See services.images."""
        filters.validate(PRUNE_FILTERS)
        dangling_only = filters.flag("dangling", default=True)
        until = self._until(filters)
        chosen = plan_prune(self._inventory(), filters, until)
        layers: dict[str, int] = {
            layer.chain_id: layer.size for image in chosen for layer in image.layers
        }
        removed: list[Removal] = []
        for image in chosen:
            removed += await self._prune_one(image, dangling_only=dangling_only)
        reclaimed = sum(layers.get(one.deleted, 0) for one in removed)
        return ImagePruneResult(tuple(removed), reclaimed)

    async def _prune_one(self, image: Image, *, dangling_only: bool) -> Sequence[Removal]:
        names = self.catalog.names(image.id)
        removed: list[Removal] = []
        asked = [str(name) for name in names] if names and not dangling_only else [image.id]
        for name in asked:
            try:
                removed += await self.remove(name)
            except (ImageInUse, NoSuchImage):
                continue  # something took it up meanwhile; prune leaves it
        return removed

    async def load(
        self, body: AsyncIterator[bytes], *, quiet: bool, platform: str = ""
    ) -> AsyncIterator[Progress]:
        """See services.images."""
        wanted = parse_platform(platform)
        loading = Loading(self._store, self.catalog, self.creation, quiet=quiet)
        async with feeding(body) as source:

            def work(put: Callable[[Progress], None]) -> None:
                loading.run(source, put, lambda image: is_on(image.config, wanted))

            async for message in from_thread(work, abort=source.abort):
                yield message

    async def save(self, names: Sequence[str], *, platform: str = "") -> AsyncIterator[bytes]:
        """See services.images."""
        chosen = choose(self.catalog, names)
        if not all(is_on(saved.image.config, parse_platform(platform)) for saved in chosen):
            text = f"no suitable export target found for platform {parse_platform(platform)}"
            raise NotFound(text)
        return self._archive(chosen)

    async def _archive(self, chosen: Sequence[SavedImage]) -> AsyncIterator[bytes]:
        with self._store.leases.hold("save") as lease:
            for saved in chosen:
                for layer in saved.image.layers:
                    lease.keep(layer.blob.digest)
                lease.keep(saved.image.id)
                self.catalog.tell("save", saved.image)
            async for chunk in from_thread(partial(write_archive, self._store.content, chosen)):
                yield chunk

    async def import_(
        self, body: AsyncIterator[bytes], request: ImportRequest
    ) -> AsyncIterator[Progress]:
        """See services.images."""
        name = parse_tag(request.repository, request.tag) if request.repository else None
        config = self._apply_changes(OCIRunConfig(), request.changes)
        async with feeding(body) as source:

            def work(put: Callable[[Progress], None]) -> None:
                import_image(
                    self._store, self.catalog, self.creation, source, request, config, name, put
                )

            async for message in from_thread(work, abort=source.abort):
                yield message

    def _inventory(self) -> Inventory:
        names: dict[str, list[Reference]] = {}
        for row in sorted(self._store.metadata.references.list(), key=lambda row: row.name):
            names.setdefault(row.image_id, []).append(parse_reference(row.name))
        containers = Counter(
            str(container.image) for container in self._store.metadata.containers.list()
        )
        return Inventory(self._store.metadata.images.list(), names, containers)

    def _created(self, filters: Filters, name: str) -> float | None:
        moments = [self.catalog.get(value).created for value in filters.get(name)]
        return moments[-1] if moments else None

    def _until(self, filters: Filters) -> float | None:
        moments = [parse_moment(value, self._clock_ns()) for value in filters.get("until")]
        return min(moments) / 10**9 if moments else None
