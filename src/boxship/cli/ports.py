"""`-p` and `--expose`: specifications to the API's port maps."""

from boxship.cli.validators import ip_address
from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOLS = ("tcp", "udp", "sctp")


def port_maps(publish: "list[str]", expose: "list[str]") -> "tuple[dict[str, Any], dict[str, Any]]":
    """ExposedPorts and PortBindings."""
    exposed: dict[str, Any] = {}
    bindings: dict[str, Any] = {}
    for text in publish:
        for port, binding in _published(_short_form(text)):
            exposed[port] = {}
            found = bindings.setdefault(port, [])
            found.append(binding)
    for text in expose:
        for port in _exposed(text):
            exposed.setdefault(port, {})
    return exposed, bindings


def _short_form(text: str) -> str:
    """`published=80,target=8080,protocol=tcp` as `80:8080/tcp`."""
    if "=" not in text:
        return text
    values = {"protocol": "tcp", "published": "", "target": ""}
    for field in text.split(","):
        name, equals, value = field.partition("=")
        if not equals:
            raise InvalidArgument(
                f"invalid publish opts format (should be name=value but got '{field}')"
            )
        values[name] = value
    return f"{values['published']}:{values['target']}/{values['protocol']}"


def _published(text: str) -> "list[tuple[str, dict[str, str]]]":
    spec, ip, host, container = _parts(text)
    plain, _, protocol = spec.partition("/")
    protocol = (protocol or "tcp").lower()
    del plain
    if ip.startswith("[") and ip.endswith("]"):
        ip = ip[1:-1]
    if ip:
        try:
            ip = _checked_ip(ip)
        except ValueError:
            raise InvalidArgument(f"invalid IP address: {ip}") from None
    if not container:
        raise InvalidArgument(f"no port specified: {text}<empty>")
    first, last = _range(container, f"invalid containerPort: {container}")
    host_first, host_last = 0, 0
    if host:
        host_first, host_last = _range(host, f"invalid hostPort: {host}")
        if last - first != host_last - host_first and last != first:
            raise InvalidArgument(
                f"invalid ranges specified for container and host Ports: {container} and {host}"
            )
    if protocol not in PROTOCOLS:
        raise InvalidArgument(f"invalid proto: {protocol}")
    out = []
    for port in range(first, last + 1):
        number = str(host_first + port - first) if host else ""
        if host and first == last and host_first != host_last:
            number = f"{host_first}-{host_last}"  # any one of the range
        out.append((f"{port}/{protocol}", {"HostIp": ip, "HostPort": number}))
    return out


def _checked_ip(ip: str) -> str:
    ip_address(ip)
    return ip


def _parts(text: str) -> "tuple[str, str, str, str]":
    """The whole, host address, host port and container port of one specification."""
    spec, slash, protocol = text.partition("/")
    pieces = spec.split(":")
    container = pieces[-1]
    if len(pieces) == 1:
        ip = host = ""
    elif len(pieces) == 2:
        ip, host = "", pieces[0]
    elif len(pieces) == 3:
        ip, host = pieces[0], pieces[1]
    else:
        ip, host = ":".join(pieces[:-2]), pieces[-2]
    return f"{container}{slash}{protocol}", ip, host, container


def _range(text: str, message: str) -> "tuple[int, int]":
    first, dash, last = text.partition("-")
    try:
        low = _number(first)
        high = _number(last) if dash else low
    except ValueError:
        raise InvalidArgument(message) from None
    if high < low:
        raise InvalidArgument(message)
    return low, high


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    value = int(text)
    if value > 65535:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return value


def _exposed(text: str) -> "list[str]":
    if ":" in text:
        raise InvalidArgument(f"invalid port format for --expose: {text}")
    span, _, protocol = text.partition("/")
    protocol = protocol or "tcp"
    first, dash, last = span.partition("-")
    try:
        if not span:
            raise ValueError("empty string specified for ports")  # noqa: TRY301 - one text for all
        low = _number(first)
        high = _number(last) if dash else low
        if high < low:
            raise ValueError(f"invalid range specified for port: {span}")  # noqa: TRY301 - one text for all
    except ValueError as error:
        raise InvalidArgument(
            f"invalid range format for --expose: {text}, error: {error}"
        ) from None
    return [f"{port}/{protocol}" for port in range(low, high + 1)]
