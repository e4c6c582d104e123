"""The services of an engine that listens somewhere."""

import contextlib
import ssl
from collections.abc import AsyncIterator

from boxship.client.address import parse_address
from boxship.client.exchange import Transport
from boxship.client.services.builds import RemoteBuilds
from boxship.client.services.containers import RemoteContainers
from boxship.client.services.execs import RemoteExecs
from boxship.client.services.files import RemoteFiles
from boxship.client.services.images import RemoteImages
from boxship.client.services.monitoring import RemoteEvents, RemoteMonitoring, RemoteSystem
from boxship.client.services.networks import RemoteNetworks
from boxship.client.services.streams import RemoteStreams
from boxship.client.services.volumes import RemoteVolumes
from boxship.services import Services


@contextlib.asynccontextmanager
async def open_services(
    address: str, context: ssl.SSLContext | None = None
) -> AsyncIterator[Services]:
    """Agree on an API version with the daemon at *address*; leaving the block closes every connection.

    What still reads a stream then fails with Unavailable.
    """
    transport = Transport(parse_address(address, tls=context is not None), context)
    try:
        await transport.ping()
        yield Services(
            containers=RemoteContainers(transport),
            execs=RemoteExecs(transport),
            streams=RemoteStreams(transport),
            files=RemoteFiles(transport),
            monitoring=RemoteMonitoring(transport),
            images=RemoteImages(transport),
            builds=RemoteBuilds(transport),
            networks=RemoteNetworks(transport),
            volumes=RemoteVolumes(transport),
            events=RemoteEvents(transport),
            system=RemoteSystem(transport),
        )
    finally:
        await transport.close()
