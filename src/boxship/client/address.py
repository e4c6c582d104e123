"""Where a daemon listens: `unix:///path`, `tcp://host:port`, as Docker's -H takes them."""

from boxship.errors import InvalidArgument

DEFAULT_PORT = 2375
DEFAULT_TLS_PORT = 2376


class Address:
    """A parsed daemon address; `text` is how messages name it."""

    __slots__ = ("host", "path", "port", "prefix", "text")

    def __init__(self, text: str, *, path: str = "", host: str = "", port: int = 0) -> None:
        self.text = text
        self.path = path
        self.host = host
        self.port = port
        self.prefix = ""

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
    raise InvalidArgument(
        f"unable to resolve docker endpoint: invalid bind address format: {value}"
    )


def _parse_tcp(value: str, rest: str, *, tls: bool) -> Address:
    place, slash, prefix = rest.partition("/")
    host, port_text = _split_port(place)
    default = DEFAULT_TLS_PORT if tls else DEFAULT_PORT
    try:
        port = int(port_text) if port_text else default
    except ValueError:
        raise InvalidArgument(
            f"unable to resolve docker endpoint: invalid bind address format: {value}"
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
