"""The rules, and what becomes of them when nft refuses."""

import pytest

from boxship.engine.networks.firewall import (
    BridgeRules,
    Firewall,
    Publication,
    dropping_tables,
    render,
)
from boxship.errors import Internal, NotFound

DEFAULT = BridgeRules("boxship0", ("172.17.0.0/16",))
INNER = BridgeRules("br-inner", ("172.18.0.0/16", "fd00::/64"), internal=True)
QUIET = BridgeRules("br-quiet", ("10.0.0.0/8", "fd01::/64"), icc=False, snat4="192.0.2.9")
WEB = Publication("tcp", "0.0.0.0", 8080, "172.17.0.2", 80)
LOOP = Publication("udp", "127.0.0.1", 53, "172.17.0.3", 5353)
SIX = Publication("tcp", "::", 8080, "fd01::2", 80)


class FakeNft:
    """Remembers what ran; fails when told to."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failures: list[Exception] = []
        self.listing = ""

    def run(self, commands: str) -> str:
        if self.failures:
            raise self.failures.pop(0)
        if not commands.startswith("list"):
            self.ran.append(commands)
        return self.listing

    def close(self) -> None:
        """Nothing."""


def test_ports_are_elements_of_maps() -> None:
    text = render("t", [DEFAULT], [WEB, LOOP, SIX])
    assert text.startswith("table inet t\ndelete table inet t\n")
    assert text.endswith(
        "add element inet t published4_any { tcp . 8080 : 172.17.0.2 . 80 }\n"
        "add element inet t published6_any { tcp . 8080 : fd01::2 . 80 }\n"
        "add element inet t published4 { 127.0.0.1 . udp . 53 : 172.17.0.3 . 5353 }\n"
        "add element inet t loopback4 { 127.0.0.1 . udp . 53 }\n"
    )


def test_each_network_is_let_out_and_kept_apart_as_it_wants() -> None:
    text = render("t", [QUIET, INNER, DEFAULT], [])
    assert 'set bridges { type ifname; elements = { "boxship0", "br-inner", "br-quiet" }; }' in text
    assert 'set internal { type ifname; elements = { "br-inner" }; }' in text
    assert '"br-quiet" . "br-quiet"' not in text
    assert 'ip saddr 172.17.0.0/16 oifname != "boxship0" masquerade' in text
    assert 'ip saddr 10.0.0.0/8 oifname != "br-quiet" snat ip to 192.0.2.9' in text
    assert 'ip6 saddr fd01::/64 oifname != "br-quiet" masquerade' in text
    assert "172.18.0.0/16" not in text


def test_a_port_that_cannot_be_added_has_the_table_rendered_again() -> None:
    nft = FakeNft()
    firewall = Firewall("t", nft)
    firewall.add_bridge(DEFAULT)
    nft.failures.append(NotFound("the table is gone"))
    firewall.publish([WEB])
    assert nft.ran[-1] == render("t", [DEFAULT], [WEB])
    nft.failures.append(NotFound("the element is gone"))
    firewall.unpublish([WEB])
    assert nft.ran[-1] == render("t", [DEFAULT], [])


def test_what_failed_is_forgotten() -> None:
    nft = FakeNft()
    firewall = Firewall("t", nft)
    firewall.add_bridge(DEFAULT)
    nft.failures += [Internal("no"), Internal("no")]
    with pytest.raises(Internal):
        firewall.publish([WEB])
    nft.failures.append(Internal("no"))
    with pytest.raises(Internal):
        firewall.add_bridge(QUIET)
    firewall.reassert()
    assert nft.ran[-1] == render("t", [DEFAULT], [])


def test_chains_that_are_not_as_rendered_are_noticed() -> None:
    nft = FakeNft()
    nft.listing = "as this version of nft writes it"
    firewall = Firewall("t", nft)
    firewall.reassert()
    assert firewall.is_intact()
    nft.listing = "emptied"
    assert not firewall.is_intact()
    nft.failures.append(NotFound("gone"))
    assert not firewall.is_intact()


def test_without_a_firewall_nothing_is_done() -> None:
    firewall = Firewall("t", None)
    firewall.add_bridge(DEFAULT)
    firewall.publish([WEB])
    firewall.unpublish([WEB])
    assert firewall.is_intact()
    assert not firewall.enabled


def test_tables_that_drop_forwarded_traffic_are_told() -> None:
    chains = """table ip filter {
\tchain FORWARD {
\t\ttype filter hook forward priority filter; policy drop;
\t}
\tchain INPUT {
\t\ttype filter hook input priority filter; policy drop;
\t}
}
table inet boxship {
\tchain forward {
\t\ttype filter hook forward priority filter; policy accept;
\t}
}
"""
    assert dropping_tables(chains, "boxship") == ["ip filter"]
    assert dropping_tables("", "boxship") == []
