"""Which images there are, and what their names are."""

import time
from collections.abc import Callable
from typing import Protocol

from msgspec import structs

from boxship.errors import InvalidArgument
from boxship.model.container import Container
from boxship.model.descriptor import Descriptor
from boxship.model.digest import is_digest
from boxship.model.image import Image, NoSuchImage
from boxship.model.reference import Reference, is_tag, parse_reference
from boxship.store.metadata import ImageReference, Metadata


class EventSink(Protocol):
    """Where it is told what happened to an image."""

    def publish(
        self, kind: str, action: str, actor_id: str, attributes: dict[str, str] | None = None
    ) -> None:
        """Tell; never waits."""
        ...


class Catalog:
    """Rows of images and names. Blocking for microseconds: called straight from the loop."""

    def __init__(
        self, metadata: Metadata, events: EventSink, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.metadata = metadata
        self._events = events
        self._clock = clock

    def __repr__(self) -> str:
        return f"Catalog({self.metadata.images.count()} images)"

    def find(self, name: str) -> Image | None:
        """The image of this name, ID or unambiguous beginning of an ID."""
        if is_digest(name):
            return self.metadata.images.find(name)
        if len(name) == 64 and is_digest(f"sha256:{name}"):
            return self.metadata.images.find(f"sha256:{name}")
        reference = parse_reference(name)
        row = self.metadata.references.find(str(canonical(reference)))
        if row is not None:
            return self.metadata.images.find(row.image_id)
        return self.find_by_prefix(name)

    def find_by_prefix(self, prefix: str) -> Image | None:
        """The one image whose ID begins so; None as well when there are several."""
        digits = prefix.removeprefix("sha256:")
        if not digits or not all(digit in "0123456789abcdef" for digit in digits):
            return None
        found = self.metadata.images.find_by_prefix(f"sha256:{digits}")
        return found[0] if len(found) == 1 else None

    def get(self, name: str) -> Image:
        """The same; raise NoSuchImage."""
        image = self.find(name)
        if image is None:
            raise NoSuchImage(_shown(name))
        return image

    def names(self, image_id: str) -> list[Reference]:
        """All names of an image, tags and digests, sorted."""
        rows = self.metadata.references.find_by("image_id", image_id)
        return [parse_reference(row.name) for row in sorted(rows, key=lambda row: row.name)]

    def children(self, image_id: str) -> list[Image]:
        """Images the classic builder made on top of this one."""
        return self.metadata.images.find_by("parent", image_id)

    def containers(self, image_id: str) -> list[Container]:
        """Containers made from this image."""
        return self.metadata.containers.find_by("image_id", image_id)

    def users(self, image_id: str) -> list[Container]:
        """Containers made from this image or with it as a volume."""
        return [
            container
            for container in self.metadata.containers.list()
            if container.image == image_id
            or any(m.type == "image" and m.image == image_id for m in container.mounts)
        ]

    def put_name(
        self, reference: Reference, image: Image, target: Descriptor | None = None
    ) -> None:
        """Give an image a name, taking it from another one; tells nobody."""
        row = ImageReference(
            name=str(reference), image_id=image.id, target=target or image.manifest
        )
        self.metadata.references.put(row)

    def tag(self, reference: Reference, image: Image) -> None:
        """Give an image a name, note when, and tell so."""
        with self.metadata.transaction():
            self.put_name(reference, image)
            current = self.metadata.images.get(image.id)
            self.metadata.images.put(structs.replace(current, last_tagged=self._clock()))
        self.tell("tag", image, reference.familiar)

    def tell(self, action: str, image: Image, name: str = "", *, labels: bool = True) -> None:
        """Publish an event about an image, with its labels as Docker adds them."""
        attributes = dict(image.config.config.labels or {}) if image.config.config else {}
        shown = attributes if labels else {}
        self._events.publish("image", action, image.id, {**shown, "name": name or image.id})


def canonical(reference: Reference) -> Reference:
    """The name under which a reference is kept: a digest makes its tag meaningless."""
    if reference.digest:
        return reference._replace(tag=None)
    return reference.with_default_tag()


def parse_tag(repository: str, tag: str) -> Reference:
    """The name that `tag`, `import` and `commit` are asked to give."""
    reference = parse_reference(repository)
    if reference.digest:
        raise InvalidArgument("cannot import digest reference")
    if tag:
        if not is_tag(tag):
            raise InvalidArgument("invalid tag format")
        reference = parse_reference(f"{reference.domain}/{reference.path}:{tag}")
    return reference.with_default_tag()


def _shown(name: str) -> str:
    if is_digest(name):
        return name
    if len(name) == 64 and is_digest(f"sha256:{name}"):
        return f"sha256:{name}"
    return parse_reference(name).with_default_tag().familiar
