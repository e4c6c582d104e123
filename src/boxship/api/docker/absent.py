"""What Docker has and we do not: swarm mode and plugins, answered as an engine without them."""

from boxship.api.docker import wire
from boxship.api.docker.routing import Access, Route
from boxship.errors import NotFound, Unavailable, Unsupported
from boxship.http.request import Request
from boxship.http.response import Answer
from boxship.services import Services

NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)


async def no_manager(services: Services, request: Request) -> Answer:
    """Everything of swarm mode."""
    raise Unavailable(NO_MANAGER)


async def not_in_swarm(services: Services, request: Request) -> Answer:
    """POST /swarm/leave"""
    raise Unavailable("This node is not part of a swarm")


async def no_swarm(services: Services, request: Request) -> Answer:
    """POST /swarm/init and /swarm/join"""
    raise Unsupported("swarm mode is not supported by this engine")


async def list_plugins(services: Services, request: Request) -> Answer:
    """GET /plugins"""
    return wire.answer([])


async def no_plugin(services: Services, request: Request) -> Answer:
    """Anything about one plugin."""
    raise NotFound(f'plugin "{request.variables["name"]}" not found')


async def no_plugin_install(services: Services, request: Request) -> Answer:
    """Installing plugins."""
    raise Unsupported("plugins are not supported by this engine")


_SWARM = tuple(
    Route(method, path, no_manager, Access.READ)
    for noun in ("nodes", "services", "tasks", "secrets", "configs")
    for method, path in (
        ("GET", f"/{noun}"),
        ("POST", f"/{noun}/create"),
        ("GET", f"/{noun}/{{name}}"),
        ("DELETE", f"/{noun}/{{name}}"),
        ("POST", f"/{noun}/{{name}}/update"),
        ("GET", f"/{noun}/{{name}}/logs"),
    )
    if not (method == "POST" and path in ("/nodes/create", "/tasks/create"))
)

ROUTES = (
    *_SWARM,
    Route("GET", "/swarm", no_manager, Access.READ),
    Route("POST", "/swarm/update", no_manager, Access.READ),
    Route("GET", "/swarm/unlockkey", no_manager, Access.READ),
    Route("POST", "/swarm/unlock", no_manager, Access.READ),
    Route("POST", "/swarm/leave", not_in_swarm, Access.READ),
    Route("POST", "/swarm/init", no_swarm, Access.READ),
    Route("POST", "/swarm/join", no_swarm, Access.READ),
    Route("GET", "/plugins", list_plugins, Access.READ),
    Route("GET", "/plugins/privileges", no_plugin_install, Access.READ),
    Route("POST", "/plugins/pull", no_plugin_install, Access.READ),
    Route("POST", "/plugins/create", no_plugin_install, Access.READ),
    Route("GET", "/plugins/{name:.*}/json", no_plugin, Access.READ),
    Route("DELETE", "/plugins/{name:.*}", no_plugin, Access.READ),
    *(
        Route("POST", f"/plugins/{{name:.*}}/{verb}", no_plugin, Access.READ)
        for verb in ("enable", "disable", "upgrade", "push", "set")
    ),
)
