"""Which source completes which command's arguments and which flag's value."""

ARGUMENTS = {
    "containers": ("export", "inspect-container", "logs", "rename", "restart", "update"),
    "living": ("commit", "diff", "kill", "port", "stats", "stop", "top", "wait"),
    "busy": ("attach", "exec", "pause"),
    "paused": ("unpause",),
    "startable": ("start",),
    "removable": ("rm",),
    "images": ("create", "rmi", "save"),
    "one image": ("run", "history", "push"),
    "two images": ("tag",),
    "folders": ("build",),
    "objects": ("inspect",),
    "nothing": ("ps", "pull", "login", "version", "info", "events", "load", "bootstrap"),
    "files": ("cp", "images", "import", "logout", "search"),
}
BELOW_GROUPS = {
    "container inspect": "containers",
    "container ls": "nothing",
    "container prune": "nothing",
    "builder prune": "nothing",
    "completion bash": "nothing",
    "completion fish": "nothing",
    "completion powershell": "nothing",
    "completion zsh": "nothing",
    "context create": "nothing",
    "context export": "one context",
    "context import": "files",
    "context inspect": "contexts",
    "context ls": "nothing",
    "context rm": "contexts",
    "context show": "nothing",
    "context update": "one context, no more",
    "context use": "one context, no more",
    "image inspect": "images",
    "image ls": "files",
    "image prune": "nothing",
    "image rm": "images",
    "network connect": "network, then outsiders",
    "network create": "nothing",
    "network disconnect": "network, then insiders",
    "network inspect": "networks",
    "network ls": "nothing",
    "network prune": "files",
    "network rm": "networks",
    "system df": "nothing",
    "system dial-stdio": "nothing",
    "system prune": "nothing",
    "volume create": "nothing",
    "volume inspect": "volumes",
    "volume ls": "nothing",
    "volume prune": "nothing",
    "volume rm": "volumes",
    "volume update": "volumes",
}
_BY_VERB = {verb: source for source, verbs in ARGUMENTS.items() for verb in verbs}

GLOBAL_FLAGS = {"context": "contexts", "log-level": "log levels"}
EVERYWHERE = {"platform": "platforms"}
FLAGS = {
    "exec": {"env": "environment"},
    "events": {"filter": "event filters"},
    "inspect": {"type": "object types", "format": "nothing"},
    "kill": {"signal": "signals"},
    "restart": {"signal": "signals"},
    "stop": {"signal": "signals"},
    "update": {"restart": "restart policies"},
}
OF_NEW_CONTAINERS = {
    "attach": "streams",
    "cap-add": "capabilities",
    "cap-drop": "capabilities",
    "cgroupns": "cgroup namespaces",
    "detach-keys": "detach keys",
    "env": "environment",
    "env-file": "files",
    "ipc": "ipc modes",
    "link": "links",
    "log-driver": "log drivers",
    "log-opt": "log options",
    "network": "networks",
    "pid": "pid modes",
    "pull": "pull policies",
    "restart": "restart policies",
    "security-opt": "security options",
    "stop-signal": "signals",
    "storage-opt": "storage options",
    "ulimit": "ulimits",
    "userns": "host",
    "uts": "host",
    "volume-driver": "volume drivers",
    "volumes-from": "containers",
}
_NEW = frozenset(("run", "create"))


def _verb(path: str) -> str:
    """The verb that both `container stop` and `stop` mean."""
    group, _, verb = path.rpartition(" ")
    return verb if group in {"", "container", "image", "system", "builder"} else path


def argument_source(path: str) -> str:
    """What completes a command's arguments; empty: the shell's own file names."""
    return BELOW_GROUPS.get(path) or _BY_VERB.get(_verb(path), "")


def flag_source(path: str, flag: str) -> str:
    """What completes a flag's value; empty: the shell's own file names."""
    if not path:
        return GLOBAL_FLAGS.get(flag, "")
    verb = path if path.endswith(" inspect") else _verb(path)
    known = EVERYWHERE.get(flag, "")
    if verb in _NEW:
        return known or OF_NEW_CONTAINERS.get(flag, "nothing")
    return known or FLAGS.get(verb, {}).get(flag, "")
