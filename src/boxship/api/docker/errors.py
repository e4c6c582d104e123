"""Docker's error body."""

import logging

from boxship import errors
from boxship.api.docker.wire import answer
from boxship.http.response import Response
from boxship.wire.statuses import STATUS

log = logging.getLogger(__name__)


def status_of(error: BaseException) -> int:
    """The status of an error, by its kind; 500 for anything unforeseen.

    A program that does not exist or may not run (`exit_code` 127, 126) is the request's fault.
    """
    if getattr(error, "exit_code", None) in (126, 127):
        return 400
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def text_of(error: BaseException) -> str:
    """What the client is told: every part of a group of errors."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(text_of(part) for part in error.exceptions))
    return str(error) or type(error).__name__


def log_unforeseen(error: BaseException) -> None:
    """An error that is none of ours is a bug: keep its traceback."""
    if not isinstance(error, errors.BoxshipError):
        log.error("unexpected failure", exc_info=error)


def error_response(error: BaseException) -> Response:
    """Docker's error body."""
    log_unforeseen(error)
    if isinstance(error, errors.NotModified):
        return Response(status=304)
    return answer({"message": text_of(error)}, status_of(error))
