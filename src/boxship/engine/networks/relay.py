"""Relays: published ports that the kernel cannot translate, carried by this process.

An IPv6 client of a container that has only IPv4, and all ports with --iptables=false. Everything else is
nftables' work and never passes here.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence
from typing import Final

from boxship.concurrency import Supervisor
from boxship.engine.networks.ports import HeldPort

log = logging.getLogger(__name__)

_CHUNK: Final = 1 << 16
_BACKLOG: Final = 512
_MOST: Final = 4096  # connections or UDP clients of one port at a time
_UDP_IDLE_S: Final = 90


class Relays:
    """All relays, by container. Used from the event loop."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._open: dict[str, list[_TCPRelay | _UDPRelay]] = {}

    def __repr__(self) -> str:
        return f"Relays({sum(map(len, self._open.values()))} open)"

    def serve(self, container_id: str, held: Sequence[HeldPort]) -> None:
        """Begin to relay what needs it."""
        for each in held:
            if each.relayed and each.socket is not None:
                make = _UDPRelay if each.port.protocol == "udp" else _TCPRelay
                relay = make(each, self._supervisor)
                relay.start()
                self._open.setdefault(container_id, []).append(relay)

    def close(self, container_id: str) -> None:
        """Stop a container's relays; their sockets are closed by who holds the ports."""
        for relay in self._open.pop(container_id, ()):
            relay.stop()


class _TCPRelay:
    def __init__(self, held: HeldPort, supervisor: Supervisor) -> None:
        assert held.socket is not None  # noqa: S101 - told by the caller
        self._socket = held.socket
        self._target = (held.target, held.port.container_port)
        self._supervisor = supervisor
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._socket.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        for task in self._tasks:
            task.cancel()

    def _accept(self) -> None:
        try:
            client, _ = self._socket.accept()
        except OSError:
            return
        if len(self._tasks) >= _MOST:
            client.close()
            return
        task = self._supervisor.start(self._carry(client), name=f"relay to {self._target[0]}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            near_in, near_out = await asyncio.open_connection(sock=client)
            try:
                far_in, far_out = await asyncio.open_connection(*self._target)
            except OSError:
                near_out.transport.abort()  # the client sees a reset, as from a closed port
                return
            try:
                await asyncio.gather(_pump(near_in, far_out), _pump(far_in, near_out))
            finally:
                near_out.close()
                far_out.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Carry bytes until the source ends, and the end with them."""
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()
    with contextlib.suppress(OSError):
        if sink.can_write_eof():
            sink.write_eof()


class _UDPRelay:
    def __init__(self, held: HeldPort, supervisor: Supervisor) -> None:
        assert held.socket is not None  # noqa: S101 - told by the caller
        del supervisor  # no tasks: readers only
        self._socket = held.socket
        self._target = (held.target, held.port.container_port)
        self._clients: dict[tuple[str, int], tuple[socket.socket, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._from_client)
        self._timer = loop.call_later(_UDP_IDLE_S, self._expire)

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._timer is not None:
            self._timer.cancel()
        for client in list(self._clients):
            self._drop(client)

    def _from_client(self) -> None:
        with contextlib.suppress(OSError):
            data, client = self._socket.recvfrom(_CHUNK)
            far = self._far(client)
            if far is not None:
                self._clients[client] = (far, asyncio.get_running_loop().time())
                far.send(data)

    def _far(self, client: tuple[str, int]) -> socket.socket | None:
        if client in self._clients:
            return self._clients[client][0]
        if len(self._clients) >= _MOST:
            return None
        family = socket.AF_INET6 if ":" in self._target[0] else socket.AF_INET
        far = socket.socket(family, socket.SOCK_DGRAM)
        far.setblocking(False)  # noqa: FBT003
        far.connect(self._target)
        asyncio.get_running_loop().add_reader(far, self._from_container, far, client)
        return far

    def _from_container(self, far: socket.socket, client: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(far.recv(_CHUNK), client)

    def _drop(self, client: tuple[str, int]) -> None:
        far, _ = self._clients.pop(client)
        asyncio.get_running_loop().remove_reader(far)
        far.close()

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        for client, (_, seen) in list(self._clients.items()):
            if loop.time() - seen > _UDP_IDLE_S:
                self._drop(client)
        self._timer = loop.call_later(_UDP_IDLE_S, self._expire)
