"""Lines of /etc/hosts."""

from boxship.engine.networks import hosts


def test_a_hosts_file_is_read_without_comments() -> None:
    text = "127.0.0.1 localhost\n# c\n\n10.0.0.1\ta b # c\nalone\n"
    assert hosts.parse(text) == [("127.0.0.1", ("localhost",)), ("10.0.0.1", ("a", "b"))]


def test_extra_hosts_may_name_the_gateway_and_ipv6_addresses() -> None:
    asked = ("a:192.0.2.1", "b:host-gateway", "c:[::1]", "d:fd00::1")
    assert list(hosts.extra_lines(asked, ("172.17.0.1", "fd00::9"))) == [
        ("192.0.2.1", ("a",)),
        ("172.17.0.1", ("b",)),
        ("fd00::9", ("b",)),
        ("::1", ("c",)),
        ("fd00::1", ("d",)),
    ]


def test_a_file_is_edited_without_losing_what_others_wrote() -> None:
    before = [("127.0.0.1", ("localhost",)), ("172.17.0.2", ("web",))]
    after = [("127.0.0.1", ("localhost",)), ("172.18.0.2", ("web",))]
    text = hosts.render(before) + "192.0.2.1\town\n"
    assert hosts.edited(text, before, after) == (
        "127.0.0.1\tlocalhost\n192.0.2.1\town\n172.18.0.2\tweb\n"
    )
