"""The firewall: one nftables table of our own, rendered whole from what should hold.

Published ports are elements of maps, so that one more port is one element and no packet ever walks a
list of rules. When somebody flushes the table, it is rendered again.
"""

import ipaddress
import logging
import threading
from collections.abc import Iterable
from typing import Final, NamedTuple

from boxship.errors import BoxshipError
from boxship.linux.nftables import Nftables

_CHAINS: Final = (
    "before_tracking",
    "prerouting",
    "output",
    "published",
    "forward",
    "to_bridge",
    "postrouting",
)

log = logging.getLogger(__name__)


class BridgeRules(NamedTuple):
    """What the firewall must know of a bridge network."""

    device: str
    subnets: tuple[str, ...]
    masquerade: bool = True
    internal: bool = False
    icc: bool = True
    snat4: str = ""  # the address to be seen with outside, instead of the interface's own
    unprotected: bool = False  # reachable by its addresses, published or not


class Publication(NamedTuple):
    """A host port led to a container; `host_ip` is a concrete address or an unspecified one."""

    protocol: str
    host_ip: str
    host_port: int
    ip: str
    port: int


def render(table: str, bridges: Iterable[BridgeRules], published: Iterable[Publication]) -> str:
    """The commands that replace the whole table in one transaction."""
    bridges = sorted(bridges)
    elements = render_published(table, sorted(published))
    return f"""\
table inet {table}
delete table inet {table}
table inet {table} {{
  map published4 {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
  map published4_any {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
  map published6 {{ type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }}
  map published6_any {{ type inet_proto . inet_service : ipv6_addr . inet_service; }}
  set loopback4 {{ type ipv4_addr . inet_proto . inet_service; }}
{_set("bridges", "ifname", (f'"{b.device}"' for b in bridges))}
{_set("internal", "ifname", (f'"{b.device}"' for b in bridges if b.internal))}
{_set("unprotected", "ifname", (f'"{b.device}"' for b in bridges if b.unprotected))}
{_set("talking", "ifname . ifname", (f'"{b.device}" . "{b.device}"' for b in bridges if b.icc))}
  chain before_tracking {{
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
    iifname != "lo" ip daddr . meta l4proto . th dport @loopback4 drop
  }}
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump published
  }}
  chain output {{
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }}
  chain published {{
    dnat ip to ip daddr . meta l4proto . th dport map @published4
    dnat ip to meta l4proto . th dport map @published4_any
    ip6 daddr ::1 return
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6
    dnat ip6 to meta l4proto . th dport map @published6_any
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    oifname @bridges jump to_bridge
    iifname @internal drop
  }}
  chain to_bridge {{
    ct state established,related accept
    iifname . oifname @talking accept
    oifname @internal drop
    iifname @internal drop
    oifname @unprotected accept
    ct status dnat accept
    drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 127.0.0.0/8 oifname @bridges masquerade
{"".join(f"    {rule}{chr(10)}" for bridge in bridges for rule in _source_nat(bridge))}  }}
}}
{elements}"""


def render_published(table: str, published: Iterable[Publication]) -> str:
    """The commands that add some ports."""
    return "".join(f"{line}\n" for line in _elements(table, "add", published))


def render_unpublished(table: str, published: Iterable[Publication]) -> str:
    """The commands that take some ports away."""
    return "".join(f"{line}\n" for line in _elements(table, "delete", published))


def _set(name: str, kind: str, elements: Iterable[str]) -> str:
    listed = ", ".join(elements)
    content = f" elements = {{ {listed} }};" if listed else ""
    return f"  set {name} {{ type {kind};{content} }}"


def _source_nat(bridge: BridgeRules) -> Iterable[str]:
    for subnet in () if bridge.internal else bridge.subnets:
        family = "ip" if ipaddress.ip_network(subnet).version == 4 else "ip6"
        away = f'{family} saddr {subnet} oifname != "{bridge.device}"'
        if bridge.snat4 and family == "ip":
            yield f"{away} snat ip to {bridge.snat4}"
        elif bridge.masquerade:
            yield f"{away} masquerade"
        # hairpin: the answer must come back through us to be translated again
        yield f"{family} saddr {subnet} {family} daddr {subnet} ct status dnat masquerade"


