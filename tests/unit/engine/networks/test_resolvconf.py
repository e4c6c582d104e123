"""The resolv.conf of containers."""

from boxship.engine.networks import resolvconf
from boxship.engine.networks.resolvconf import ResolvConf

HOST = ResolvConf(
    ("10.0.0.53", "127.0.0.1", "fd00::53", "fe80::1%eth0"), ("corp.example",), ("timeout:2",)
)


def test_a_file_is_read_as_the_resolver_does() -> None:
    text = "# c\nnameserver 10.0.0.53 # x\ndomain a\nsearch b c\noptions edns0\noptions timeout:2\nnameserver\n;\n"
    assert resolvconf.parse(text) == ResolvConf(("10.0.0.53",), ("b", "c"), ("edns0", "timeout:2"))


def test_servers_a_container_cannot_reach_are_left_out() -> None:
    assert resolvconf.reachable(HOST, ipv6=False).servers == ("10.0.0.53",)
    assert resolvconf.reachable(HOST, ipv6=True).servers == ("10.0.0.53", "fd00::53")
    alone = ResolvConf(("127.0.0.53",))
    assert resolvconf.is_systemd_stub(alone)
    assert resolvconf.reachable(alone, ipv6=False).servers == ("8.8.8.8", "8.8.4.4")


def test_what_is_asked_for_replaces_what_the_host_has() -> None:
    conf = resolvconf.override(HOST, ("192.0.2.1",), (), ())
    given = frozenset({"nameservers"})
    assert conf == ResolvConf(("192.0.2.1",), ("corp.example",), ("timeout:2",), given)
    assert resolvconf.override(HOST, (), (".",), ()).search == ()


def test_networks_with_names_ask_us() -> None:
    conf = resolvconf.embedded(HOST)
    assert resolvconf.render(conf).endswith(
        "\nnameserver 127.0.0.11\nsearch corp.example\noptions timeout:2 ndots:0\n"
    )
    assert resolvconf.embedded(ResolvConf(options=("ndots:2",))).options == ("ndots:2",)


def test_the_comments_tell_where_parts_are_from_and_remember_the_servers() -> None:
    plain = resolvconf.comments(ResolvConf(("10.0.0.53",)), embedded=True)
    assert plain == [
        "Based on host file: '/etc/resolv.conf' (internal resolver)",
        "ExtServers: [host(10.0.0.53)]",
        "Overrides: []",
        "Option ndots from: internal",
    ]
    own = resolvconf.override(HOST, ("192.0.2.1", "fd00::1"), (), ("ndots:3",))
    lines = resolvconf.comments(own, embedded=True)
    assert "ExtServers: [192.0.2.1 fd00::1]" in lines
    assert "Overrides: [nameservers options]" in lines
    assert "Option ndots from: override" in lines
    text = resolvconf.render(resolvconf.embedded(own), lines)
    assert resolvconf.external_servers(text) == ("192.0.2.1", "fd00::1")
    assert resolvconf.external_servers("nameserver 10.0.0.53\n") == ()


def test_servers_that_were_asked_for_stay_even_on_the_loopback() -> None:
    asked = resolvconf.override(HOST, ["127.0.0.1", "fd00::1"], (), ())
    assert resolvconf.reachable(asked, ipv6=False).servers == ("127.0.0.1", "fd00::1")
