"""What removing an image means: untag, then delete what no name, child or container holds.

Follows moby's daemon/images/image_delete.go verb for verb, since clients match on its answers.
"""

from collections.abc import Callable, Iterable, Sequence

from boxship.engine.images.catalog import Catalog, canonical
from boxship.model.container import Container, Status
from boxship.model.digest import short_id
from boxship.model.image import Image, ImageInUse
from boxship.model.reference import Reference, parse_reference
from boxship.services.images import Removal

Collect = Callable[[Image], Iterable[str]]
"""Deletes what an image had to itself; returns the names of the snapshots that went."""


class DeleteConflict(ImageInUse):
    """Something holds the image; `used` when it is a container."""

    def __init__(self, image_id: str, reason: str, *, hard: bool, used: bool = False) -> None:
        force = "cannot be forced" if hard else "must be forced"
        super().__init__(f"conflict: unable to delete {short_id(image_id)} ({force}) - {reason}")
        self.used = used


class ImageRemoval:
    """One `rmi`. Blocking: run in a thread, since files are deleted."""

    def __init__(self, catalog: Catalog, collect: Collect) -> None:
        self._catalog = catalog
        self._collect = collect
        self.done: list[Removal] = []

    def remove(self, name: str, *, force: bool, prune_parents: bool) -> Sequence[Removal]:
        """Untag and delete; raise ImageInUse or NoSuchImage."""
        image = self._catalog.get(name)
        names = self._catalog.names(image.id)
        untagged = False
        if not is_id_prefix(image.id, name):
            self._refuse_last_name(image, names, name, force=force)
            if self._untag(image, parse_reference(name)):
                return self.done
            untagged = True
        elif is_single(names):
            self._check(image, force=force, names=False)
            for reference in names:
                self._drop(image, reference)
        self._delete(image, force=force, prune_parents=prune_parents, quiet=untagged)
        return self.done

    def _refuse_last_name(
        self, image: Image, names: Sequence[Reference], name: str, *, force: bool
    ) -> None:
        if force or not is_single(names):
            return
        for container in self._catalog.users(image.id)[:1]:
            raise ImageInUse(
                f'conflict: unable to remove repository reference "{name}" (must force) - '
                f"container {short_id(container.id)} is using its referenced image "
                f"{short_id(image.id)}"
            )

    def _untag(self, image: Image, reference: Reference) -> bool:
        """Take one name away; tell whether others remain."""
        reference = canonical(reference)
        self._drop(image, reference)
        rest = self._catalog.names(image.id)
        same = [one for one in rest if one.name == reference.name]
        if not reference.digest and not any(one.tag for one in same):
            for one in same:  # digests alone do not keep an image that was pulled by its tag
                self._catalog.metadata.references.delete(str(one))
                self.done.append(Removal(untagged=one.familiar))
            rest = self._catalog.names(image.id)
        return bool(rest)

    def _drop(self, image: Image, reference: Reference) -> None:
        self._catalog.metadata.references.delete(str(reference))
        self._catalog.tell("untag", image)
        self.done.append(Removal(untagged=reference.familiar))

    def _delete(self, image: Image, *, force: bool, prune_parents: bool, quiet: bool) -> None:
        try:
            self._check(image, force=force)
        except DeleteConflict as conflict:
            dangling = not self._catalog.names(image.id) and not self._catalog.children(image.id)
            if quiet and (not dangling or conflict.used):
                return
            raise
        for reference in self._catalog.names(image.id):
            self._drop(image, reference)
        self._catalog.metadata.images.delete(image.id)
        self._catalog.tell("delete", image, labels=False)
        self.done.append(Removal(deleted=image.id))
        self.done += [Removal(deleted=name) for name in self._collect(image)]
        if prune_parents and image.parent is not None:
            parent = self._catalog.metadata.images.find(image.parent)
            if parent is not None:
                self._delete(parent, force=False, prune_parents=True, quiet=True)

    def _check(self, image: Image, *, force: bool, names: bool = True) -> None:
        if self._catalog.children(image.id):
            raise DeleteConflict(image.id, "image has dependent child images", hard=True)
        containers = self._catalog.containers(image.id)
        for container in filter(is_running, containers):
            reason = f"image is being used by running container {short_id(container.id)}"
            raise DeleteConflict(image.id, reason, hard=True, used=True)
        if force:
            return
        if names and self._catalog.names(image.id):
            reason = "image is referenced in multiple repositories"
            raise DeleteConflict(image.id, reason, hard=False)
        for container in containers:
            reason = f"image is being used by stopped container {short_id(container.id)}"
            raise DeleteConflict(image.id, reason, hard=False, used=True)


def is_running(container: Container) -> bool:
    """Docker counts a container that is about to restart as running."""
    return container.running or container.state.status is Status.RESTARTING


def is_id_prefix(image_id: str, text: str) -> bool:
    """Tell whether *text* may be the beginning of this ID."""
    return image_id.startswith(text) or image_id.removeprefix("sha256:").startswith(text)


def is_single(names: Sequence[Reference]) -> bool:
    """True when all names are of one repository and there is at most one tag; False without names."""
    if len(names) <= 1:
        return len(names) == 1
    tags = [name for name in names if not name.digest]
    digests = {name.name for name in names if name.digest}
    if len(tags) > 1:
        return False
    first = (tags or list(names))[0]
    return digests == {first.name}
