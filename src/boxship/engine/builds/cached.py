"""What `--cache-from` lets a build take from earlier ones: steps of the named images only."""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from boxship.errors import BoxshipError
from boxship.model.digest import ChainID, ImageID
from boxship.model.image import Image, ImageLayer


class CacheSources(msgspec.Struct, frozen=True):
    """The images and layers that count as known; all do where there are no sources."""

    images: frozenset[ImageID]
    layers: frozenset[ChainID]

    def has_image(self, image: Image) -> bool:
        """Tell whether a step's image is one of a source's steps."""
        return image.id in self.images

    def has_layer(self, layer: ImageLayer) -> bool:
        """Tell whether a step's layer is in a source."""
        return layer.chain_id in self.layers


async def cache_sources(
    names: Iterable[str],
    get: Callable[[str], Awaitable[Image]],
    find: Callable[[ImageID], Image | None],
) -> CacheSources | None:
    """The sources of these names; those that do not exist are passed over, as Docker does."""
    if not names:
        return None
    images: set[ImageID] = set()
    layers: set[ChainID] = set()
    for name in names:
        try:
            image: Image | None = await get(name)
        except BoxshipError:
            continue
        while image is not None and image.id not in images:
            images.add(image.id)
            layers.update(layer.chain_id for layer in image.layers)
            image = find(image.parent) if image.parent else None
    return CacheSources(frozenset(images), frozenset(layers))
