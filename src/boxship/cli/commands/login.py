"""boxship login."""

import sys

from boxship.cli.credentials import INDEX, get, store
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.running import Context, Failed


def run(context: Context, options: Options) -> None:
    """Check credentials with a registry and keep them."""
    _check_flags(options)
    server = _server(options.args[0] if options.args else "")
    known = get(context.config, server) if not options.username else {}
    user = options.username or known.get("username", "")
    if not options.username and known.get("password") and not options.password:
        answer = _authenticate(context, server, user, known["password"])
        _report(answer)
        return
    password = options.password
    if options.password_stdin:
        password = sys.stdin.read().rstrip("\r\n")
    if not user or not password:
        user, password = _ask(user, password)
    answer = _authenticate(context, server, user, password)
    auth = {"username": user, "password": password}
    if answer.get("IdentityToken"):
        auth = {"username": user, "identitytoken": answer["IdentityToken"]}
    if store(context.config, server, auth):
        sys.stderr.write(
            "\nWARNING! Your credentials are stored unencrypted in "
            f"'{context.config.path}'.\n"
            "Configure a credential helper to remove this warning. See\n"
            "https://docs.docker.com/go/credential-store/\n\n"
        )
    _report(answer)


def _check_flags(options: Options) -> None:
    if options.password_stdin:
        if options.password:
            raise Failed("conflicting options: cannot specify both --password and --password-stdin")
        if not options.username:
            raise Failed("the --password-stdin option requires --username to be set")
    elif options.password:
        sys.stderr.write(
            "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n"
        )


def _server(text: str) -> str:
    name = text.removeprefix("https://").removeprefix("http://")
    if not name or name.rstrip("/") in {"docker.io", "index.docker.io", "registry-1.docker.io"}:
        return INDEX
    return INDEX if text == INDEX else name.partition("/")[0]


def _ask(user: str, password: str) -> "tuple[str, str]":
    if not sys.stdin.isatty():
        raise Failed("Error: Cannot perform an interactive login from a non TTY device")
    if not user:
        sys.stdout.write("Username: ")
        sys.stdout.flush()
        user = sys.stdin.readline().strip()
        if not user:
            raise Failed("Error: Non-null Username Required")
    if not password:
        from getpass import getpass

        password = getpass("Password: ")
        if not password:
            raise Failed("Error: Password Required")
    return user, password


def _authenticate(context: Context, server: str, user: str, password: str) -> "dict[str, str]":
    body = {"username": user, "password": password, "serveraddress": server}
    return dict(context.client.post("/auth", body=body) or {})


def _report(answer: "dict[str, str]") -> None:
    if answer.get("Status"):
        sys.stdout.write(answer["Status"] + "\n")


COMMAND = Command(
    "login [OPTIONS] [SERVER]",
    run,
    Flag("password", "p", "string", "Password or Personal Access Token (PAT)"),
    Flag("password-stdin", "", "bool", "Take the Password or Personal Access Token (PAT) from stdin"),
    Flag("username", "u", "string", "Username"),
    args=(0, 1),
    long="Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
)  # fmt: skip
