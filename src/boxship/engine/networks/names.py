"""Names: what is in a container's resolv.conf, and the DNS server that networks with names have."""

import asyncio
import ipaddress
import logging
import random
import secrets
import socket
import struct
from pathlib import Path
from typing import Final, NamedTuple

from boxship.concurrency import Supervisor, in_thread
from boxship.engine.networks import dns, endpoints, hosts, resolvconf
from boxship.engine.networks.config import NetworkConfig
from boxship.engine.networks.dns import Query
from boxship.engine.networks.ipam import Address
from boxship.engine.networks.state import NetworkState
from boxship.linux import namespaces
from boxship.linux.nftables import open_nftables
from boxship.model.container import Container
from boxship.model.network import Endpoint, Sandbox

log = logging.getLogger(__name__)

_UPSTREAM_TIMEOUT_S: Final = 4
_TCP_IDLE_S: Final = 30
_MOST_QUERIES: Final = 512  # of one container at a time

# Port 53 stays free for a DNS server in the container: who asks 127.0.0.11:53 is led to ours.
_REDIRECT: Final = """
table ip boxship_names
delete table ip boxship_names
table ip boxship_names {{
  chain output {{
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:{udp}
    ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:{tcp}
  }}
}}
"""


class Sockets(NamedTuple):
    """A container's two server sockets, opened inside its namespace."""

    udp: socket.socket
    tcp: socket.socket


class Resolver:
    """Makes resolv.conf files, and serves a DNS server to each container with names around it."""

    def __init__(self, config: NetworkConfig, state: NetworkState, supervisor: Supervisor) -> None:
        self._config = config
        self._state = state
        self._supervisor = supervisor
        self._servers: dict[str, _Server] = {}
        self._upstream: dict[str, tuple[str, ...]] = {}
        self._cached: tuple[object, resolvconf.ResolvConf] | None = None

    def __repr__(self) -> str:
        return f"Resolver({len(self._servers)} servers)"

    # ---- resolv.conf

    def host_text(self) -> str:
        """The host's own file."""
        return _read(resolvconf.HOST_FILE)

    def host_lines(self) -> list[hosts.Line]:
        """The host's own /etc/hosts."""
        return hosts.parse(_read(hosts.HOST_FILE)) or list(hosts.LOCALHOST)

    def wanted(self, container: Container) -> resolvconf.ResolvConf:
        """Servers, search list and options: the container's, else the engine's, else the host's."""
        engine = self._engine_conf()
        own = container.host_config
        conf = resolvconf.override(
            engine, own.dns or (), own.dns_search or (), own.dns_options or ()
        )
        self._upstream[container.id] = conf.servers
        return conf

    def _engine_conf(self) -> resolvconf.ResolvConf:
        changed = _version(resolvconf.HOST_FILE), _version(resolvconf.SYSTEMD_FILE)
        if self._cached is None or self._cached[0] != changed:
            host = resolvconf.parse(_read(resolvconf.HOST_FILE))
            if resolvconf.is_systemd_stub(host):
                host = resolvconf.parse(_read(resolvconf.SYSTEMD_FILE))
            config = self._config
            conf = resolvconf.override(host, config.dns, config.dns_search, config.dns_options)
            self._cached = changed, conf
        return self._cached[1]

    # ---- the server

    async def serve(self, sandbox: Sandbox) -> None:
        """Answer a container's questions, if it is on a network with names."""
        named = any(endpoint.dns_names for endpoint in sandbox.endpoints)
        if not named or not sandbox.key or sandbox.container_id in self._servers:
            return
        sockets = await in_thread(namespaces.run_in_netns, sandbox.key, _open_sockets)
        server = _Server(self, sandbox.container_id, sockets)
        self._servers[sandbox.container_id] = server
        await server.start(self._supervisor)

    def close(self, container_id: str) -> None:
        """Stop answering."""
        self._upstream.pop(container_id, None)
        server = self._servers.pop(container_id, None)
        if server is not None:
            server.close()

    def answer(self, container_id: str, query: Query) -> bytes | None:
        """What we know ourselves; None when the question is for others."""
        sandbox = self._state.find_sandbox(container_id)
        if sandbox is None:
            return dns.failure(query, dns.SERVFAIL)
        if query.type == dns.PTR:
            address = dns.reverse_address(query.name)
            names = self._names_of(sandbox, address) if address else []
            return dns.pointer(query, names) if names else None
        found = self._addresses_of(sandbox, query.name)
        return dns.answer(query, found) if found else None

    def upstream(self, container_id: str) -> tuple[str, ...]:
        """Who is asked what we do not know: nobody, when the container must not reach the outside."""
        sandbox = self._state.find_sandbox(container_id)
        if sandbox is None or not any(
            endpoint.gateway or endpoint.ipv6_gateway for endpoint in sandbox.endpoints
        ):
            return ()  # its networks are internal: a name in a query is a way out too (CVE-2024-29018)
        servers = self._upstream.get(container_id)
        if servers is None:  # we were restarted since: the file names only ourselves
            servers = resolvconf.external_servers(sandbox.resolv_conf)
            self._upstream[container_id] = servers
        return servers

    def _neighbours(self, sandbox: Sandbox) -> list[Endpoint]:
        shared = {e.network_id for e in sandbox.endpoints if e.dns_names}
        return [
            endpoint
            for other in self._state.sandboxes()
            for endpoint in other.endpoints
            if endpoint.network_id in shared
        ]

    def _addresses_of(self, sandbox: Sandbox, name: str) -> list[Address]:
        wanted = {name}
        for endpoint in sandbox.endpoints:
            links = endpoints.links(endpoint.settings.links)
            wanted |= {other.lower() for other, alias in links if alias.lower() == name}
        found = [
            ipaddress.ip_address(text)
            for endpoint in self._neighbours(sandbox)
            if any(
                known.lower() in wanted or f"{known}.{endpoint.network_name}".lower() in wanted
                for known in endpoint.dns_names
            )
            for text in (endpoint.ipv4_address, endpoint.ipv6_address)
            if text
        ]
        random.shuffle(found)
        return found

    def _names_of(self, sandbox: Sandbox, address: Address) -> list[str]:
        return [
            f"{endpoint.container_name}.{endpoint.network_name}"
            for endpoint in self._neighbours(sandbox)
            if str(address) in (endpoint.ipv4_address, endpoint.ipv6_address)
        ]


