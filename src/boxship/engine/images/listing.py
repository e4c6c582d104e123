"""Choosing images: what `images` shows and what `image prune` removes. Decides, touches nothing."""

import fnmatch
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from boxship.errors import InvalidArgument
from boxship.model.digest import ImageID
from boxship.model.filters import Filters
from boxship.model.image import Image
from boxship.model.reference import Reference
from boxship.services.images import ImageDetail, ImageListing

FILTERS: Final = ("dangling", "label", "before", "since", "reference", "until")
PRUNE_FILTERS: Final = ("dangling", "label", "label!", "until")


class Bounds(msgspec.Struct, frozen=True):
    """The moments that the filters before, since and until stand for; None where not asked."""

    before: float | None = None
    since: float | None = None
    until: float | None = None


class Inventory(msgspec.Struct, frozen=True):
    """All images with what surrounds them."""

    images: Sequence[Image]
    names: Mapping[str, Sequence[Reference]]  # by ImageID
    containers: Counter[str]  # how many, by ImageID

    @property
    def parents(self) -> set[ImageID | None]:
        """IDs of the images that others were built on."""
        return {image.parent for image in self.images}


def select(inventory: Inventory, listing: ImageListing, bounds: Bounds) -> list[ImageDetail]:
    """The images that match, newest first."""
    filters = listing.filters
    dangling = _dangling(filters)
    parents = inventory.parents
    layers = _layer_users(inventory.images) if listing.shared_size else Counter()
    found = []
    for image in inventory.images:
        if not _in_bounds(image, bounds) or not filters.labels(_labels(image)):
            continue
        every = inventory.names.get(image.id, ())
        names = [name for name in every if matches_reference(filters, name)]
        if dangling and (image.id in parents or any(name.tag for name in every)):
            continue
        if not names and (
            (not listing.all and image.id in parents) or dangling is False or "reference" in filters
        ):
            continue
        found.append(
            ImageDetail(
                image=image,
                tags=tuple(name.familiar for name in names if not name.digest),
                digests=tuple(name.familiar for name in names if name.digest),
                containers=inventory.containers[image.id] if listing.containers else -1,
                shared_size=_shared(image, layers) if listing.shared_size else -1,
            )
        )
    return sorted(found, key=lambda detail: detail.image.created, reverse=True)


def plan_prune(inventory: Inventory, filters: Filters, until: float | None) -> list[Image]:
    """The images that `image prune` removes: dangling ones, or with dangling=false all unused ones."""
    dangling_only = filters.flag("dangling", default=True)
    parents = inventory.parents
    chosen = []
    for image in inventory.images:
        names = inventory.names.get(image.id, ())
        if inventory.containers[image.id] or (until is not None and image.created > until):
            continue
        labels = _labels(image)
        if not filters.labels(labels) or ("label!" in filters and filters.labels(labels, "label!")):
            continue
        if dangling_only and any(name.tag for name in names):
            continue
        if not names and image.id in parents:
            continue
        chosen.append(image)
    return chosen


def matches_reference(filters: Filters, name: Reference) -> bool:
    """Docker's `reference` filter: a shell pattern for the familiar name, with or without tag."""
    return filters.matches(
        "reference",
        lambda pattern: _match(pattern, name.familiar) or _match(pattern, name.familiar_name),
    )


def _match(pattern: str, name: str) -> bool:
    # Go's path.Match: `*` and `?` stop at a slash, unlike fnmatch's
    parts = re.split(r"(\[[^\]]*\])", pattern)
    text = "".join(
        _character_class(part) if part.startswith("[") else _wildcards(part) for part in parts
    )
    try:
        return re.fullmatch(text, name) is not None
    except re.error as error:
        raise InvalidArgument("syntax error in pattern") from error


def _wildcards(text: str) -> str:
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(one, re.escape(one)) for one in text)


def _character_class(text: str) -> str:
    return fnmatch.translate(text).removeprefix("(?s:").removesuffix(r")\Z").removesuffix(r")\z")


def _dangling(filters: Filters) -> bool | None:
    if "dangling" not in filters:
        return None
    return filters.flag("dangling", default=False)


def _in_bounds(image: Image, bounds: Bounds) -> bool:
    return (
        (bounds.before is None or image.created < bounds.before)
        and (bounds.since is None or image.created > bounds.since)
        and (bounds.until is None or image.created < bounds.until)
    )


def _labels(image: Image) -> Mapping[str, str] | None:
    return image.config.config.labels if image.config.config else None


def _layer_users(images: Iterable[Image]) -> Counter[str]:
    return Counter(layer.chain_id for image in images for layer in image.layers)


def _shared(image: Image, users: Counter[str]) -> int:
    return sum(layer.size for layer in image.layers if users[layer.chain_id] > 1)


def unique_layers_size(images: Collection[Image]) -> int:
    """Bytes of all layers, each counted once."""
    sizes = {layer.chain_id: layer.size for image in images for layer in image.layers}
    return sum(sizes.values())
