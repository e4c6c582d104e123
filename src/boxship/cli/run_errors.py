"""Errors of `run` and `create`: their form, and 125, 126 or 127 as exit status."""

from boxship.cli import PROGRAM
from boxship.cli.running import Failed
from boxship.client.errors import ApiError
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

ENGINE_FAILED = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127


class reported:  # noqa: N801 - reads as a statement
    """Turn a BoxshipError into Docker's `docker: … Run 'docker run --help'` with its status."""

    def __init__(self, verb: str, *, only_flags: bool = False) -> None:
        self._verb = verb
        self._only_flags = only_flags

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, _kind: object, error: "BaseException | None", _trace: "TracebackType | None"
    ) -> None:
        if not isinstance(error, BoxshipError):
            return
        status = ENGINE_FAILED if self._only_flags else status_of(error)
        raise Failed(
            f"{PROGRAM}: {error}\n\nRun '{PROGRAM} {self._verb} --help' for more information",
            status,
        ) from None


def status_of(error: BoxshipError) -> int:
    """What a shell would return for a program that did not start, else 125."""
    text = error.message if isinstance(error, ApiError) else str(error)
    missing = (
        "executable file not found",
        "no such file or directory",
        "system cannot find the file specified",
    )
    if any(words in text for words in missing):
        return NOT_FOUND
    if "permission denied" in text or "is a directory" in text:
        return NOT_EXECUTABLE
    return ENGINE_FAILED
