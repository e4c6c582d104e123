"""Digests, and the four identities that must never be mixed up (OCI image-spec, descriptor.md)."""

import re
from typing import NewType

from boxship.errors import InvalidArgument

_FORM = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")

Digest = NewType("Digest", str)
"""`sha256:…`, well formed: made only by `parse_digest` and by hashing."""

BlobDigest = NewType("BlobDigest", Digest)
"""Of a blob as stored: a compressed layer, a manifest, a config."""

DiffID = NewType("DiffID", Digest)
"""Of one layer's uncompressed tar."""

ChainID = NewType("ChainID", Digest)
"""Of a layer and all the layers below it."""

ImageID = NewType("ImageID", Digest)
"""Of an image's configuration blob: what Docker shows as IMAGE ID."""


def parse_digest(text: str) -> Digest:
    """Raise InvalidArgument unless *text* is a digest we support; do this before any use as a path."""
    if _FORM.fullmatch(text) is None:
        raise InvalidArgument(f"invalid digest: {text[:200]!r}")
    return Digest(text)


def is_digest(text: str) -> bool:
    """Tell whether *text* is a well-formed digest."""
    return _FORM.fullmatch(text) is not None


def digest_hex(digest: str) -> str:
    """The part behind the colon."""
    return digest.partition(":")[2]


def short_id(identifier: str) -> str:
    """The twelve characters that Docker shows of an ID or digest."""
    return identifier.removeprefix("sha256:")[:12]
