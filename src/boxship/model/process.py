"""Processes in containers."""

from boxship.errors import BoxshipError


class RuntimeRefused(BoxshipError):
    """The OCI runtime could not start the process; `exit_code` is what `docker run` ends with.

    127 when the program does not exist, 126 when it cannot be executed, 128 otherwise. The text is
    Docker's: `failed to create task for container: failed to create shim task: OCI runtime create
    failed: …: exec: "foo": executable file not found in $PATH: unknown`.
    """

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code
