"""Where a daemon listens: `unix:///path`, `tcp://host:port`, `ssh://user@host`, as Docker's -H takes them."""

from boxship.errors import InvalidArgument

DEFAULT_PORT = 2375
DEFAULT_TLS_PORT = 2376


class Address:
    """A parsed daemon address; `text` is how messages name it.

    With a *command*, the daemon is at the other end of that program's standard streams.
    """

    __slots__ = ("command", "host", "path", "port", "prefix", "text")

    def __init__(self, text: str, *, path: str = "", host: str = "", port: int = 0) -> None:
        self.text = text
        self.path = path
        self.host = host
        self.port = port
        self.prefix = ""
        self.command: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Address({self.text!r})"


def parse_address(text: str, *, tls: bool = False) -> Address:
    """Parse the value of -H; raise InvalidArgument with Docker's words."""
    value = text.strip()
    if value == "":
        raise InvalidArgument("no daemon address given")
    scheme, separator, rest = value.partition("://")
    if not separator:
        scheme, rest = "tcp", value
    if scheme == "unix":
        return Address(f"unix://{rest}", path=rest)
    if scheme in {"tcp", "http", "https"}:
        return _parse_tcp(value, rest, tls=tls)
    if scheme == "ssh":
        return _parse_ssh(value, rest)
    raise InvalidArgument(
        "Failed to initialize: unable to resolve docker endpoint: "
        f"invalid bind address format: {value}"
    )


DIAL = "system dial-stdio"
CONNECT_TIMEOUT_S = 30


def _parse_ssh(value: str, rest: str) -> Address:
    place, slash, path = rest.partition("/")
    user, _, where = place.rpartition("@")
    host, port = _split_port(where)
    host_text, _, query = rest.partition("?")
    problem = ""
    if not host.partition("?")[0].partition("#")[0]:
        problem = "hostname is empty"
    elif ":" in user:
        problem = "plain-text password is not supported"
    elif query:
        problem = f'query parameters are not allowed: "{query}"'
    elif "#" in host_text:
        problem = f'fragments are not allowed: "{host_text.partition("#")[2]}"'
    elif host.startswith("-") or user.startswith("-"):
        problem = f'invalid host or user: "{where}"'  # ssh would take it for an option
    if problem:
        raise InvalidArgument(
            f"Failed to initialize: ssh host connection is not valid: invalid SSH URL: {problem}"
        )
    socket = f"--host unix://{slash}{_quoted(path)} " if path else ""
    remote = (
        f"if command -v boxship >/dev/null; then exec boxship {socket}{DIAL}; "
        f"else exec docker {socket}{DIAL}; fi"
    )
    address = Address(value, host=host)
    address.command = (
        *("ssh", "-o", f"ConnectTimeout={CONNECT_TIMEOUT_S}", "-T"),
        *(("-l", user) if user else ()),
        *(("-p", port) if port else ()),
        *("--", host, remote),
    )
    return address


def _quoted(path: str) -> str:
    """As one word of the remote shell."""
    return "'" + path.replace("'", "'\\''") + "'"


def _parse_tcp(value: str, rest: str, *, tls: bool) -> Address:
    place, slash, prefix = rest.partition("/")
    host, port_text = _split_port(place)
    default = DEFAULT_TLS_PORT if tls else DEFAULT_PORT
    try:
        port = int(port_text) if port_text else default
    except ValueError:
        raise InvalidArgument(
            "Failed to initialize: unable to resolve docker endpoint: "
            f"invalid bind address format: {value}"
        ) from None
    host = host or "localhost"
    shown = f"[{host}]" if ":" in host else host
    address = Address(f"tcp://{shown}:{port}", host=host, port=port)
    address.prefix = (slash + prefix).rstrip("/")
    return address


def _split_port(place: str) -> "tuple[str, str]":
    """`[::1]:80` and `name:80` → host and port text."""
    if place.startswith("["):
        host, _, after = place[1:].partition("]")
        return host, after.removeprefix(":")
    host, _, port = place.rpartition(":") if ":" in place else (place, "", "")
    return host, port
