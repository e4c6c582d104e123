"""docker network."""

import json
import re

import pytest

from support.box import Box
from support.engine import Engine


def subnet(box: Box) -> str:
    """A /24 that most likely nobody else uses."""
    seed = int(box.prefix.removeprefix("cf"), 16)
    return f"10.{200 + seed % 50}.{seed // 64 % 250}.0/24"


def test_three_are_always_there(engine: Engine) -> None:
    rows = engine.ok(
        "network", "ls", "-f", "type=builtin", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"
    )
    assert sorted(rows.splitlines()) == [
        "bridge bridge local",
        "host host local",
        "none null local",
    ]


@pytest.mark.parametrize("name", ["bridge", "host", "none"])
def test_they_cannot_be_removed_or_made_again(engine: Engine, name: str) -> None:
    assert engine.fails("network", "rm", name) == (
        f"Error response from daemon: {name} is a pre-defined network and cannot be removed\nexit status 1"
    ) or f"{name} is a pre-defined network and cannot be removed" in engine.fails(
        "network", "rm", name
    )
    assert engine.fails("network", "create", name) == (
        f"Error response from daemon: operation is not permitted on predefined {name} network"
    )


def test_the_bridge_is_described(engine: Engine) -> None:
    (bridge,) = json.loads(engine.ok("network", "inspect", "bridge"))
    assert re.fullmatch("[0-9a-f]{64}", bridge["Id"])
    assert (bridge["Driver"], bridge["Scope"], bridge["Internal"], bridge["EnableIPv6"]) == (
        "bridge",
        "local",
        False,
        False,
    )
    assert bridge["IPAM"]["Driver"] == "default"
    (pool,) = bridge["IPAM"]["Config"]
    assert pool["Gateway"].rpartition(".")[0] in pool["Subnet"]
    assert bridge["Options"]["com.docker.network.bridge.default_bridge"] == "true"


def test_unknown_networks(engine: Engine) -> None:
    assert engine.api("GET", "/networks/nonesuch").error == (404, "network nonesuch not found")
    assert "network nonesuch not found" in engine.fails("network", "rm", "nonesuch")


def test_a_network_of_one_s_own(engine: Engine, box: Box) -> None:
    name, pool = box.network(), subnet(box)
    identity = engine.ok("network", "create", "--subnet", pool, "--label", "a=b", name)
    inspected = engine.get(f"/networks/{name}")
    assert inspected["Id"] == identity
    assert (inspected["Name"], inspected["Driver"], inspected["Labels"]) == (
        name,
        "bridge",
        {"a": "b"},
    )
    assert inspected["IPAM"]["Config"][0]["Subnet"] == pool
    assert engine.ok("network", "rm", name) == name
    assert engine.api("GET", f"/networks/{name}").status == 404


def test_names_resolve_on_it(engine: Engine, box: Box) -> None:
    network = box.network()
    engine.ok("network", "create", "--subnet", subnet(box), network)
    web = box.start(
        "--network",
        network,
        "--network-alias",
        "www",
        "--",
        "nc",
        "-ll",
        "-p",
        "80",
        "-e",
        "echo",
        "hi",
    )
    assert box.sh(f"nc {web} 80 </dev/null; nc www 80 </dev/null", "--network", network) == "hi\nhi"


def test_an_address_may_be_chosen_there(engine: Engine, box: Box) -> None:
    network, pool = box.network(), subnet(box)
    engine.ok("network", "create", "--subnet", pool, network)
    wanted = pool.replace(".0/24", ".77")
    assert wanted in box.sh("ip -4 -o addr show eth0", "--network", network, "--ip", wanted)


def test_connect_and_disconnect(engine: Engine, box: Box) -> None:
    network, name = box.network(), box.start()
    engine.ok("network", "create", "--subnet", subnet(box), network)
    engine.ok("network", "connect", "--alias", "x", network, name)
    assert "eth1" in engine.ok("exec", name, "ip", "addr")
    assert sorted(engine.inspect(name)["NetworkSettings"]["Networks"]) == sorted(
        ["bridge", network]
    )
    assert "endpoint with name" in engine.fails("network", "connect", network, name)
    said = engine.fails("network", "rm", network)
    assert re.search(
        rf"error while removing network: network {network} .*has active endpoints", said
    ), said
    engine.ok("network", "disconnect", network, name)
    assert "eth1" not in engine.ok("exec", name, "ip", "addr")
    engine.ok("network", "rm", network)


def test_a_taken_name_or_subnet_is_refused(engine: Engine, box: Box) -> None:
    name, pool = box.network(), subnet(box)
    engine.ok("network", "create", "--subnet", pool, name)
    assert engine.fails("network", "create", name) == (
        f"Error response from daemon: network with name {name} already exists"
    )
    said = engine.fails("network", "create", "--subnet", pool, box.network())
    assert "Pool overlaps with other one on this address space" in said


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["-d", "nonesuch"], 'plugin "nonesuch" not found'),
        (["--subnet", "garbage"], "invalid"),
        (["--gateway", "10.99.0.1"], "every ip-range or gateway must have a corresponding subnet"),
    ],
)
def test_nonsense_is_refused(engine: Engine, box: Box, flags: list[str], text: str) -> None:
    assert text in engine.fails("network", "create", *flags, box.network())


def test_filters(engine: Engine, box: Box) -> None:
    name = box.network()
    identity = engine.ok(
        "network", "create", "--subnet", subnet(box), "--label", f"m={box.prefix}", name
    )
    for f in (f"label=m={box.prefix}", f"name={name}", f"id={identity[:12]}"):
        assert engine.ok("network", "ls", "-q", "--no-trunc", "-f", f) == identity
    assert name in engine.ok("network", "ls", "-f", "type=custom")
    assert name in engine.ok("network", "ls", "-f", "driver=bridge")
    assert "invalid filter 'nonesuch'" in engine.fails("network", "ls", "-f", "nonesuch=1")


def test_prune_removes_unused_ones(engine: Engine, box: Box) -> None:
    label = f"m={box.prefix}"
    name = box.network()
    engine.ok("network", "create", "--subnet", subnet(box), "--label", label, name)
    assert engine.ok("network", "prune", "-f", "--filter", f"label={label}").splitlines() == [
        "Deleted Networks:",
        name,
    ]
