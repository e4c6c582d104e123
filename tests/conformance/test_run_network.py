"""docker run: networks and published ports."""

import re
import socket
from contextlib import closing

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine, eventually

SERVE = ("--", "nc", "-ll", "-p", "80", "-e", "echo", "hello")


def read(engine: Engine, port: int, host: str = "127.0.0.1") -> str:
    """What a published TCP service says; a service that is not up yet gets time."""

    def once() -> str:
        with closing(engine.connect(port, host)) as connection:
            try:
                return connection.makefile().read()
            except ConnectionResetError:
                return ""

    return eventually(once)


def published(engine: Engine, name: str, port: str = "80/tcp") -> int:
    return int(engine.inspect(name)["NetworkSettings"]["Ports"][port][0]["HostPort"])


def free_port(engine: Engine) -> int:
    with closing(engine.new_socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def host_address(engine: Engine) -> str:
    """The engine's own address on its default bridge."""
    bridge = engine.get("/networks/bridge")
    return str(bridge["IPAM"]["Config"][0]["Gateway"])


def test_bridge_gives_an_address_a_route_and_a_name(engine: Engine, box: Box) -> None:
    script = "ip -4 -o addr show eth0; ip route; cat /etc/hosts; hostname"
    out = box.sh(script).splitlines()
    gateway = host_address(engine)
    net = gateway.rpartition(".")[0]
    address = re.search(rf"inet ({re.escape(net)}\.\d+)/\d+", out[0])
    assert address
    assert f"default via {gateway} dev eth0 " in out
    assert f"{address[1]}\t{out[-1]}" in out
    assert {"127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"} <= set(out)
    assert re.fullmatch("[0-9a-f]{12}", out[-1])


def test_none_has_only_loopback(box: Box) -> None:
    assert box.sh("ls /sys/class/net; ip route", "--network", "none") == "lo"


def test_host_sees_the_host_s_interfaces_and_name(engine: Engine, box: Box) -> None:
    ours = engine.in_network(lambda: sorted(name for _, name in socket.if_nameindex()))
    seen = box.sh("ls /sys/class/net", "--network", "host").split()
    assert {"lo"} <= set(seen) & set(ours)
    assert box.sh("hostname", "--network", "host") == socket.gethostname()


def test_a_published_tcp_port_answers_everywhere(engine: Engine, box: Box) -> None:
    port = free_port(engine)
    box.start("-p", f"{port}:80", *SERVE)
    assert read(engine, port) == "hello\n"
    assert read(engine, port, host_address(engine)) == "hello\n"


def test_hairpin_a_container_reaches_a_published_port(engine: Engine, box: Box) -> None:
    port = free_port(engine)
    name = box.start("-p", f"{port}:80", *SERVE)
    read(engine, port)
    call = f"nc {host_address(engine)} {port} </dev/null"
    assert box.sh(call) == "hello"
    assert engine.ok("exec", name, "sh", "-c", call) == "hello"


def test_an_ephemeral_port_is_chosen(engine: Engine, box: Box) -> None:
    name = box.start("-p", "80", *SERVE)
    port = published(engine, name)
    assert port >= 1024
    assert read(engine, port) == "hello\n"
    assert f"0.0.0.0:{port}" in engine.ok("port", name, "80").splitlines()


def test_a_host_address_limits_who_may_ask(engine: Engine, box: Box) -> None:
    port = free_port(engine)
    name = box.start("-p", f"127.0.0.1:{port}:80", *SERVE)
    assert read(engine, port) == "hello\n"
    assert engine.ok("port", name) == f"80/tcp -> 127.0.0.1:{port}"
    with pytest.raises(AssertionError):
        eventually(lambda: engine.connect(port, host_address(engine)), within=0)


def test_udp_is_published_both_ways(engine: Engine, box: Box) -> None:
    name = box.start("-p", "127.0.0.1::80/udp", "--", "udp-echo")
    port = published(engine, name, "80/udp")
    with closing(engine.new_socket(socket.SOCK_DGRAM)) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))

        def asked() -> bytes:
            client.send(b"ping\n")
            try:
                return client.recv(100)
            except (TimeoutError, ConnectionRefusedError):
                return b""

        assert eventually(asked) == b"ping\n"


def test_a_range_maps_port_by_port(engine: Engine, box: Box) -> None:
    first = next(
        p for p in range(41000 + free_port(engine) % 500 * 10, 65000, 10) if _all_free(engine, p, 3)
    )
    name = box.create("-p", f"127.0.0.1:{first}-{first + 2}:8000-8002", *SERVE)
    engine.ok("start", name)
    assert engine.ok("port", name).splitlines() == [
        f"800{n}/tcp -> 127.0.0.1:{first + n}" for n in range(3)
    ]


