"""Images in the daemon's store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from boxship.client.answers import JSONLines, Stream
from boxship.client.exchange import Transport
from boxship.client.readings import events
from boxship.client.readings import images as readings
from boxship.client.services import paths
from boxship.errors import Internal, NotFound
from boxship.model.filters import Filters
from boxship.model.image import Image
from boxship.model.progress import Progress
from boxship.services.images import (
    HistoryItem,
    ImageDetail,
    ImageListing,
    ImagePruneResult,
    ImportRequest,
    Removal,
)

AT_ONCE = 6
"""How many details a list asks for at the same time."""


class RemoteImages:
    """Implements services.images.Images."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, name: str) -> Image:
        """See services.images."""
        return (await self.inspect(name)).image

    async def inspect(self, name: str, *, platform: str = "") -> ImageDetail:
        """See services.images."""
        query = {"platform": platform or None}
        document = await self._transport.json("GET", paths.image(name, "/json"), query)
        return readings.inspection(document)

    async def list(self, listing: ImageListing) -> Sequence[ImageDetail]:
        """See services.images."""
        query = {
            "all": listing.all,
            "filters": paths.filters(listing.filters),
            "shared-size": listing.shared_size,
        }
        rows = await self._transport.json("GET", "/images/json", query)
        turns = asyncio.Semaphore(AT_ONCE)

        async def detail(row: dict[str, Any]) -> ImageDetail | None:
            seen = readings.summary(row)
            async with turns:
                try:
                    found = await self.inspect(seen.image.id)
                except NotFound:
                    return None  # removed since it was listed
            return msgspec.structs.replace(
                found,
                tags=seen.tags,
                digests=seen.digests,
                containers=seen.containers if listing.containers else -1,
                shared_size=seen.shared_size,
            )

        details = await asyncio.gather(*(detail(row) for row in rows))
        return [found for found in details if found is not None]

    async def history(self, name: str, *, platform: str = "") -> Sequence[HistoryItem]:
        """See services.images."""
        query = {"platform": platform or None}
        rows = await self._transport.json("GET", paths.image(name, "/history"), query)
        return readings.history(rows)

    async def tag(self, name: str, repository: str, tag: str) -> None:
        """See services.images."""
        query = {"repo": repository, "tag": tag}
        await self._transport.json("POST", paths.image(name, "/tag"), query)

    async def remove(
        self,
        name: str,
        *,
        force: bool = False,
        prune_parents: bool = True,
        platforms: Sequence[str] = (),
    ) -> Sequence[Removal]:
        """See services.images."""
        query = {"force": force, "noprune": not prune_parents, "platforms": list(platforms)}
        return readings.removals(await self._transport.json("DELETE", paths.image(name), query))

    async def prune(self, filters: Filters) -> ImagePruneResult:
        """See services.images."""
        query = {"filters": paths.filters(filters)}
        document = await self._transport.json("POST", "/images/prune", query)
        removed = readings.removals(document.get("ImagesDeleted"))
        return ImagePruneResult(removed, document.get("SpaceReclaimed") or 0)

    def load(
        self, body: AsyncIterator[bytes], *, quiet: bool, platform: str = ""
    ) -> AsyncIterator[Progress]:
        """See services.images."""
        query = {"quiet": quiet, "platform": platform or None}
        return _all_or_nothing(progress(self._transport, "/images/load", query, body))

    async def save(self, names: Sequence[str], *, platform: str = "") -> AsyncIterator[bytes]:
        """See services.images."""
        query = {"names": list(names), "platform": platform or None}
        return await self._transport.request("GET", "/images/get", query)

    def import_(
        self, body: AsyncIterator[bytes], request: ImportRequest
    ) -> AsyncIterator[Progress]:
        """See services.images."""
        query = {
            "fromSrc": "-",
            "repo": request.repository or None,
            "tag": request.tag or None,
            "message": request.message or None,
            "changes": list(request.changes),
            "platform": request.platform or None,
        }
        return _all_or_nothing(progress(self._transport, "/images/create", query, body))


async def progress(
    transport: Transport, path: str, query: dict[str, Any], body: AsyncIterator[bytes]
) -> AsyncIterator[Progress]:
    """POST a body and yield the messages of the answer; nothing is sent before the first is asked for."""
    answer = await transport.request("POST", path, query, upload=body)
    async with contextlib.aclosing(Stream(answer, JSONLines(events.progress).feed)) as messages:
        async for message in messages:
            yield message


async def _all_or_nothing(messages: AsyncIterator[Progress]) -> AsyncIterator[Progress]:
    """Raise what the stream reports as its end, as the engine does in process."""
    async for message in messages:
        if message.error:
            raise Internal(message.error)
        yield message
