"""Networks, whichever implementation makes them."""

from ipaddress import IPv4Interface, IPv4Network

import pytest

import boxship
from boxship.errors import Internal, InvalidArgument, NotFound, PermissionDenied
from boxship.library.any_engine import AnyEngine
from boxship.model.network import (
    IPAM,
    EndpointIPAM,
    EndpointSettings,
    IPAMPool,
    NetworkInUse,
    NetworkNameTaken,
    NoSuchNetwork,
)
from boxship.services.networks import NetworkRequest
from support.box import BUSYBOX
from support.boxshipd import own_address

pytestmark = [pytest.mark.root, pytest.mark.asyncio(loop_scope="session")]


def own_subnet() -> IPv4Network:
    """One that no other engine of this machine's tests has."""
    return IPv4Interface(own_address()).network


def ipam(subnet: IPv4Network) -> IPAM:
    return IPAM(config=(IPAMPool(subnet=str(subnet), gateway=str(subnet[1])),))


async def test_a_network_and_its_members(engine: AnyEngine, box: boxship.Box, name: str) -> None:
    subnet = own_subnet()
    address = str(subnet[9])
    request = NetworkRequest(name=name, ipam=ipam(subnet), labels={"a": "b"}, internal=True)
    network_id = await engine.networks.create(request)
    try:
        network = (await engine.networks.inspect(name)).network
        assert (network.id, network.driver, network.internal) == (network_id, "bridge", True)
        assert network.labels == {"a": "b"}
        assert network.ipam.config[0].subnet == str(subnet)
        with pytest.raises(NetworkNameTaken, match=f"network with name {name} already exists"):
            await engine.networks.create(NetworkRequest(name=name))
        settings = EndpointSettings(
            aliases=("other",), ipam_config=EndpointIPAM(ipv4_address=address)
        )
        await engine.networks.connect(name, box.id, settings)
        (member,) = (await engine.networks.inspect(name)).endpoints
        assert (member.container_id, member.container_name) == (box.id, name)
        assert (member.ipv4_address, member.ipv4_prefix) == (address, 24)
        places = {e.network_name: e for e in (await box.inspect()).endpoints}
        assert places[name].ipv4_address == address
        assert places[name].mac_address == member.mac_address
        assert "other" in (places[name].settings.aliases or ())
        with pytest.raises(NetworkInUse, match="has active endpoints"):
            await engine.networks.remove(name)
        await engine.networks.disconnect(name, box.id)
        assert (await engine.networks.inspect(name)).endpoints == ()
    finally:
        await engine.networks.remove(name)
    with pytest.raises(NoSuchNetwork, match=f"network {name} not found"):
        await engine.networks.inspect(name)


async def test_the_predefined_ones(engine: AnyEngine) -> None:
    found = await engine.networks.list(boxship.Filters())
    assert {detail.network.name for detail in found} >= {"bridge", "host", "none"}
    (bridge,) = await engine.networks.list(boxship.Filters({"name": ("bridge",)}))
    assert bridge.network.driver == "bridge"
    with pytest.raises(PermissionDenied, match="pre-defined network"):
        await engine.networks.remove("bridge")


async def test_published_ports(engine: AnyEngine) -> None:
    async with engine.box(BUSYBOX, "sleep", "60", ports={80: None, "53/udp": None}) as box:
        port = await box.host_port(80)
        assert port > 0
        assert await box.host_port(53, "udp") > 0
        with pytest.raises(NotFound, match="port 81/tcp of container"):
            await box.host_port(81)
        with pytest.raises(Internal, match="port is already allocated"):
            await engine.start(BUSYBOX, "sleep", "60", ports={80: port})


async def test_prune(engine: AnyEngine, name: str) -> None:
    labels = {"prune": name}
    await engine.networks.create(NetworkRequest(name=name, labels=labels, ipam=ipam(own_subnet())))
    filters = boxship.Filters({"label": (f"prune={name}",)})
    assert (await engine.networks.prune(filters)).removed == (name,)


async def test_a_bad_subnet(engine: AnyEngine, name: str) -> None:
    nonsense = IPAM(config=(IPAMPool(subnet="nonsense"),))
    with pytest.raises(InvalidArgument):
        await engine.networks.create(NetworkRequest(name=name, ipam=nonsense))
