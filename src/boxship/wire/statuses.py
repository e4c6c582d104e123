"""Which HTTP status each kind of error has."""

from typing import Final

from boxship import errors

STATUS: Final[dict[type[errors.BoxshipError], int]] = {
    errors.NotModified: 304,
    errors.InvalidArgument: 400,
    errors.Unauthenticated: 401,
    errors.PermissionDenied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unsupported: 501,
    errors.Unavailable: 503,
    errors.Internal: 500,
}

KINDS: Final[dict[int, type[errors.BoxshipError]]] = {
    status: kind for kind, status in STATUS.items()
}
"""The other way: what a status stands for."""