def _all_free(engine: Engine, first: int, count: int) -> bool:
    for port in range(first, first + count):
        with closing(engine.new_socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def test_a_range_of_host_ports_gives_a_free_one(engine: Engine, box: Box) -> None:
    first = free_port(engine)
    names = [box.start("-p", f"127.0.0.1:{first}-{first + 5}:80", *SERVE) for _ in range(2)]
    ports = {published(engine, name) for name in names}
    assert len(ports) == 2
    assert all(first <= port <= first + 5 for port in ports)


def test_publish_all_takes_the_exposed_ones(engine: Engine, box: Box) -> None:
    name = box.start("-P", "--expose", "80", "--expose", "81-82/udp", *SERVE)
    ports = engine.inspect(name)["NetworkSettings"]["Ports"]
    assert sorted(ports) == ["80/tcp", "81/udp", "82/udp"]
    assert read(engine, published(engine, name)) == "hello\n"


def test_exposed_but_unpublished_ports_are_shown_as_null(engine: Engine, box: Box) -> None:
    name = box.start("--expose", "80")
    assert engine.inspect(name)["NetworkSettings"]["Ports"] == {"80/tcp": None}
    assert engine.ok("ps", "-f", f"name={name}", "--format", "{{.Ports}}") == "80/tcp"


def test_a_port_taken_by_a_container_is_refused(engine: Engine, box: Box) -> None:
    port = free_port(engine)
    box.start("-p", f"127.0.0.1:{port}:80", *SERVE)
    name = box.name()
    result = engine.docker("run", "--name", name, "-p", f"127.0.0.1:{port}:80", BUSYBOX, "true")
    assert result.code == 125
    assert f"Bind for 127.0.0.1:{port} failed: port is already allocated" in result.stderr
    assert engine.inspect(name)["State"]["Status"] == "created"


def test_a_port_taken_by_another_program_is_refused(engine: Engine, box: Box) -> None:
    with closing(engine.new_socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = box.run("-p", f"127.0.0.1:{port}:80", "--", "true")
    assert result.code == 125
    assert "address already in use" in result.stderr


def test_a_port_is_free_again_after_stop(engine: Engine, box: Box) -> None:
    port = free_port(engine)
    for _ in range(2):
        name = box.start("-p", f"127.0.0.1:{port}:80", *SERVE)
        assert read(engine, port) == "hello\n"
        engine.ok("rm", "-f", name)
    with closing(engine.new_socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("80:99999", "invalid containerPort: 99999"),
        ("1.2.3:1:80", "invalid"),
        ("80:80/icmp", "invalid proto: icmp"),
        ("1-2:80-90", "invalid ranges specified for container and host Ports: 80-90 and 1-2"),
    ],
)
def test_a_bad_port_is_refused(box: Box, spec: str, text: str) -> None:
    result = box.run("-p", spec, "--", "true")
    assert result.code == 125
    assert text in result.stderr


def test_containers_reach_each_other_by_address(engine: Engine, box: Box) -> None:
    name = box.start(*SERVE)
    address = engine.inspect(name)["NetworkSettings"]["IPAddress"]
    assert box.sh(f"nc {address} 80 </dev/null") == "hello"


def test_a_container_shares_another_s_network(engine: Engine, box: Box) -> None:
    name = box.start(*SERVE)
    assert box.sh("nc 127.0.0.1 80 </dev/null; hostname", "--network", f"container:{name}") == (
        "hello\n" + engine.inspect(name)["Config"]["Hostname"]
    )


def test_a_chosen_address_needs_a_network_of_its_own(box: Box) -> None:
    result = box.run("--ip", "10.9.9.9", "--", "true")
    assert result.code == 125
    assert "only when connecting to user-defined networks" in result.stderr or (
        "user specified IP address is supported on user defined networks only" in result.stderr
    )


def test_inspect_tells_the_endpoint(engine: Engine, box: Box) -> None:
    name = box.start("--mac-address", "02:42:ac:11:00:99")
    settings = engine.inspect(name)["NetworkSettings"]
    endpoint = settings["Networks"]["bridge"]
    bridge = engine.get("/networks/bridge")
    assert endpoint["NetworkID"] == bridge["Id"]
    assert endpoint["Gateway"] == settings["Gateway"] == host_address(engine)
    assert endpoint["IPAddress"] == settings["IPAddress"] != ""
    assert endpoint["MacAddress"] == "02:42:ac:11:00:99"
    assert endpoint["IPPrefixLen"] == settings["IPPrefixLen"]
    assert re.fullmatch("[0-9a-f]{64}", endpoint["EndpointID"])
    assert bridge["Containers"][engine.inspect(name)["Id"]]["Name"] == name


def test_a_stopped_container_has_no_address(engine: Engine, box: Box) -> None:
    name = box.ended("--", "true")
    settings = engine.inspect(name)["NetworkSettings"]
    assert (settings["IPAddress"], settings["Ports"], settings["SandboxKey"]) == ("", {}, "")
    assert settings["Networks"]["bridge"]["IPAddress"] == ""


def test_ps_shows_ports(engine: Engine, box: Box) -> None:
    port = free_port(engine)
    name = box.start("-p", f"127.0.0.1:{port}:80", "--expose", "53/udp", *SERVE)
    assert engine.ok("ps", "-f", f"name={name}", "--format", "{{.Ports}}") == (
        f"53/udp, 127.0.0.1:{port}->80/tcp"
    )


def test_port_of_what_is_not_published_fails(engine: Engine, box: Box) -> None:
    name = box.start()
    assert engine.fails("port", name, "80") == (f"Error: No public port '80' published for {name}")


def test_a_link_to_a_container_in_the_hosts_network_is_refused(engine: Engine, box: Box) -> None:
    hosts = box.start("--network", "host")
    text = engine.fails("create", "--link", f"{hosts}:tester", BUSYBOX, "true")
    assert "host type networking can't be used with links" in text


def test_free_ports_keep_clear_of_those_asked_for(engine: Engine, box: Box) -> None:
    recent = int(engine.ok("port", box.start("-p", "80"), "80/tcp").split()[0].rpartition(":")[2])
    asked = recent + 2
    name = box.start("-P", "--expose", "81", "-p", "80", "-p", f"{asked}:8080")
    assert engine.ok("port", name, "8080/tcp").split()[0].endswith(f":{asked}")
