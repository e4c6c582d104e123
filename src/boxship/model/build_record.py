"""Build cache records: what a step made, found again by the digest of all that went into it."""

import msgspec

from boxship.model.image import ImageLayer


class BuildRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One remembered step; times in nanoseconds since the epoch, size in bytes.

    `layers` are all layers of the result, lowest first: while the record exists, garbage collection
    keeps them. `data` is the builder's own.
    """

    key: str
    layers: tuple[ImageLayer, ...] = ()
    parents: tuple[str, ...] = ()
    type: str = "regular"
    description: str = ""
    size: int = 0
    created_at: int = 0
    last_used_at: int = 0
    usage_count: int = 0
    data: dict[str, str] = {}
