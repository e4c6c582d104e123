"""The flags before the verb."""

from boxship.cli.flags import Command, Flag, Options


def no_command(_context: object, _options: Options) -> None:
    """Global flags alone run nothing."""


GLOBAL = Command(
    "[OPTIONS] COMMAND [ARG...]",
    no_command,
    Flag("config", "", "string", 'Location of client config files (default "~/.docker")'),
    Flag("context", "c", "string", 'Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with "docker context use")'),
    Flag("debug", "D", "bool", "Enable debug mode"),
    Flag("host", "H", "list", "Daemon socket to connect to"),
    Flag("log-level", "l", "string", 'Set the logging level ("debug", "info", "warn", "error", "fatal") (default "info")', "info"),
    Flag("tls", "", "bool", "Use TLS; implied by --tlsverify"),
    Flag("tlscacert", "", "string", 'Trust certs signed only by this CA (default "~/.docker/ca.pem")'),
    Flag("tlscert", "", "string", 'Path to TLS certificate file (default "~/.docker/cert.pem")'),
    Flag("tlskey", "", "string", 'Path to TLS key file (default "~/.docker/key.pem")'),
    Flag("tlsverify", "", "bool", "Use TLS and verify the remote"),
    Flag("version", "v", "bool", "Print version information and quit"),
    args=(0, 1 << 30),
    interspersed=False,
)  # fmt: skip
