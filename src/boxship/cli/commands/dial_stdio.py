"""boxship system dial-stdio: join standard input and output to the daemon, for `-H ssh://`."""

import os
import sys
from _thread import start_new_thread

from boxship.cli.flags import Command, Options
from boxship.cli.running import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.client.http import Connection

CHUNK = 1 << 16
SHUT_WR = 1


def run(context: Context, _options: Options) -> None:
    """Copy both ways until the daemon has nothing more to say."""
    connection = context.client.connect()
    start_new_thread(_copy_input, (connection,))
    output = sys.stdout.fileno()
    while data := connection.sock.recv(CHUNK):
        view = memoryview(data)
        while view:
            view = view[os.write(output, view) :]


def _copy_input(connection: "Connection") -> None:
    try:
        while data := os.read(sys.stdin.fileno(), CHUNK):
            connection.send(data)
        connection.sock.shutdown(SHUT_WR)
    except OSError:
        pass  # the daemon has gone; its end of the stream says so to the other direction


COMMAND = Command(
    "dial-stdio",
    run,
    long="Proxy the stdio stream to the daemon connection. Should not be invoked manually.",
)
