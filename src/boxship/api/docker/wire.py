"""JSON in requests and answers."""

from typing import Any

from boxship.errors import InvalidArgument
from boxship.http.request import Request
from boxship.http.response import JSON, Response
from boxship.wire.values import INT64, decode, dump, encode, fields, object_of, parse

__all__ = [
    "INT64",
    "answer",
    "decode",
    "dump",
    "encode",
    "fields",
    "nothing",
    "object_of",
    "parse",
    "read",
]


async def read(request: Request, *, required: bool = False) -> Any:
    """The JSON body of a request; None for an empty one unless *required*."""
    content_type = request.headers.get("Content-Type", "")
    if content_type or request.has_body:
        _check_content_type(content_type)
    data = await request.body() if request.has_body else b""
    if not data.strip():
        if required or data:
            raise InvalidArgument("invalid JSON: got EOF while reading request body")
        return None
    return parse(data)


def _check_content_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type:
        raise InvalidArgument(
            f"malformed Content-Type header ({content_type}): mime: no media type"
        )
    if media_type != JSON:
        raise InvalidArgument(
            f"unsupported Content-Type header ({content_type}): must be 'application/json'"
        )


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(dump(value), status=status, content_type=JSON)


def nothing(status: int = 204) -> Response:
    """An answer without a body."""
    return Response(status=status)