def _elements(table: str, verb: str, published: Iterable[Publication]) -> Iterable[str]:
    for each in published:
        host = ipaddress.ip_address(each.host_ip)
        key = f"{each.protocol} . {each.host_port}"
        value = f"{each.ip} . {each.port}"
        at = f"{verb} element inet {table}"
        if host.is_unspecified:
            yield f"{at} published{host.version}_any {{ {key} : {value} }}"
        else:
            yield f"{at} published{host.version} {{ {host} . {key} : {value} }}"
        if host.version == 4 and host.is_loopback:
            yield f"{at} loopback4 {{ {host} . {key} }}"


def dropping_tables(chains: str, own: str) -> list[str]:
    """The tables whose forward hook drops by default, in the output of `list chains`."""
    found = []
    table = ""
    for line in chains.splitlines():
        words = line.split()
        if words[:1] == ["table"]:
            table = " ".join(words[1:3])
        elif "hook forward" in line and "policy drop" in line and table != f"inet {own}":
            found.append(table)
    return found


class Firewall:
    """Keeps the table as it should be. Blocking and thread-safe; `enabled` false does nothing."""

    def __init__(self, table: str, nft: Nftables | None) -> None:
        self._table = table
        self._nft = nft
        self._bridges: dict[str, BridgeRules] = {}
        self._published: set[Publication] = set()
        self._as_rendered = ""  # our chains in the words of this version of nft
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return (
            f"Firewall({self._table}: {len(self._bridges)} bridges, {len(self._published)} ports)"
        )

    @property
    def enabled(self) -> bool:
        """False with --iptables=false: then ports are relayed and nothing is translated."""
        return self._nft is not None

    def expect(self, bridges: Iterable[BridgeRules], published: Iterable[Publication]) -> None:
        """Note what should hold, to be brought about by the next `reassert`."""
        with self._lock:
            self._bridges.update({bridge.device: bridge for bridge in bridges})
            self._published.update(published)

    def add_bridge(self, bridge: BridgeRules) -> None:
        """Let a bridge in."""
        with self._lock:
            before = self._bridges.get(bridge.device)
            self._bridges[bridge.device] = bridge
            try:
                self._render()
            except BoxshipError:
                self._bridges.pop(bridge.device)
                if before is not None:
                    self._bridges[bridge.device] = before
                raise

    def remove_bridge(self, device: str) -> None:
        """Forget a bridge."""
        with self._lock:
            if self._bridges.pop(device, None) is not None:
                self._render()

    def publish(self, published: Iterable[Publication]) -> None:
        """Open ports; all or none."""
        new = set(published)
        with self._lock:
            self._published |= new
            try:
                self._change(render_published(self._table, new))
            except BoxshipError:
                self._published -= new
                raise

    def unpublish(self, published: Iterable[Publication]) -> None:
        """Close ports."""
        old = set(published)
        with self._lock:
            old &= self._published
            self._published -= old
            self._change(render_unpublished(self._table, old))

    def reassert(self) -> None:
        """Render everything again."""
        with self._lock:
            self._render()

    def is_intact(self) -> bool:
        """False when a chain of ours, or what is in it, is not as we rendered it."""
        if self._nft is None:
            return True
        with self._lock:
            try:
                return self._chains() == self._as_rendered
            except BoxshipError:
                return False

    def _chains(self) -> str:
        assert self._nft is not None  # noqa: S101 - told by the callers
        # one by one: nft 1.0.6 finds only one chain when asked for several at once
        listed = [self._nft.run(f"list chain inet {self._table} {name}") for name in _CHAINS]
        return "".join(listed)

    def others_that_drop(self) -> list[str]:
        """Tables of other programs that drop what the host forwards: no rule of ours overrules them."""
        if self._nft is None:
            return []
        return dropping_tables(self._nft.run("list chains"), self._table)

    def destroy(self) -> None:
        """Take the table away."""
        with self._lock:
            self._bridges.clear()
            self._published.clear()
            if self._nft is not None:
                self._nft.run(f"table inet {self._table}\ndelete table inet {self._table}\n")

    def _render(self) -> None:
        if self._nft is not None:
            self._nft.run(render(self._table, self._bridges.values(), self._published))
            self._as_rendered = self._chains()

    def _change(self, commands: str) -> None:
        if self._nft is None or not commands:
            return
        try:
            self._nft.run(commands)
        except BoxshipError as error:
            log.info("firewall: %s; rendering table %s again", error, self._table)
            self._render()
