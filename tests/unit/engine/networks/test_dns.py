"""The DNS codec, judged by dnspython."""

import ipaddress

import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.engine.networks import dns as ours

ADDRESSES = [ipaddress.ip_address("10.0.0.2"), ipaddress.ip_address("fd00::2")]


def ask(name: str, kind: str = "A", **options: object) -> ours.Query:
    return ours.parse_query(dns.message.make_query(name, kind, **options).to_wire())  # type: ignore[arg-type]


def test_a_query_is_read_without_regard_to_case() -> None:
    query = ask("Web.Example.", use_edns=0, payload=1400)
    assert (query.name, query.type, query.udp_size) == ("web.example", ours.A, 1400)
    assert ask("web").udp_size == 512


@pytest.mark.parametrize(
    ("kind", "expected"), [("A", ["10.0.0.2"]), ("AAAA", ["fd00::2"]), ("TXT", [])]
)
def test_an_answer_has_the_addresses_of_the_family(kind: str, expected: list[str]) -> None:
    request = dns.message.make_query("Web", kind)
    reply = dns.message.from_wire(ours.answer(ours.parse_query(request.to_wire()), ADDRESSES))
    assert request.is_response(reply)
    assert [str(record) for rrset in reply.answer for record in rrset] == expected
    assert reply.rcode() == dns.rcode.NOERROR


def test_pointers_and_failures() -> None:
    request = dns.message.make_query("2.0.0.10.in-addr.arpa", "PTR")
    query = ours.parse_query(request.to_wire())
    assert ours.reverse_address(query.name) == ADDRESSES[0]
    reply = dns.message.from_wire(ours.pointer(query, ["web.mine"]))
    assert str(reply.answer[0][0]) == "web.mine."
    failed = dns.message.from_wire(ours.failure(query, ours.SERVFAIL))
    assert request.is_response(failed)
    assert failed.rcode() == dns.rcode.SERVFAIL


def test_reverse_names_of_both_families() -> None:
    six = dns.message.make_query("2." + "0." * 28 + "0.d.f.ip6.arpa", "PTR")
    assert ours.reverse_address(ours.parse_query(six.to_wire()).name) == ADDRESSES[1]
    for name in ("x.in-addr.arpa", "999.0.0.10.in-addr.arpa", "0.ip6.arpa", "example.org", ""):
        assert ours.reverse_address(name) is None


def test_what_is_too_long_for_udp_sends_the_client_to_tcp() -> None:
    query = ask("web")
    many = [ipaddress.ip_address(f"10.0.{n}.1") for n in range(60)]
    full = ours.answer(query, many)
    assert dns.message.from_wire(full).flags & 0x0200 == 0
    cut = ours.fits(full, query)
    assert len(cut) <= 512
    assert dns.message.from_wire(cut, ignore_trailing=False).flags & 0x0200


def test_only_the_answer_to_this_very_question_counts() -> None:
    request = dns.message.make_query("example.org", "A")
    query = ours.parse_query(request.to_wire())
    reply = dns.message.make_response(request).to_wire()
    assert ours.is_answer_to(reply, request.id, query)
    assert not ours.is_answer_to(reply, request.id ^ 1, query)
    assert not ours.is_answer_to(request.to_wire(), request.id, query)
    other = dns.message.make_query("example.net", "A", id=request.id)
    assert not ours.is_answer_to(dns.message.make_response(other).to_wire(), request.id, query)
    assert not ours.is_answer_to(b"", request.id, query)


@given(st.binary(max_size=600))
def test_no_bytes_are_worse_than_malformed(data: bytes) -> None:
    """F07: compression loops, long names and what not."""
    try:
        ours.parse_query(data)
    except ours.Malformed:
        reply = ours.format_error(data)
        assert reply is None or len(reply) == 12


@given(st.binary(max_size=64))
def test_nor_are_pointers_and_nonsense_after_a_good_header(data: bytes) -> None:
    header = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    try:
        query = ours.parse_query(header + data)
    except ours.Malformed:
        return
    assert len(query.name) <= 255


def test_answers_are_not_answered() -> None:
    response = dns.message.make_response(dns.message.make_query("web", "A")).to_wire()
    with pytest.raises(ours.Malformed):
        ours.parse_query(response)
    assert ours.format_error(response) is None
