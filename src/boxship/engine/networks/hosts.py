"""The lines of a container's /etc/hosts; pure."""

from collections.abc import Iterable, Sequence
from typing import Final

Line = tuple[str, tuple[str, ...]]  # address, names

HOST_FILE: Final = "/etc/hosts"
GATEWAY: Final = "host-gateway"
LOCALHOST: Final[tuple[Line, ...]] = (
    ("127.0.0.1", ("localhost",)),
    ("::1", ("localhost", "ip6-localhost", "ip6-loopback")),
    ("fe00::", ("ip6-localnet",)),
    ("ff00::", ("ip6-mcastprefix",)),
    ("ff02::1", ("ip6-allnodes",)),
    ("ff02::2", ("ip6-allrouters",)),
)


def parse(text: str) -> list[Line]:
    """Read a hosts file (hosts(5))."""
    rows = (line.partition("#")[0].split() for line in text.splitlines())
    return [(words[0], tuple(words[1:])) for words in rows if len(words) > 1]


def extra_lines(asked: Sequence[str] | None, gateways: Sequence[str]) -> Iterable[Line]:
    """Lines for `--add-host name:address`, where the address may be `host-gateway`."""
    for text in asked or ():
        name, _, address = text.partition(":")
        for each in gateways if address == GATEWAY else (address.strip("[]"),):
            yield each, (name,)


def render(lines: Iterable[Line]) -> str:
    """The text of the file."""
    return "".join(f"{address}\t{' '.join(names)}\n" for address, names in lines)


def edited(text: str, before: Sequence[Line], after: Sequence[Line]) -> str:
    """A file that had *before*, and perhaps more by now, brought to *after*."""
    gone = {render([line]) for line in before if line not in after}
    kept = [line for line in text.splitlines(keepends=True) if line not in gone]
    return "".join(kept) + render(line for line in after if line not in before)
