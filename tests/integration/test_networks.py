"""The networks of an engine on the real kernel.

All tests run in a network namespace of their own, where the test plays the host: the one test that the
outside sees runs this very file again inside.
"""

import asyncio
import contextlib
import ipaddress
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Self

import msgspec
import pytest

from boxship.concurrency import in_thread
from boxship.engine.events import EventBus
from boxship.engine.networks import hosts
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.files import update_files
from boxship.engine.networks.networking import Networking
from boxship.engine.networks.sandboxes import NetworkSandboxes
from boxship.engine.networks.service import NetworkService
from boxship.errors import (
    BoxshipError,
    Conflict,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from boxship.linux import mounts, namespaces, netlink, nftables
from boxship.linux.netlink import RouteSocket
from boxship.model.config import RunConfig
from boxship.model.container import Container, ContainerState, HostConfig, Status
from boxship.model.filters import Filters
from boxship.model.network import (
    IPAM,
    EndpointIPAM,
    EndpointSettings,
    IPAMPool,
    PortBinding,
    Sandbox,
)
from boxship.services.networks import NetworkRequest
from boxship.store.metadata import Metadata

pytestmark = pytest.mark.root

INSIDE = "BOXSHIP_TEST_OUTSIDE"  # the namespace that must stay untouched, by inode
HERE = str(os.stat("/proc/self/ns/net").st_ino)

if os.environ.get(INSIDE, HERE) == HERE:

    def test_networks_in_a_namespace_of_their_own() -> None:
        command = ["unshare", "--net", "--mount", sys.executable, "-m", "pytest", "-q", __file__]
        command += ["-p", "no:cacheprovider", "-p", "no:xdist"]
        done = subprocess.run(
            command,
            env={**os.environ, INSIDE: HERE, "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]

else:
    _OUTSIDE = "198.51.100.1"
    _HOST = "198.51.100.2"

    class Lab:
        """A host with an outside world behind eth0, and an engine's networks on it."""

        def __init__(self, tmp_path: Path, **settings: str) -> None:
            self.outside = ""
            self.config = NetworkConfig(netns_directory=str(tmp_path / "netns"), **settings)  # type: ignore[arg-type]
            self.metadata = Metadata(tmp_path / "meta.db")
            self.events = EventBus()
            self.networking = Networking(self.config, self.metadata, self.events)

        def files_of(self, sandbox: Sandbox) -> Path:
            """A directory with a container's files, kept up to date as the engine does it."""
            directory = Path(self.config.netns_directory).parent / sandbox.container_id
            directory.mkdir()
            self.sandboxes.followers.append(lambda old, new: update_files(directory, old, new))
            return directory

        @property
        def sandboxes(self) -> NetworkSandboxes:
            return self.networking.sandboxes

        @property
        def networks(self) -> NetworkService:
            return self.networking.networks

        async def start(self) -> None:
            await self.networking.start()
            await self.sandboxes.restore(self.running())

        def running(self) -> list[Container]:
            return [c for c in self.metadata.containers.list() if c.running]

        async def restart(self, **changes: object) -> None:
            """As after kill -9: nothing is taken down, only forgotten."""
            await self.networking.close()
            self.config = msgspec.structs.replace(self.config, **changes)
            self.networking = Networking(self.config, self.metadata, self.events)
            await self.start()

        async def run(self, name: str, **options: object) -> Sandbox:
            container = a_container(name, **options)  # type: ignore[arg-type]
            self.metadata.containers.put(container)
            return await self.sandboxes.attach(container)

        async def stop(self, name: str) -> None:
            container = self.container(name)
            await self.sandboxes.detach(container)
            self.metadata.containers.delete(container.id)

        def container(self, name: str) -> Container:
            found = self.metadata.containers.find_by_name(name)
            assert found is not None
            return found

        def sandbox(self, name: str) -> Sandbox:
            found = self.metadata.sandboxes.find(self.container(name).id)
            assert found is not None
            return found

        def namespaces(self) -> set[str]:
            """The namespace files there are."""
            return {p.name for p in Path(self.config.netns_directory).iterdir()}

        def links(self) -> set[str]:
            with RouteSocket() as route:
                return {link.name for link in route.links()}

        def rules(self) -> str:
            return run("nft", "list", "ruleset")

    def a_container(
        name: str,
        *,
        mode: str = "",
        ports: dict[str, tuple[PortBinding, ...] | None] | None = None,
        networks: dict[str, EndpointSettings] | None = None,
        **host: object,
    ) -> Container:
        identifier = (name.encode().hex() + "0" * 64)[:64]
        return Container(
            id=identifier,
            name=name,
            created=0,
            image=None,
            image_reference="",
            config=RunConfig(hostname=identifier[:12]),
            host_config=HostConfig(network_mode=mode, port_bindings=ports, **host),  # type: ignore[arg-type]
            networks=networks or of_mode(mode),
            state=ContainerState(status=Status.RUNNING),
        )

    def of_mode(mode: str) -> dict[str, EndpointSettings]:
        return {} if mode.startswith("container:") else {mode or "bridge": EndpointSettings()}

    def publish(port: int | str = "", ip: str = "") -> tuple[PortBinding, ...]:
        return (PortBinding(host_ip=ip, host_port=str(port)),)

    def run(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_for_links_to_go(keep: set[str]) -> None:
        for _ in range(1500):
            with RouteSocket() as route:
                if {link.name for link in route.links()} <= keep:
                    return
            run("sleep", "0.02")
        raise AssertionError("devices are left")

    @pytest.fixture(scope="session", autouse=True)
    def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        """The outside: a router that knows no way to the containers but through us."""
        outside = str(tmp_path_factory.mktemp("world") / "outside")
        with RouteSocket() as route:
            route.request(netlink.set_link(1, up=True))
            with namespaces.create_netns(outside, RouteSocket) as far:
                fd = os.open(outside, os.O_RDONLY)
                route.request(netlink.add_veth("ext0", peer="eth0", netns_fd=fd))
                os.close(fd)
                index = far.index("eth0")
                ext = route.index("ext0")
                far.request(
                    netlink.set_link(1, up=True),
                    netlink.add_address(index, ipaddress.ip_interface(f"{_OUTSIDE}/24")),
                    netlink.set_link(index, up=True),
                )
                route.request(
                    netlink.add_address(ext, ipaddress.ip_interface(f"{_HOST}/24")),
                    netlink.add_route(ext, gateway=ipaddress.ip_address(_OUTSIDE)),
                )
        yield outside
        namespaces.delete_netns(outside)

    @pytest.fixture
    async def lab(tmp_path: Path, world: str) -> AsyncIterator[Lab]:
        lab = Lab(tmp_path)
        lab.outside = world
        await lab.start()
        try:
            yield lab
        finally:
            for container in lab.running():
                await lab.sandboxes.detach(container)
            for detail in await lab.networks.list(Filters()):
                if detail.network.driver == "bridge" and detail.network.name != "bridge":
                    await lab.networks.remove(detail.network.id)
            await lab.networking.close()
            lab.metadata.close()
            with RouteSocket() as route, contextlib.suppress(NotFound):
                route.request(netlink.delete_link("boxship0"))
            nftables.LibNftables().run("flush ruleset")
            wait_for_links_to_go({"lo", "ext0", *fallback_devices()})

    def fallback_devices() -> set[str]:
        return {"tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0"}

    # ---- a server in a container, a client anywhere

    class Server:
        """Answers with its name and the address it was called from."""

        def __init__(
            self, netns: str, port: int, name: str, kind: str = "tcp", host: str = ""
        ) -> None:
            self.name = name
            socket_kind = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
            family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def open_socket() -> socket.socket:
                server = socket.socket(family, socket_kind)
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.bind((host, port))
                if kind == "tcp":
                    server.listen(16)
                return server

            self.socket = namespaces.run_in_netns(netns, open_socket)
            self.socket.setblocking(False)
            self.kind = kind

        async def __aenter__(self) -> Self:
            loop = asyncio.get_running_loop()
            if self.kind == "udp":
                loop.add_reader(self.socket, self._datagram)
            else:
                self.server = await asyncio.start_server(self._connection, sock=self.socket)
            return self

        async def __aexit__(self, *_: object) -> None:
            if self.kind == "udp":
                asyncio.get_running_loop().remove_reader(self.socket)
                self.socket.close()
            else:
                self.server.close()

        def _datagram(self) -> None:
            data, peer = self.socket.recvfrom(100)
            self.socket.sendto(f"{self.name} {peer[0]} {data.decode()}".encode(), peer)

        async def _connection(
            self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            data = await reader.read()  # until the client's half-close
            peer = writer.get_extra_info("peername")[0]
            writer.write(f"{self.name} {peer} {data.decode()}".encode())
            await writer.drain()
            writer.close()

    async def call(netns: str, ip: str, port: int, kind: str = "tcp", timeout: float = 10.0) -> str:
        """Send "hi", return the answer; raises OSError."""
        socket_kind = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET

        def ask() -> str:
            with socket.socket(family, socket_kind) as client:
                client.settimeout(timeout)
                client.connect((ip, port))
                client.send(b"hi")
                if kind == "tcp":
                    client.shutdown(socket.SHUT_WR)
                answer = b""
                while chunk := client.recv(100):
                    answer += chunk
                    if kind == "udp":
                        break
                return answer.decode()

        if not netns:
            return await in_thread(ask)
        return await in_thread(namespaces.run_in_netns, netns, ask)

    async def unreachable(netns: str, ip: str, port: int) -> bool:
        try:
            await call(netns, ip, port, timeout=0.4)
        except OSError:
            return True
        return False

    # ---- the default bridge

    async def test_a_container_on_the_default_bridge(lab: Lab) -> None:
        sandbox = await lab.run("web")
        (endpoint,) = sandbox.endpoints
        assert (endpoint.ipv4_address, endpoint.gateway) == ("172.17.0.2", "172.17.0.1")
        assert endpoint.mac_address == "02:42:ac:11:00:02"
        assert endpoint.dns_names == ()
        assert sandbox.hosts[0] == ("127.0.0.1", ("localhost",))
        assert sandbox.hosts[-1] == ("172.17.0.2", (lab.container("web").id[:12],))
        inside = run("nsenter", f"--net={sandbox.key}", "ip", "-o", "addr")
        assert "inet 172.17.0.2/16 brd 172.17.255.255 scope global eth0" in inside
        assert "inet6 ::1/128" in inside
        assert "eth0    inet6" not in inside
        assert "default via 172.17.0.1" in run("nsenter", f"--net={sandbox.key}", "ip", "route")
        await lab.stop("web")
        assert await lab.sandboxes.find(sandbox.container_id) is None
        assert not Path(sandbox.key).exists()
        assert not mounts.is_mount_point(sandbox.key)

    async def test_addresses_are_handed_out_from_the_lowest_and_again(lab: Lab) -> None:
        addresses = [(await lab.run(f"c{n}")).endpoints[0].ipv4_address for n in range(3)]
        assert addresses == ["172.17.0.2", "172.17.0.3", "172.17.0.4"]
        await lab.stop("c1")
        assert (await lab.run("again")).endpoints[0].ipv4_address == "172.17.0.3"

    async def test_containers_reach_the_outside_as_the_host(lab: Lab) -> None:
        sandbox = await lab.run("web")
        async with Server(lab.outside, 7000, "outside"):
            assert await call(sandbox.key, _OUTSIDE, 7000) == f"outside {_HOST} hi"

    async def test_containers_reach_each_other_and_the_host_reaches_them(lab: Lab) -> None:
        one, two = await lab.run("one"), await lab.run("two")
        async with Server(one.key, 80, "one"):
            assert await call(two.key, "172.17.0.2", 80) == "one 172.17.0.3 hi"
            assert await call("", "172.17.0.2", 80) == "one 172.17.0.1 hi"

    async def test_nobody_outside_reaches_a_port_that_is_not_published(lab: Lab) -> None:
        """F01: who routes to the bridge through the host finds nothing."""
        sandbox = await lab.run("web", ports={"81/tcp": publish(8081, "127.0.0.1")})
        run(
            "nsenter",
            f"--net={lab.outside}",
            "ip",
            "route",
            "replace",
            "172.17.0.0/16",
            "via",
            _HOST,
        )
        async with Server(sandbox.key, 80, "web"), Server(sandbox.key, 81, "loop"):
            assert await call("", "172.17.0.2", 80) == "web 172.17.0.1 hi"
            assert await unreachable(lab.outside, "172.17.0.2", 80)
            assert await unreachable(lab.outside, "172.17.0.2", 81)
            assert await unreachable(lab.outside, _HOST, 8081)

    async def test_a_loopback_port_stays_on_the_host_even_with_route_localnet_everywhere(
        lab: Lab,
    ) -> None:
        """F01, as on a Kubernetes node: kube-proxy switches route_localnet on."""
        sandbox = await lab.run("web", ports={"80/tcp": publish(8080, "127.0.0.1")})
        run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
        run(
            "nsenter", f"--net={lab.outside}", "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"
        )
        run("nsenter", f"--net={lab.outside}", "ip", "addr", "del", "127.0.0.1/8", "dev", "lo")
        run(
            "nsenter", f"--net={lab.outside}", "ip", "route", "replace", "127.0.0.0/8", "via", _HOST
        )
        try:
            async with Server(sandbox.key, 80, "web"):
                assert await unreachable(lab.outside, "127.0.0.1", 8080)
                assert await call("", "127.0.0.1", 8080) == "web 172.17.0.1 hi"
        finally:
            run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=0")
            run("nsenter", f"--net={lab.outside}", "ip", "route", "del", "127.0.0.0/8")
            run("nsenter", f"--net={lab.outside}", "ip", "addr", "add", "127.0.0.1/8", "dev", "lo")

    async def test_containers_do_not_reach_the_host_s_loopback(lab: Lab) -> None:
        sandbox = await lab.run("web")
        run(
            "nsenter", f"--net={sandbox.key}", "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"
        )
        run("nsenter", f"--net={sandbox.key}", "ip", "addr", "del", "127.0.0.1/8", "dev", "lo")
        run(
            "nsenter",
            f"--net={sandbox.key}",
            "ip",
            "route",
            "replace",
            "127.0.0.0/8",
            "via",
            "172.17.0.1",
        )
        with socket.create_server(("127.0.0.1", 7001)):
            assert await unreachable(sandbox.key, "127.0.0.1", 7001)

    # ---- published ports

    async def test_a_published_port_is_reachable_from_everywhere(lab: Lab) -> None:
        sandbox = await lab.run("web", ports={"80/tcp": publish(8080)})
        other = await lab.run("other")
        assert [(p.host_ip, p.host_port) for p in sandbox.ports] == [
            ("0.0.0.0", 8080),
            ("::", 8080),
        ]
        async with Server(sandbox.key, 80, "web"):
            assert await call(lab.outside, _HOST, 8080) == f"web {_OUTSIDE} hi"
            assert await call("", _HOST, 8080) == f"web {_HOST} hi"
            assert await call("", "127.0.0.1", 8080) == "web 172.17.0.1 hi"
            assert await call(other.key, _HOST, 8080) == "web 172.17.0.1 hi"
            assert await call(sandbox.key, _HOST, 8080) == "web 172.17.0.1 hi"
            assert await call(sandbox.key, "172.17.0.1", 8080) == "web 172.17.0.1 hi"
            assert await call("", "::1", 8080) == "web 172.17.0.1 hi"

    async def test_udp_too(lab: Lab) -> None:
        sandbox = await lab.run("dns", ports={"53/udp": publish(5353)})
        async with Server(sandbox.key, 53, "dns", "udp"):
            assert await call(lab.outside, _HOST, 5353, "udp") == f"dns {_OUTSIDE} hi"
            assert await call("", "127.0.0.1", 5353, "udp") == "dns 172.17.0.1 hi"
            assert await call(sandbox.key, _HOST, 5353, "udp") == "dns 172.17.0.1 hi"
            assert await call("", "::1", 5353, "udp") == "dns 172.17.0.1 hi"

    async def test_a_udp_client_that_never_pauses_follows_the_port(lab: Lab) -> None:
        def open_client() -> socket.socket:
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.settimeout(10)
            client.connect((_HOST, 5353))
            return client

        client = namespaces.run_in_netns(lab.outside, open_client)
        ports = {"53/udp": publish(5353)}
        with client:
            for name in ("one", "two"):
                sandbox = await lab.run(name, ports=ports)
                async with Server(sandbox.key, 53, name, "udp"):
                    await in_thread(client.send, b"hi")
                    answer = await in_thread(client.recv, 100)
                    assert answer.decode() == f"{name} {_OUTSIDE} hi"
                if name == "one":
                    await lab.run("keeps-172.17.0.3")
                    await lab.stop("one")
                    await lab.run("has-172.17.0.2")

    async def test_ports_between_networks(lab: Lab) -> None:
        """Networks are apart, but what is published is published to all."""
        await lab.networks.create(NetworkRequest(name="far"))
        web = await lab.run("web", ports={"80/tcp": publish(8080)})
        far = await lab.run("far1", mode="far")
        async with Server(web.key, 80, "web"), Server(web.key, 81, "hidden"):
            assert await unreachable(far.key, "172.17.0.2", 80)
            assert await unreachable(far.key, "172.17.0.2", 81)
            assert (await call(far.key, _HOST, 8080)).startswith("web ")

    async def test_free_ports_ranges_and_addresses(lab: Lab) -> None:
        first = await lab.run("a", ports={"80/tcp": publish(), "81/tcp": publish("9000-9001")})
        second = await lab.run(
            "b", ports={"80/tcp": None, "81/tcp": publish("9000-9001", "127.0.0.1")}
        )
        numbers = {(p.container_port, p.host_port) for p in first.ports}
        assert numbers == {(80, 32768), (81, 9000)}
        assert [(p.host_ip, p.host_port) for p in second.ports] == [("127.0.0.1", 9001)]
        with pytest.raises(
            Internal, match=r"Bind for 127\.0\.0\.1:9000 failed: port is already allocated"
        ):
            await lab.run("c", ports={"81/tcp": publish("9000-9001", "127.0.0.1")})

    async def test_a_port_that_a_container_has(lab: Lab) -> None:
        await lab.run("a", ports={"80/tcp": publish(8080)})
        expected = (
            r"^failed to set up container networking: driver failed programming external connectivity "
            r"on endpoint b \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$"
        )
        with pytest.raises(Internal, match=expected):
            await lab.run("b", ports={"80/tcp": publish(8080)})
        await nothing_is_left_of(lab, "b")
        await lab.stop("a")
        await lab.run("b", ports={"80/tcp": publish(8080)})

    async def test_a_port_that_a_program_has_and_one_that_a_program_wants(lab: Lab) -> None:
        with socket.create_server(("0.0.0.0", 8080)):
            expected = r"failed to bind host port for 0\.0\.0\.0:8080:172\.17\.0\.2:80/tcp: address already in use$"
            with pytest.raises(Internal, match=expected):
                await lab.run("a", ports={"80/tcp": publish(8080)})
        await nothing_is_left_of(lab, "a")
        await lab.run("a", ports={"80/tcp": publish(8080)})
        for address in ("0.0.0.0", "127.0.0.1"):
            with pytest.raises(OSError, match="already in use"):
                socket.create_server((address, 8080))

    async def test_an_address_this_host_does_not_have(lab: Lab) -> None:
        expected = r"for 1\.2\.3\.4:8077:172\.17\.0\.2:80/tcp: cannot assign requested address$"
        with pytest.raises(Internal, match=expected):
            await lab.run("a", ports={"80/tcp": publish(8077, "1.2.3.4")})

    async def nothing_is_left_of(lab: Lab, name: str) -> None:
        container = lab.container(name)
        assert await lab.sandboxes.find(container.id) is None
        assert lab.metadata.sandboxes.find(container.id) is None
        known = {Path(sandbox.key).name for sandbox in lab.metadata.sandboxes.list()}
        assert lab.namespaces() <= known
        lab.metadata.containers.delete(container.id)

    # ---- restarts and other people's firewalls

    async def test_all_is_there_again_after_a_restart(lab: Lab) -> None:
        await lab.networks.create(NetworkRequest(name="mine"))
        web = await lab.run("web", ports={"80/tcp": publish(8080)})
        mine = await lab.run("db", mode="mine")
        async with Server(web.key, 80, "web"):
            await lab.restart()
            assert await lab.sandboxes.find(web.container_id) == web
            assert await call(lab.outside, _HOST, 8080) == f"web {_OUTSIDE} hi"
            assert await call("", "::1", 8080) == "web 172.17.0.1 hi"
            with pytest.raises(OSError, match="already in use"):
                socket.create_server(("0.0.0.0", 8080))
            assert await lookup(mine.key, "db") == ["172.18.0.2"]
            assert (await lab.run("next")).endpoints[0].ipv4_address == "172.17.0.3"

    async def test_what_died_meanwhile_is_cleaned_up(lab: Lab) -> None:
        gone = await lab.run("gone", ports={"80/tcp": publish(8080)})
        lab.metadata.containers.delete(gone.container_id)
        half_made = Path(lab.config.netns_directory, "0123456789ab")
        namespaces.create_netns(half_made, lambda: None)
        await lab.restart()
        assert lab.namespaces() == set()
        assert lab.metadata.sandboxes.list() == []
        assert "8080" not in lab.rules()
        wait_for_links_to_go({"lo", "ext0", "boxship0", *fallback_devices()})
        await lab.run("again", ports={"80/tcp": publish(8080)})

    async def test_an_engine_that_stops_with_no_container_leaves_nothing(lab: Lab) -> None:
        await create(lab, "mine")
        await lab.run("web")
        await lab.networking.close()
        assert "boxship0" in lab.links()
        lab.networking = Networking(lab.config, lab.metadata, lab.events)
        await lab.start()
        await lab.stop("web")
        await lab.networking.close()
        assert not [link for link in lab.links() if link.startswith(("boxship", "br-"))]
        assert lab.rules() == ""
        lab.networking = Networking(lab.config, lab.metadata, lab.events)
        await lab.start()
        assert (await lab.run("web", mode="mine")).endpoints[0].ipv4_address == "172.18.0.2"

    async def test_rules_come_back_after_a_flush(lab: Lab) -> None:
        sandbox = await lab.run("web", ports={"80/tcp": publish(8080)})
        async with Server(sandbox.key, 80, "web"):
            nftables.LibNftables().run("flush ruleset")
            for _ in range(40):
                await asyncio.sleep(0.05)
                if "table inet boxship" in lab.rules():
                    break
            assert await call(lab.outside, _HOST, 8080) == f"web {_OUTSIDE} hi"

    async def test_rules_come_back_after_their_table_was_emptied(lab: Lab) -> None:
        for name in ("forward", "published"):
            nftables.LibNftables().run(f"flush chain inet boxship {name}")
            assert not lab.networking._firewall.is_intact()
            for _ in range(40):
                await asyncio.sleep(0.05)
                if lab.networking._firewall.is_intact():
                    break
            assert lab.networking._firewall.is_intact()

    async def test_a_port_that_was_taken_while_we_were_away_still_leads_to_its_container(
        lab: Lab,
    ) -> None:
        sandbox = await lab.run("web", ports={"80/tcp": publish(8080)})
        await lab.networking.close()
        with socket.create_server(("0.0.0.0", 8080)):
            lab.networking = Networking(lab.config, lab.metadata, lab.events)
            await lab.start()
            async with Server(sandbox.key, 80, "web"):
                assert await call(lab.outside, _HOST, 8080) == f"web {_OUTSIDE} hi"

    async def test_rules_come_back_with_the_next_port_too(lab: Lab) -> None:
        nftables.LibNftables().run("flush ruleset")
        sandbox = await lab.run("web", ports={"80/tcp": publish(8080)})
        async with Server(sandbox.key, 80, "web"):
            assert await call(lab.outside, _HOST, 8080) == f"web {_OUTSIDE} hi"

    async def test_other_people_s_tables_are_left_alone(lab: Lab) -> None:
        nftables.LibNftables().run("add table inet theirs\nadd chain inet theirs c")
        await lab.run("web", ports={"80/tcp": publish(8080)})
        await lab.restart()
        await lab.stop("web")
        assert "table inet theirs" in lab.rules()

    async def test_a_table_that_drops_all_is_found(lab: Lab) -> None:
        assert lab.networking._firewall.others_that_drop() == []
        nftables.LibNftables().run(
            "add table ip filter\n"
            "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"
        )
        assert lab.networking._firewall.others_that_drop() == ["ip filter"]

    async def test_without_firewall_ports_are_relayed_and_no_rule_is_made(lab: Lab) -> None:
        nftables.LibNftables().run("flush ruleset")
        await lab.restart(firewall=False)
        sandbox = await lab.run("web", ports={"80/tcp": publish(8080)})
        async with Server(sandbox.key, 80, "web"):
            assert await call(lab.outside, _HOST, 8080) == "web 172.17.0.1 hi"
        assert lab.rules() == ""

    # ---- modes

    async def test_none_has_only_loopback(lab: Lab) -> None:
        sandbox = await lab.run("lonely", mode="none", ports={"80/tcp": publish(8080)})
        assert run("nsenter", f"--net={sandbox.key}", "ip", "-o", "link").count("LOOPBACK,UP") == 1
        assert [(e.network_name, e.ipv4_address) for e in sandbox.endpoints] == [("none", "")]
        assert sandbox.ports == ()

    async def test_host_has_no_namespace_of_its_own(lab: Lab) -> None:
        sandbox = await lab.run("bare", mode="host")
        assert sandbox.key == ""
        assert sandbox.resolv_conf == Path("/etc/resolv.conf").read_text()

    async def test_extra_hosts_and_links_are_in_etc_hosts(lab: Lab) -> None:
        await lab.run("db")
        web = await lab.run(
            "web", links=("db:database",), extra_hosts=("me:host-gateway", "x:192.0.2.1")
        )
        database = ("database", lab.container("db").id[:12], "db")
        assert web.hosts[6:-1] == (
            ("172.17.0.1", ("me",)),
            ("192.0.2.1", ("x",)),
            ("172.17.0.2", database),
        )

    async def test_joining_another_container(lab: Lab) -> None:
        web = await lab.run("web")
        side = await lab.run("side", mode="container:web")
        assert side.key == web.key
        await lab.stop("side")
        assert Path(web.key).exists()
        with pytest.raises(
            NotFound, match=r"^joining network namespace of container: No such container: x$"
        ):
            await lab.run("late", mode="container:x")
        stopped = msgspec.structs.replace(a_container("off"), state=ContainerState())
        lab.metadata.containers.put(stopped)
        expected = (
            "cannot join network namespace of a non running container: container off is created"
        )
        with pytest.raises(Conflict, match=expected):
            await lab.run("late", mode="container:off")

    async def test_an_unknown_network_is_missed_at_the_start(lab: Lab) -> None:
        await lab.sandboxes.validate(a_container("x", mode="nope"))
        expected = "^failed to set up container networking: network nope not found$"
        with pytest.raises(NotFound, match=expected):
            await lab.run("x", mode="nope")

    # ---- user-defined networks

    async def create(lab: Lab, name: str, *, subnet: str = "", **options: object) -> str:
        pools = (IPAMPool(subnet=subnet),) if subnet else ()
        ipam = IPAM(config=pools)
        return await lab.networks.create(NetworkRequest(name=name, ipam=ipam, **options))  # type: ignore[arg-type]

    async def test_networks_get_free_subnets_and_give_them_back(lab: Lab) -> None:
        await create(lab, "one")
        await create(lab, "two")
        subnets = [
            detail.network.ipam.config[0].subnet
            for detail in await lab.networks.list(Filters({"type": ("custom",)}))
        ]
        assert sorted(subnets) == ["172.18.0.0/16", "172.19.0.0/16"]
        await lab.networks.remove("one")
        await create(lab, "three")
        detail = await lab.networks.inspect("three")
        assert detail.network.ipam.config[0].gateway == "172.18.0.1"

    async def test_a_network_in_detail(lab: Lab) -> None:
        identifier = await create(
            lab,
            "mine",
            subnet="10.9.8.0/24",
            options={
                "com.docker.network.bridge.name": "mybr",
                "com.docker.network.driver.mtu": "1400",
            },
            labels={"a": "b"},
        )
        box = await lab.run(
            "box",
            networks={
                "mine": EndpointSettings(
                    aliases=("db",),
                    ipam_config=EndpointIPAM(ipv4_address="10.9.8.77"),
                    mac_address="02:00:00:00:00:07",
                )
            },
            mode="mine",
        )
        assert (await lab.networks.inspect(identifier[:12])).network.name == "mine"
        (endpoint,) = (await lab.networks.inspect("mine")).endpoints
        assert endpoint == box.endpoints[0]
        assert endpoint.dns_names == ("box", "db", lab.container("box").id[:12])
        inside = run("nsenter", f"--net={box.key}", "ip", "-o", "link", "show", "eth0")
        assert "02:00:00:00:00:07" in inside
        assert "mtu 1400" in inside
        assert "mybr" in lab.links()
        with pytest.raises(
            PermissionDenied, match=r'has active endpoints \(name:"box" id:"[0-9a-f]{12}"\)'
        ):
            await lab.networks.remove("mine")
        await lab.stop("box")
        await lab.networks.remove("mine")
        assert "mybr" not in lab.links()

    async def test_internal_networks_lead_nowhere(lab: Lab) -> None:
        await create(lab, "inner", internal=True)
        one = await lab.run("one", mode="inner", ports={"80/tcp": publish(8080)})
        two = await lab.run("two", mode="inner")
        async with Server(lab.outside, 7000, "outside"), Server(one.key, 80, "one"):
            assert one.ports == ()
            assert await call(two.key, "172.18.0.2", 80) == "one 172.18.0.3 hi"
            run("nsenter", f"--net={one.key}", "ip", "route", "add", "default", "via", "172.18.0.1")
            assert await unreachable(one.key, _OUTSIDE, 7000)

    async def test_without_icc_containers_do_not_talk(lab: Lab) -> None:
        await create(lab, "quiet", options={"com.docker.network.bridge.enable_icc": "false"})
        one = await lab.run("one", mode="quiet", ports={"80/tcp": publish(8080)})
        two = await lab.run("two", mode="quiet")
        async with Server(one.key, 80, "one"):
            assert await unreachable(two.key, "172.18.0.2", 80)
            assert (await call(two.key, _HOST, 8080)).startswith("one ")

    async def test_ipv6_networks(lab: Lab) -> None:
        await create(lab, "six", enable_ipv6=True)
        one = await lab.run("one", mode="six", ports={"80/tcp": publish(8080)})
        two = await lab.run("two", mode="six")
        address = one.endpoints[0].ipv6_address
        assert address.startswith("fd")
        async with Server(one.key, 80, "one", host="::"):
            assert await call(two.key, address, 80) == f"one {two.endpoints[0].ipv6_address} hi"
            assert (await call("", "::1", 8080)).startswith("one ")
            gateway = one.endpoints[0].ipv6_gateway
            assert (await call(two.key, gateway, 8080)).startswith("one ")

    async def test_an_address_that_changes_hands_is_reachable_at_once(lab: Lab) -> None:
        other = await lab.run("other")
        for number in (1, 2, 3):
            mac = EndpointSettings(mac_address=f"02:00:00:00:00:0{number}")
            sandbox = await lab.run("next", networks={"bridge": mac})
            async with Server(sandbox.key, 80, "next"):
                for netns in (other.key, ""):
                    assert (await call(netns, "172.17.0.3", 80)).startswith("next ")
            await lab.stop("next")

    async def test_another_bip_replaces_the_old_one(lab: Lab) -> None:
        await lab.run("keeps-the-bridge")
        await lab.restart(bip="10.99.0.1/24")
        seen = run("ip", "-o", "-4", "addr", "show", "boxship0")
        assert "10.99.0.1/24" in seen
        assert "172.17.0.1" not in seen
        assert (await lab.run("web")).endpoints[0].ipv4_address == "10.99.0.2"

    async def test_two_engines_side_by_side(lab: Lab, tmp_path: Path) -> None:
        (tmp_path / "second").mkdir()
        second = Lab(tmp_path / "second", bridge="boxship-2nd", table="boxship_2nd")
        await second.start()
        try:
            one = await lab.run("one", ports={"80/tcp": publish(8080)})
            two = await second.run("two", ports={"80/tcp": publish(8081)})
            assert two.endpoints[0].ipv4_address == "172.18.0.2"
            async with Server(one.key, 80, "one"), Server(two.key, 80, "two"):
                assert await call(lab.outside, _HOST, 8080) == f"one {_OUTSIDE} hi"
                assert await call(lab.outside, _HOST, 8081) == f"two {_OUTSIDE} hi"
                assert (await call(one.key, _HOST, 8081)).startswith("two ")
                assert await unreachable(one.key, "172.18.0.2", 80)
                with pytest.raises(Internal, match="address already in use"):
                    await second.run("three", ports={"80/tcp": publish(8080)})
            await lab.restart()
            assert Path(two.key).exists()
        finally:
            for name in ("two", "three"):
                await second.stop(name)
            await second.networking.close()
            second.metadata.close()
            assert "boxship-2nd" not in lab.links()  # nothing runs, so nothing stays

    async def test_many_at_once(lab: Lab) -> None:
        await create(lab, "mine")
        names = [f"m{number}" for number in range(40)]
        running = await asyncio.gather(
            *(
                lab.run(n, mode="mine" if i % 2 else "", ports={"80/tcp": publish()})
                for i, n in enumerate(names)
            )
        )
        assert len({sandbox.endpoints[0].ipv4_address for sandbox in running}) == 40
        assert len({port.host_port for sandbox in running for port in sandbox.ports}) == 40
        await asyncio.gather(*(lab.stop(name) for name in names))
        assert lab.namespaces() == set()
        assert (
            "published4_any {\n\t\ttype inet_proto . inet_service : ipv4_addr . inet_service\n\t}"
            in lab.rules()
        )

    @pytest.mark.parametrize("where", ["veth", "configure", "firewall", "database", "names"])
    async def test_a_start_that_fails_leaves_nothing_behind(
        lab: Lab, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        await create(lab, "mine")
        before = lab.links(), lab.rules(), len(os.listdir("/proc/self/fd"))
        sandboxes = lab.sandboxes

        def fail(*_: object, **__: object) -> None:
            raise Internal("on purpose")

        target = {
            "veth": (sandboxes._kernel.namespaces, "_veth"),
            "configure": (sandboxes._kernel.namespaces, "_configure_ports"),
            "firewall": (sandboxes._kernel.firewall, "publish"),
            "database": (sandboxes._state, "put_sandbox"),
            "names": (sandboxes._resolver, "serve"),
        }[where]
        with monkeypatch.context() as patch:
            patch.setattr(*target, fail)
            with pytest.raises(Internal, match="failed to set up container networking: on purpose"):
                await lab.run("box", mode="mine", ports={"80/tcp": publish(8080)})
        await nothing_is_left_of(lab, "box")
        await asyncio.sleep(0.1)
        lab.networking._namespaces.drop_spares()
        assert (lab.links(), lab.rules()) == before[:2]
        assert len(os.listdir("/proc/self/fd")) <= before[2]
        assert (await lab.run("box", mode="mine")).endpoints[0].ipv4_address == "172.18.0.2"

    async def test_connect_and_disconnect_while_running(lab: Lab) -> None:
        await create(lab, "mine")
        web = await lab.run("web", ports={"80/tcp": publish(8080)})
        directory = lab.files_of(web)
        (directory / "hosts").write_text(hosts.render(web.hosts) + "192.0.2.1\town\n")
        (directory / "resolv.conf").write_text(web.resolv_conf)
        await lab.networks.connect("mine", "web", EndpointSettings(aliases=("w",)))
        grown = lab.sandbox("web")
        assert [e.interface for e in grown.endpoints] == ["eth0", "eth1"]
        assert await lookup(web.key, "w") == ["172.18.0.2"]
        assert (
            (directory / "hosts")
            .read_text()
            .endswith(f"own\n172.18.0.2\t{web.container_id[:12]}\n")
        )
        assert "nameserver 127.0.0.11" in (directory / "resolv.conf").read_text()
        with pytest.raises(
            PermissionDenied, match="endpoint with name web already exists in network mine"
        ):
            await lab.networks.connect("mine", "web", EndpointSettings())
        async with Server(web.key, 80, "web"):
            await lab.networks.disconnect("bridge", "web")
            assert "172.17.0.2" not in (directory / "hosts").read_text()
            assert "default via 172.18.0.1" in run("nsenter", f"--net={web.key}", "ip", "route")
            assert await call(lab.outside, _HOST, 8080) == f"web {_OUTSIDE} hi"
        assert list(lab.container("web").networks) == ["mine"]
        with pytest.raises(Internal, match="is not connected to network bridge"):
            await lab.networks.disconnect("bridge", "web")
        await lab.networks.disconnect("mine", "web")
        await lab.networks.connect("mine", "web", EndpointSettings())
        assert lab.sandbox("web").endpoints[0].network_name == "mine"
        actions = [
            (e.action, e.attributes["name"]) for e in lab.events._history if e.type == "network"
        ]
        assert actions == [
            ("create", "mine"),
            ("connect", "bridge"),
            ("connect", "mine"),
            ("disconnect", "bridge"),
            ("disconnect", "mine"),
            ("connect", "mine"),
        ]

    @pytest.mark.parametrize(
        ("request_", "kind", "text"),
        [
            (
                NetworkRequest(name="bridge"),
                PermissionDenied,
                "operation is not permitted on predefined bridge network ",
            ),
            (
                NetworkRequest(name="h", driver="host"),
                PermissionDenied,
                'only one instance of "host" network is allowed',
            ),
            (NetworkRequest(name="x", driver="foo"), NotFound, 'plugin "foo" not found'),
            (NetworkRequest(name=" "), InvalidArgument, "invalid name: name is empty"),
            (
                NetworkRequest(name="x", ipam=IPAM(config=(IPAMPool(subnet="172.17.4.0/24"),))),
                PermissionDenied,
                "invalid pool request: Pool overlaps with other one on this address space",
            ),
            (
                NetworkRequest(name="x", ipam=IPAM(config=(IPAMPool(subnet="10.1.0.5/24"),))),
                InvalidArgument,
                "invalid network config:\ninvalid subnet 10.1.0.5/24: it should be 10.1.0.0/24",
            ),
            (
                NetworkRequest(name="x", options={"com.docker.network.bridge.name": "boxship0"}),
                PermissionDenied,
                "networks have same bridge name",
            ),
            (
                NetworkRequest(name="x", options={"com.docker.network.driver.mtu": "x"}),
                InvalidArgument,
                'failed to parse com.docker.network.driver.mtu value: x (strconv.Atoi: parsing "x": invalid syntax)',
            ),
            (
                NetworkRequest(name="x", enable_ipv4=False),
                InvalidArgument,
                "IPv4 or IPv6 must be enabled",
            ),
        ],
    )
    async def test_networks_that_cannot_be(
        lab: Lab, request_: NetworkRequest, kind: type[BoxshipError], text: str
    ) -> None:
        before = lab.links(), len(await lab.networks.list(Filters()))
        with pytest.raises(kind) as caught:
            await lab.networks.create(request_)
        assert text in str(caught.value)
        assert (lab.links(), len(await lab.networks.list(Filters()))) == before

    async def test_networks_made_from_a_configuration(lab: Lab) -> None:
        await create(lab, "conf", subnet="10.9.8.0/24", config_only=True)
        assert not [link for link in lab.links() if link.startswith("br-")]
        with pytest.raises(NotFound, match='configuration network "nope" does not exist'):
            await create(lab, "real", config_from="nope")
        await create(lab, "real", config_from="conf")
        assert (await lab.run("box", mode="real")).endpoints[0].ipv4_address == "10.9.8.2"
        with pytest.raises(PermissionDenied, match='configuration network "conf" is in use'):
            await lab.networks.remove("conf")
        await lab.stop("box")
        await lab.networks.remove("real")
        await lab.networks.remove("conf")

    async def test_an_unprotected_network_is_reachable_by_its_addresses(lab: Lab) -> None:
        option = {"com.docker.network.bridge.gateway_mode_ipv4": "nat-unprotected"}
        await create(lab, "open", subnet="10.9.8.0/24", options=option)
        box = await lab.run("box", mode="open")
        run(
            "nsenter", f"--net={lab.outside}", "ip", "route", "replace", "10.9.8.0/24", "via", _HOST
        )
        async with Server(box.key, 80, "box"):
            assert await call(lab.outside, "10.9.8.2", 80) == f"box {_OUTSIDE} hi"

    async def test_prune_takes_only_what_nobody_uses(lab: Lab) -> None:
        for name in ("used", "unused"):
            await create(lab, name)
        await lab.run("box", mode="used")
        assert (await lab.networks.prune(Filters())).removed == ("unused",)
        with pytest.raises(
            PermissionDenied, match="bridge is a pre-defined network and cannot be removed"
        ):
            await lab.networks.remove("bridge")

    # ---- names

    async def lookup(netns: str, name: str, kind: str = "A", *, tcp: bool = False) -> list[str]:
        import dns.resolver

        def ask() -> list[str]:
            resolver = dns.resolver.Resolver(configure=False)
            resolver.nameservers = ["127.0.0.11"]
            resolver.lifetime = 15
            try:
                return sorted(str(record) for record in resolver.resolve(name, kind, tcp=tcp))
            except dns.resolver.NoAnswer:
                return []

        return await in_thread(namespaces.run_in_netns, netns, ask)

    async def test_names_on_a_user_defined_network(lab: Lab) -> None:
        await lab.restart(dns=(_OUTSIDE,))  # where nobody answers
        await create(lab, "mine")
        await create(lab, "other")
        one = await lab.run(
            "one", mode="mine", networks={"mine": EndpointSettings(aliases=("svc",))}
        )
        two = await lab.run(
            "two", mode="mine", networks={"mine": EndpointSettings(aliases=("svc",))}
        )
        far = await lab.run("far", mode="other")
        assert "nameserver 127.0.0.11" in one.resolv_conf
        assert await lookup(two.key, "one") == ["172.18.0.2"]
        assert await lookup(two.key, "ONE.mine", tcp=True) == ["172.18.0.2"]
        assert await lookup(one.key, "svc") == ["172.18.0.2", "172.18.0.3"]
        assert await lookup(two.key, "one", "AAAA") == []
        assert await lookup(two.key, "2.0.18.172.in-addr.arpa", "PTR") == ["one.mine."]
        with pytest.raises(Exception, match="SERVFAIL"):
            await lookup(far.key, "one")
        renamed = msgspec.structs.replace(lab.container("one"), name="uno")
        lab.metadata.containers.put(renamed)
        await lab.sandboxes.rename(renamed, "one")
        assert await lookup(two.key, "uno") == ["172.18.0.2"]

    async def test_a_dns_server_in_a_container_keeps_its_port(lab: Lab) -> None:
        await create(lab, "mine")
        one = await lab.run("one", mode="mine")
        async with Server(one.key, 53, "own", "udp"):
            assert await call(one.key, "172.18.0.2", 53, "udp") == "own 172.18.0.2 hi"
            assert await lookup(one.key, "one") == ["172.18.0.2"]

    async def test_other_names_are_asked_of_the_servers_behind_us(lab: Lab) -> None:
        import dns.message
        import dns.rrset

        await create(lab, "mine")
        await create(lab, "inner", internal=True)
        await lab.restart(dns=(_OUTSIDE,))
        one = await lab.run("one", mode="mine")
        inner = await lab.run("in", mode="inner")
        server = namespaces.run_in_netns(
            lab.outside, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        )
        server.bind((_OUTSIDE, 53))
        server.setblocking(False)
        asked = []

        def reply() -> None:
            data, peer = server.recvfrom(512)
            query = dns.message.from_wire(data)
            asked.append(query.question[0].name.to_text())
            response = dns.message.make_response(query)
            response.answer.append(
                dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.80")
            )
            server.sendto(response.to_wire(), peer)

        asyncio.get_running_loop().add_reader(server, reply)
        try:
            assert await lookup(one.key, "example.org") == ["192.0.2.80"]
            with pytest.raises(Exception, match="SERVFAIL"):
                await lookup(inner.key, "secret.example.org")
            assert asked == ["example.org."]
        finally:
            asyncio.get_running_loop().remove_reader(server)
            server.close()

    async def test_attaching_is_quick(lab: Lab) -> None:
        import time

        times = []
        for number in range(30):
            container = a_container(f"q{number}", ports={"80/tcp": publish()})
            lab.metadata.containers.put(container)
            start = time.perf_counter()
            await lab.sandboxes.attach(container)
            times.append(time.perf_counter() - start)
        median = sorted(times)[15] * 1000
        print(f"attach with a port: median {median:.2f} ms")
        assert median < 20
