"""What a container is told of those it links to on the default network: variables, as of old. Pure."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence

_NOT_HANDED_ON = frozenset({"HOME", "PATH"})


def variables(
    name: str, address: str, ports: Mapping[str, object], environment: Iterable[str]
) -> list[str]:
    """The environment for the link *name* (`/web/db`) to who has *address* and exposes *ports*."""
    alias = posixpath.basename(name).upper().replace("-", "_")
    known = sorted(map(_parsed, ports), key=lambda port: (port[1] != "tcp", port[1], port[0]))
    result = []
    if known:
        number, protocol = known[0]
        result.append(f"{alias}_PORT={protocol}://{address}:{number}")
    for first, last, protocol in _ranges(known):
        prefix = f"{alias}_PORT_{first}_{protocol.upper()}"
        result += [
            f"{prefix}_START={protocol}://{address}:{first}",
            f"{prefix}_ADDR={address}",
            f"{prefix}_PROTO={protocol}",
            f"{prefix}_PORT_START={first}",
            f"{prefix}_END={protocol}://{address}:{last}",
            f"{prefix}_PORT_END={last}",
        ]
    for number, protocol in known:
        prefix = f"{alias}_PORT_{number}_{protocol.upper()}"
        result += [
            f"{prefix}={protocol}://{address}:{number}",
            f"{prefix}_ADDR={address}",
            f"{prefix}_PORT={number}",
            f"{prefix}_PROTO={protocol}",
        ]
    result.append(f"{alias}_NAME={name}")
    for each in environment:
        variable, equals, value = each.partition("=")
        if equals and variable not in _NOT_HANDED_ON:
            result.append(f"{alias}_ENV_{variable}={value}")
    return result


def _parsed(port: str) -> tuple[int, str]:
    number, _, protocol = port.partition("/")
    return int(number), protocol or "tcp"


def _ranges(ports: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """Runs of two and more neighbours."""
    start = 0
    for end in range(1, len(ports) + 1):
        (number, protocol) = ports[end - 1]
        if end == len(ports) or ports[end] != (number + 1, protocol):
            if end - start > 1:
                yield ports[start][0], number, protocol
            start = end
