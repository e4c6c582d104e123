"""Images in the local store."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from boxship.model.filters import Filters
from boxship.model.image import Image
from boxship.model.progress import Progress


class ImageDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An image with its names; `tags` and `digests` in familiar form, sorted."""

    image: Image
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    containers: int = -1  # how many containers use it; -1 unless asked for
    shared_size: int = -1
    storage_driver: str = ""
    storage_data: dict[str, str] = {}
    comment: str = ""


class HistoryItem(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `docker history`, newest first; `id` is "<missing>" for steps not made here."""

    id: str
    created: int  # seconds since the epoch
    created_by: str
    tags: tuple[str, ...]
    size: int
    comment: str


class Removal(msgspec.Struct, frozen=True):
    """One line of `docker rmi`: exactly one of the two is set."""

    untagged: str = ""
    deleted: str = ""


class ImageListing(msgspec.Struct, frozen=True, kw_only=True):
    """What `images` is asked for; `all` includes intermediate images."""

    all: bool = False
    filters: Filters = Filters()
    shared_size: bool = False
    containers: bool = False


class ImagePruneResult(msgspec.Struct, frozen=True):
    """What an image prune removed, and the bytes it gave back."""

    removed: tuple[Removal, ...] = ()
    reclaimed: int = 0


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `import` is asked for; `changes` are Dockerfile instructions."""

    repository: str = ""
    tag: str = ""
    message: str = ""
    changes: tuple[str, ...] = ()
    platform: str = ""


class Images(Protocol):
    """The image store; *name* is a reference, an ImageID or a unique prefix of one."""

    async def get(self, name: str) -> Image:
        """Resolve a name; raise NoSuchImage."""
        ...

    async def inspect(self, name: str, *, platform: str = "") -> ImageDetail:
        """Everything about one image; raise NotFound when it is of another *platform*."""
        ...

    async def list(self, listing: ImageListing) -> Sequence[ImageDetail]:
        """The images that match, newest first."""
        ...

    async def history(self, name: str, *, platform: str = "") -> Sequence[HistoryItem]:
        """How it was made; raise NotFound when it is of another *platform*."""
        ...

    async def tag(self, name: str, repository: str, tag: str) -> None:
        """Give it one more name, taking it from another image if need be."""
        ...

    async def remove(
        self,
        name: str,
        *,
        force: bool = False,
        prune_parents: bool = True,
        platforms: Sequence[str] = (),
    ) -> Sequence[Removal]:
        """Untag, and delete what no name, child or container holds; raise ImageInUse.

        With *platforms* it must be of one of them.
        """
        ...

    async def prune(self, filters: Filters) -> ImagePruneResult:
        """Remove dangling images, or with `dangling=false` all unused ones."""
        ...

    def load(
        self, body: AsyncIterator[bytes], *, quiet: bool, platform: str = ""
    ) -> AsyncIterator[Progress]:
        """Take in an image archive; all of it or nothing."""
        ...

    async def save(self, names: Sequence[str], *, platform: str = "") -> AsyncIterator[bytes]:
        """Write images as one archive; raise NoSuchImage before the first byte."""
        ...

    def import_(
        self, body: AsyncIterator[bytes], request: ImportRequest
    ) -> AsyncIterator[Progress]:
        """Make a one-layer image of a root file system's tar."""
        ...
