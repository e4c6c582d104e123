"""What can be done: one Protocol for each noun and facet.

The engine implements them in this process, the client over a connection; who uses them (API, library) is
handed them and never knows what is behind. `tests/contract` holds both to the same behaviour.
"""

import msgspec

from boxship.services.builds import Builds
from boxship.services.containers import Containers
from boxship.services.events import Events
from boxship.services.execs import Execs
from boxship.services.files import Files
from boxship.services.images import Images
from boxship.services.monitoring import Monitoring
from boxship.services.networks import Networks
from boxship.services.streams import Streams
from boxship.services.system import System
from boxship.services.volumes import Volumes


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """All services of one engine."""

    containers: Containers
    execs: Execs
    streams: Streams
    files: Files
    monitoring: Monitoring
    images: Images
    builds: Builds
    networks: Networks
    volumes: Volumes
    events: Events
    system: System
