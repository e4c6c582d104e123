from boxship.engine.containers.links import variables


def test_a_link_tells_ports_name_and_environment() -> None:
    """As Docker Engine 28.5.2 did for `--expose 80 -p 81/udp --link db:d-b`."""
    env = ["PW=x=y", "HOME=/r", "PATH=/bin", "EMPTY"]
    assert variables("/web/d-b", "172.17.0.2", {"80/tcp": {}, "81/udp": {}}, env) == [
        "D_B_PORT=tcp://172.17.0.2:80",
        "D_B_PORT_80_TCP=tcp://172.17.0.2:80",
        "D_B_PORT_80_TCP_ADDR=172.17.0.2",
        "D_B_PORT_80_TCP_PORT=80",
        "D_B_PORT_80_TCP_PROTO=tcp",
        "D_B_PORT_81_UDP=udp://172.17.0.2:81",
        "D_B_PORT_81_UDP_ADDR=172.17.0.2",
        "D_B_PORT_81_UDP_PORT=81",
        "D_B_PORT_81_UDP_PROTO=udp",
        "D_B_NAME=/web/d-b",
        "D_B_ENV_PW=x=y",
    ]


def test_neighbouring_ports_are_also_told_as_a_range() -> None:
    ports = {"100/tcp": {}, "101/tcp": {}, "102/udp": {}, "5432/tcp": {}}
    found = variables("/w/db", "10.0.0.2", ports, ())
    assert found[0] == "DB_PORT=tcp://10.0.0.2:100"
    assert [each for each in found if "START" in each or "END" in each] == [
        "DB_PORT_100_TCP_START=tcp://10.0.0.2:100",
        "DB_PORT_100_TCP_PORT_START=100",
        "DB_PORT_100_TCP_END=tcp://10.0.0.2:101",
        "DB_PORT_100_TCP_PORT_END=101",
    ]


def test_without_ports_there_is_a_name() -> None:
    assert variables("/w/db", "10.0.0.2", {}, ()) == ["DB_NAME=/w/db"]
