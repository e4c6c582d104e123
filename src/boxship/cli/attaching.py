"""What run, start, attach and exec share: the attached stream and the exit status."""

import sys

from boxship.cli.running import Failed, path_name
from boxship.cli.streams import Session
from boxship.client.errors import ConnectionFailed
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.client.http import Client

LOST = 125


def check_tty(*, stdin: bool, tty: bool) -> None:
    """Refuse to give a terminal to a container when our stdin is none."""
    if stdin and tty and not sys.stdin.isatty():
        raise Failed("the input device is not a TTY")


def attach(
    client: "Client",
    container: str,
    *,
    tty: bool,
    stdin: bool,
    stdout: bool = True,
    stderr: bool = True,
    keys: str = "",
) -> Session:
    """Open a container's streams."""
    query = {
        "detachKeys": keys or None,
        "stderr": True if stderr else None,
        "stdin": True if stdin else None,
        "stdout": True if stdout else None,
        "stream": True,
    }
    connection, _ = client.hijack(f"/containers/{path_name(container)}/attach", query)
    return Session(connection, tty=tty, stdin=stdin, stdout=stdout, stderr=stderr, keys=keys)


class ExitWatch:
    """A request for the exit status, made before the container can end."""

    def __init__(self, client: "Client", container: str, condition: str = "") -> None:
        self._response = client.request(
            "POST", f"/containers/{path_name(container)}/wait", {"condition": condition or None}
        )

    def result(self) -> int:
        """Block until the container has ended."""
        try:
            answer = self._response.json()
        except (ConnectionFailed, OSError) as error:
            sys.stderr.write(f"error waiting for container: {error}\n")
            return LOST
        except BoxshipError:
            return LOST
        if not answer:
            return LOST
        if answer.get("Error"):
            sys.stderr.write(f"Error waiting for container: {answer['Error'].get('Message')}\n")
            return LOST
        return int(answer["StatusCode"])
