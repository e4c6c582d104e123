"""boxship logout."""

import sys

from boxship.cli.credentials import INDEX, erase
from boxship.cli.flags import Command, Options
from boxship.cli.running import Context


def run(context: Context, options: Options) -> None:
    """Forget the credentials of a registry."""
    server = options.args[0] if options.args else ""
    if not server or server == INDEX:
        names = [INDEX]
    else:
        host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
        names = list(dict.fromkeys([host, server, f"http://{host}", f"https://{host}"]))
    sys.stdout.write(f"Removing login credentials for {names[0]}\n")
    for name in names:
        erase(context.config, name)


COMMAND = Command(
    "logout [SERVER]",
    run,
    args=(0, 1),
    long="Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
)