class _Server(asyncio.DatagramProtocol):
    """One container's DNS server: UDP is this protocol, TCP a stream server beside it."""

    def __init__(self, resolver: Resolver, container_id: str, sockets: Sockets) -> None:
        self._resolver = resolver
        self._container_id = container_id
        self._sockets = sockets
        self._transport: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._supervisor: Supervisor | None = None
        self._asking = 0

    async def start(self, supervisor: Supervisor) -> None:
        """Begin to answer."""
        self._supervisor = supervisor
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, sock=self._sockets.udp
        )
        self._tcp = await asyncio.start_server(self._serve_stream, sock=self._sockets.tcp)

    def close(self) -> None:
        """Stop, and let go of the namespace."""
        if self._transport is not None:
            self._transport.close()
        if self._tcp is not None:
            self._tcp.close()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Answer at once what we know; ask others in the background."""
        try:
            query = dns.parse_query(data)
        except dns.Malformed:
            self._send(dns.format_error(data), addr)
            return
        known = self._resolver.answer(self._container_id, query)
        if known is not None:
            self._send(dns.fits(known, query), addr)
        elif self._asking >= _MOST_QUERIES or self._supervisor is None:
            self._send(dns.failure(query, dns.REFUSED), addr)
        else:
            self._supervisor.start(self._ask_udp(data, query, addr), name=f"dns {query.name[:60]}")

    async def _ask_udp(self, data: bytes, query: Query, addr: tuple[str | int, int]) -> None:
        self._send(await self._ask(data, query, stream=False), addr)

    def _send(self, reply: bytes | None, addr: tuple[str | int, int]) -> None:
        if reply is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(reply, addr)

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                async with asyncio.timeout(_TCP_IDLE_S):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    data = await reader.readexactly(length)
                reply = await self._reply_stream(data)
                if reply is None:
                    return
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            return
        finally:
            writer.close()

    async def _reply_stream(self, data: bytes) -> bytes | None:
        try:
            query = dns.parse_query(data)
        except dns.Malformed:
            return dns.format_error(data)
        known = self._resolver.answer(self._container_id, query)
        return known or await self._ask(data, query, stream=True)

    async def _ask(self, data: bytes, query: Query, *, stream: bool) -> bytes:
        self._asking += 1
        try:
            for server in self._resolver.upstream(self._container_id):
                reply = await _forward(server, data, query, stream=stream)
                if reply is not None:
                    return dns.with_id(reply, query.id)
        finally:
            self._asking -= 1
        return dns.failure(query, dns.SERVFAIL)


class _Upstream(asyncio.DatagramProtocol):
    """One question to one server: only its own answer counts."""

    def __init__(self, identifier: int, query: Query) -> None:
        self._identifier = identifier
        self._query = query
        self.reply: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        del addr
        if not self.reply.done() and dns.is_answer_to(data, self._identifier, self._query):
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        del exc
        if not self.reply.done():
            self.reply.set_result(None)


async def _forward(server: str, data: bytes, query: Query, *, stream: bool) -> bytes | None:
    """Ask a server from the host; None when it fails. The ID is ours, hard to guess."""
    identifier = secrets.randbelow(1 << 16)
    question = dns.with_id(data, identifier)
    try:
        async with asyncio.timeout(_UPSTREAM_TIMEOUT_S):
            ask = _forward_stream if stream else _forward_datagram
            reply = await ask(server, question, identifier, query)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None
    if reply is None or dns.response_code(reply) in (dns.SERVFAIL, dns.REFUSED):
        return None
    return reply


async def _forward_datagram(
    server: str, question: bytes, identifier: int, query: Query
) -> bytes | None:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Upstream(identifier, query), remote_addr=(server, 53)
    )
    try:
        transport.sendto(question)
        return await protocol.reply
    finally:
        transport.close()


async def _forward_stream(
    server: str, question: bytes, identifier: int, query: Query
) -> bytes | None:
    reader, writer = await asyncio.open_connection(server, 53)
    try:
        writer.write(struct.pack("!H", len(question)) + question)
        await writer.drain()
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        reply = await reader.readexactly(length)
    finally:
        writer.close()
    return reply if dns.is_answer_to(reply, identifier, query) else None


def _open_sockets() -> Sockets:
    """In the container's namespace."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        for each in (udp, tcp):
            each.setblocking(False)  # noqa: FBT003
            each.bind((resolvconf.EMBEDDED, 0))
        nft = open_nftables()
        try:
            nft.run(_REDIRECT.format(udp=udp.getsockname()[1], tcp=tcp.getsockname()[1]))
        finally:
            nft.close()
    except BaseException:
        udp.close()
        tcp.close()
        raise
    return Sockets(udp, tcp)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _version(path: str) -> tuple[int, int, int] | None:
    """Changes whenever the file does."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
