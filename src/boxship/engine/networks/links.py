"""Links of the default bridge: the variables by which a container hears of another's ports."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from boxship.errors import Internal
from boxship.model.container import Container

Linked = tuple[str, Container, str]
"""The alias of a link, the container behind it, its address."""

_NOT_TOLD = ("HOME", "PATH")


class LinkRefused(Internal):
    """The other container is not there to be linked to."""


def environment(own_name: str, alias: str, address: str, other: Container) -> list[str]:
    """`DB_PORT_5432_TCP_ADDR=…` and its like, as Docker names them."""
    prefix = alias.upper().replace("-", "_")
    ports = sorted(_port(text) for text in other.config.exposed_ports or ())
    found = []
    if ports:
        protocol, number = ports[0]
        found.append(f"{prefix}_PORT={protocol}://{address}:{number}")
    for protocol, number in ports:
        name = f"{prefix}_PORT_{number}_{protocol.upper()}"
        found += [
            f"{name}={protocol}://{address}:{number}",
            f"{name}_ADDR={address}",
            f"{name}_PORT={number}",
            f"{name}_PROTO={protocol}",
        ]
    for protocol, first, last in _runs(ports):
        name = f"{prefix}_PORT_{first}_{protocol.upper()}"
        found += [
            f"{name}_START={protocol}://{address}:{first}",
            f"{name}_PORT_START={first}",
            f"{name}_END={protocol}://{address}:{last}",
            f"{name}_PORT_END={last}",
        ]
    found.append(f"{prefix}_NAME=/{own_name}/{alias}")
    told = (text for text in other.config.env or () if text.partition("=")[0] not in _NOT_TOLD)
    return [*found, *(f"{prefix}_ENV_{text}" for text in told if "=" in text)]


def _port(text: str) -> tuple[str, int]:
    number, _, protocol = text.partition("/")
    return protocol or "tcp", int(number)  # tcp sorts before udp: the port a client wants first


def _runs(ports: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int, int]]:
    """Neighbouring ports, as protocol, first and last."""
    starts = [
        index
        for index, (before, port) in enumerate(pairwise([("", -1), *ports]))
        if port != (before[0], before[1] + 1)
    ]
    for start, end in pairwise([*starts, len(ports)]):
        if end - start > 1:
            protocol, first = ports[start]
            yield protocol, first, ports[end - 1][1]
