"""Which module runs which command. Modules are loaded when their verb is called, not before."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.cli.flags import Command


class Entry:
    """One verb: where its Command is, and its line in the list of commands."""

    __slots__ = ("attribute", "hidden", "module", "short")

    def __init__(
        self, module: str, short: str, attribute: str = "COMMAND", *, hidden: bool = False
    ) -> None:
        self.module = module
        self.short = short
        self.attribute = attribute
        self.hidden = hidden


class Group:
    """A management command: a noun and its verbs."""

    __slots__ = ("aliases", "commands", "hidden", "long", "short")

    def __init__(
        self,
        short: str,
        commands: "dict[str, Entry]",
        aliases: "dict[str, str] | None" = None,
        *,
        long: str = "",
        hidden: bool = False,
    ) -> None:
        self.short = short
        self.commands = commands
        self.aliases = aliases or {}
        self.long = long
        self.hidden = hidden


COMMON = (
    "run",
    "exec",
    "ps",
    "build",
    "pull",
    "push",
    "images",
    "login",
    "logout",
    "search",
    "version",
    "info",
)

VERBS = {
    "attach": Entry(
        "attach",
        "Attach local standard input, output, and error streams to a running container",
    ),
    "bootstrap": Entry("bootstrap", "Make a base image from the distribution's packages"),
    "build": Entry("build", "Build an image from a Dockerfile"),
    "commit": Entry("commit", "Create a new image from a container's changes"),
    "cp": Entry("cp", "Copy files/folders between a container and the local filesystem"),
    "create": Entry("create", "Create a new container"),
    "diff": Entry("diff", "Inspect changes to files or directories on a container's filesystem"),
    "events": Entry("events", "Get real time events from the server"),
    "exec": Entry("exec", "Execute a command in a running container"),
    "export": Entry("export", "Export a container's filesystem as a tar archive"),
    "history": Entry("history", "Show the history of an image"),
    "images": Entry("images", "List images"),
    "import": Entry(
        "import_image", "Import the contents from a tarball to create a filesystem image"
    ),
    "info": Entry("info", "Display system-wide information"),
    "inspect": Entry("inspect", "Return low-level information on Docker objects"),
    "kill": Entry("kill", "Kill one or more running containers"),
    "load": Entry("load", "Load an image from a tar archive or STDIN"),
    "login": Entry("login", "Authenticate to a registry"),
    "logout": Entry("logout", "Log out from a registry"),
    "logs": Entry("logs", "Fetch the logs of a container"),
    "pause": Entry("pause", "Pause all processes within one or more containers"),
    "port": Entry("port", "List port mappings or a specific mapping for the container"),
    "ps": Entry("ps", "List containers"),
    "pull": Entry("pull", "Download an image from a registry"),
    "push": Entry("push", "Upload an image to a registry"),
    "rename": Entry("rename", "Rename a container"),
    "restart": Entry("stop", "Restart one or more containers", "RESTART"),
    "rm": Entry("rm", "Remove one or more containers"),
    "rmi": Entry("rmi", "Remove one or more images"),
    "run": Entry("run", "Create and run a new container from an image"),
    "save": Entry(
        "save", "Save one or more images to a tar archive (streamed to STDOUT by default)"
    ),
    "search": Entry("search", "Search Docker Hub for images"),
    "start": Entry("start", "Start one or more stopped containers"),
    "stats": Entry("stats", "Display a live stream of container(s) resource usage statistics"),
    "stop": Entry("stop", "Stop one or more running containers"),
    "tag": Entry("tag", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"),
    "top": Entry("top", "Display the running processes of a container"),
    "unpause": Entry("pause", "Unpause all processes within one or more containers", "UNPAUSE"),
    "update": Entry("update", "Update configuration of one or more containers"),
    "version": Entry("version", "Show the Docker version information"),
    "wait": Entry("wait", "Block until one or more containers stop, then print their exit codes"),
}


def _verbs(*names: str) -> "dict[str, Entry]":
    return {name: VERBS[name] for name in names}


_CONTAINER = _verbs(
    *("attach", "commit", "cp", "create", "diff", "exec", "export", "kill", "logs", "pause"),
    *("port", "rename", "restart", "rm", "run", "start", "stats", "stop", "top", "unpause"),
    *("update", "wait"),
)
_CONTAINER["ls"] = Entry("ps", "List containers", "LS")
_CONTAINER["inspect"] = Entry(
    "inspect", "Display detailed information on one or more containers", "CONTAINER"
)
_CONTAINER["prune"] = Entry("prune", "Remove all stopped containers", "CONTAINER")

_IMAGE = _verbs("build", "history", "import", "load", "pull", "push", "save", "tag")
_IMAGE["inspect"] = Entry("inspect", "Display detailed information on one or more images", "IMAGE")
_IMAGE["ls"] = Entry("images", "List images", "LS")
_IMAGE["prune"] = Entry("prune", "Remove unused images", "IMAGE")
_IMAGE["rm"] = Entry("rmi", "Remove one or more images", "RM")

GROUPS = {
    "builder": Group(
        "Manage builds",
        {
            "build": VERBS["build"],
            "prune": Entry("prune", "Remove build cache", "BUILDER"),
        },
    ),
    "completion": Group(
        "Generate the autocompletion script for the specified shell",
        {
            "bash": Entry("completion", "Generate the autocompletion script for bash", "BASH"),
            "fish": Entry("completion", "Generate the autocompletion script for fish", "FISH"),
            "powershell": Entry(
                "completion", "Generate the autocompletion script for powershell", "POWERSHELL"
            ),
            "zsh": Entry("completion", "Generate the autocompletion script for zsh", "ZSH"),
        },
        long="Generate the autocompletion script for boxship for the specified shell.\n"
        "See each sub-command's help for details on how to use the generated script.",
        hidden=True,  # as Docker's: who needs it finds it in the manual
    ),
    "container": Group("Manage containers", _CONTAINER, {"list": "ls", "ps": "ls", "remove": "rm"}),
    "context": Group(
        "Manage contexts",
        {
            "create": Entry("context", "Create a context", "CREATE"),
            "export": Entry(
                "context_archive",
                "Export a context to a tar archive FILE or a tar stream on STDOUT.",
                "EXPORT",
            ),
            "import": Entry("context_archive", "Import a context from a tar or zip file", "IMPORT"),
            "inspect": Entry(
                "context", "Display detailed information on one or more contexts", "INSPECT"
            ),
            "ls": Entry("context", "List contexts", "LS"),
            "rm": Entry("context", "Remove one or more contexts", "RM"),
            "show": Entry("context", "Print the name of the current context", "SHOW"),
            "update": Entry("context", "Update a context", "UPDATE"),
            "use": Entry("context", "Set the current docker context", "USE"),
        },
        {"list": "ls", "remove": "rm"},
    ),
    "image": Group("Manage images", _IMAGE, {"list": "ls", "remove": "rm"}),
    "network": Group(
        "Manage networks",
        {
            "connect": Entry("network", "Connect a container to a network", "CONNECT"),
            "create": Entry("network", "Create a network", "CREATE"),
            "disconnect": Entry("network", "Disconnect a container from a network", "DISCONNECT"),
            "inspect": Entry(
                "inspect", "Display detailed information on one or more networks", "NETWORK"
            ),
            "ls": Entry("network", "List networks", "LS"),
            "prune": Entry("prune", "Remove all unused networks", "NETWORK"),
            "rm": Entry("network", "Remove one or more networks", "RM"),
        },
        {"list": "ls", "remove": "rm"},
    ),
    "system": Group(
        "Manage Docker",
        {
            "df": Entry("system_df", "Show docker disk usage"),
            "dial-stdio": Entry(
                "dial_stdio",
                "Proxy the stdio stream to the daemon connection. Should not be invoked manually.",
                hidden=True,
            ),
            "events": VERBS["events"],
            "info": VERBS["info"],
            "prune": Entry("prune", "Remove unused data", "SYSTEM"),
        },
    ),
    "volume": Group(
        "Manage volumes",
        {
            "create": Entry("volume", "Create a volume", "CREATE"),
            "inspect": Entry(
                "inspect", "Display detailed information on one or more volumes", "VOLUME"
            ),
            "ls": Entry("volume", "List volumes", "LS"),
            "prune": Entry("prune", "Remove unused local volumes", "VOLUME"),
            "rm": Entry("volume", "Remove one or more volumes", "RM"),
            "update": Entry(
                "cluster_volume", "Update a volume (cluster volumes only)", "UPDATE", hidden=True
            ),
        },
        {"list": "ls", "remove": "rm"},
    ),
}


def load(entry: Entry) -> "Command":
    """Import the module of a verb and take its Command."""
    module = __import__("boxship.cli.commands." + entry.module, None, None, (entry.attribute,))
    command: Command = getattr(module, entry.attribute)
    return command
