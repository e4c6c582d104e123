"""JSON in requests and answers."""

import re
from typing import Any, Final

from boxship.errors import InvalidArgument
from boxship.http.request import Request
from boxship.http.response import JSON, Response
from boxship.wire.values import (
    INT64,
    decode,
    dump,
    encode,
    fields,
    mismatch,
    object_of,
    parse,
    string_map,
)

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_PARAMETERS: Final = re.compile(
    r"""(?:\s*;\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[^"\\]|\\.)*"))*\s*;?\s*"""
)

__all__ = [
    "INT64",
    "answer",
    "decode",
    "dump",
    "encode",
    "fields",
    "mismatch",
    "nothing",
    "object_of",
    "parse",
    "read",
    "string_map",
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
    media_type, semicolon, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    wrong = _wrong_media_type(media_type)
    if not wrong and semicolon and not _PARAMETERS.fullmatch(semicolon + parameters):
        wrong = "invalid media parameter"
    if wrong:
        raise InvalidArgument(f"malformed Content-Type header ({content_type}): mime: {wrong}")
    if media_type != JSON:
        raise InvalidArgument(
            f"unsupported Content-Type header ({content_type}): must be 'application/json'"
        )


def _wrong_media_type(media_type: str) -> str:
    if not media_type:
        return "no media type"
    kind, slash, subtype = media_type.partition("/")
    if not _TOKEN.fullmatch(kind):
        return "expected slash after first token"
    if slash and not _TOKEN.match(subtype):
        return "expected token after slash"
    if slash and not _TOKEN.fullmatch(subtype):
        return "unexpected content after media subtype"
    return ""


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(dump(value), status=status, content_type=JSON)


def nothing(status: int = 204) -> Response:
    """An answer without a body."""
    return Response(status=status)
