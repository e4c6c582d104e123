"""What runs in a container by default: the part that an image and a container share."""

import msgspec


class Healthcheck(msgspec.Struct, frozen=True, kw_only=True):
    """A health check; durations in nanoseconds, 0 inherits the image's or the default.

    `test` is `()` (inherit), `("NONE",)`, `("CMD", …)` or `("CMD-SHELL", command)`.
    """

    test: tuple[str, ...] = ()
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Docker's container `Config`: of a container, and of an image (OCI image-spec, config.md).

    `None` for cmd and entrypoint means "not set", `()` means "set to nothing".
    """

    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: dict[str, dict[str, str]] | None = None  # "80/tcp" → {}
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    healthcheck: Healthcheck | None = None
    args_escaped: bool = False
    image: str = ""
    volumes: dict[str, dict[str, str]] | None = None
    working_dir: str = ""
    entrypoint: tuple[str, ...] | None = None
    network_disabled: bool = False
    mac_address: str = ""
    on_build: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str = ""
    stop_timeout: int | None = None
    shell: tuple[str, ...] | None = None
