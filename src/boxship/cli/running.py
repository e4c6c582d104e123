"""What every verb has at hand: the daemon's client, the user's configuration, and its streams."""

import sys
from os import environ

from boxship.cli.hosts import DEFAULT_HOST, Endpoint
from boxship.errors import BoxshipError, InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from boxship.cli.config import Config
    from boxship.cli.flags import Options
    from boxship.client.http import Client
    from boxship.client.tls import TlsFiles


UNRESOLVED = "Failed to initialize: unable to resolve docker endpoint"


class Failed(BoxshipError):
    """Some of several things failed and each has been reported."""

    def __init__(self, text: str = "", status: int = 1) -> None:
        super().__init__(text)
        self.exit_status = status


class Context:
    """One run of the program: global flags, and what is made from them on first use."""

    def __init__(self, top: "Options", path: str = "") -> None:
        self.top = top
        self.path = path  # of the command, as typed: "container ls"
        self._config: Config | None = None
        self._client: Client | None = None

    @property
    def config(self) -> "Config":
        """The user's config.json."""
        if self._config is None:
            from boxship.cli.config import load

            self._config = load(self.config_dir)
        return self._config

    @property
    def config_dir(self) -> str:
        given = self.top.config or environ.get("DOCKER_CONFIG", "")
        return given or home() + "/.docker"

    @property
    def client(self) -> "Client":
        """The daemon chosen by -H, DOCKER_HOST, BOXSHIP_HOST or the context, in this order."""
        if self._client is None:
            self._client = self._connect(self.endpoint())
        return self._client

    def _connect(self, endpoint: Endpoint) -> "Client":
        from boxship.client.address import parse_address
        from boxship.client.http import Client

        client = Client(
            parse_address(endpoint.host, tls=endpoint.tls is not None),
            tls=endpoint.tls,
            version=environ.get("DOCKER_API_VERSION", "").removeprefix("v"),
            headers=self.config.http_headers,
        )
        if not endpoint.named:
            from boxship.cli.launcher import start_daemon

            client.on_unreachable = start_daemon
        return client

    def close(self) -> None:
        """Let go of the daemon."""
        if self._client is not None:
            self._client.close()

    def endpoint(self) -> Endpoint:
        """Where the daemon is."""
        hosts = self.top.host
        if len(hosts) > 1:
            raise InvalidArgument(f"{UNRESOLVED}: Specify only one -H")
        if hosts and self.top.context:
            raise InvalidArgument("conflicting options: cannot specify both --host and --context")
        name = self.context_name()
        if name != "default":
            from boxship.cli.contexts import Store

            return Store(self.config_dir).endpoint(name)
        host = hosts[0] if hosts else environ.get("DOCKER_HOST") or environ.get("BOXSHIP_HOST")
        return Endpoint(host or DEFAULT_HOST, self._tls(), named=bool(host))

    def context_name(self) -> str:
        """The context in force; "default" where host and environment decide."""
        if self.top.context:
            return str(self.top.context)
        if self.top.host or environ.get("DOCKER_HOST") or environ.get("BOXSHIP_HOST"):
            return "default"
        return environ.get("DOCKER_CONTEXT") or self.config.current_context or "default"

    def _tls(self) -> "TlsFiles | None":
        top = self.top
        verify = top.tlsverify
        if "tlsverify" not in top.changed:
            verify = bool(environ.get("DOCKER_TLS_VERIFY"))
        if not (top.tls or verify or environ.get("DOCKER_TLS")):
            return None
        from os.path import exists

        from boxship.client.tls import TlsFiles

        folder = environ.get("DOCKER_CERT_PATH") or self.config_dir
        given = {
            "ca": top.tlscacert or folder + "/ca.pem",
            "cert": top.tlscert or folder + "/cert.pem",
            "key": top.tlskey or folder + "/key.pem",
        }
        flags = {"ca": "tlscacert", "cert": "tlscert", "key": "tlskey"}
        for part, path in given.items():
            if flags[part] not in top.changed and not exists(path) and part != "ca":
                given[part] = ""  # Docker's defaults count only where they exist
        if not exists(given["ca"]):
            raise InvalidArgument(f"{UNRESOLVED}: open {given['ca']}: no such file or directory")
        if not verify:
            given["ca"] = ""
        return TlsFiles(**given, verify=bool(verify))


def home() -> str:
    """The user's home directory."""
    found = environ.get("HOME")
    if found:
        return found
    import os
    import pwd

    return pwd.getpwuid(os.getuid()).pw_dir


def for_each(
    names: "Sequence[str]",
    act: "Callable[[str], Any]",
    *,
    echo: bool = True,
    together: bool = False,
) -> int:
    """Do one thing to many; print each name that succeeded; report the failures and return 1.

    *together*: at the same time, for what may take its time, such as stopping.
    """
    from boxship.client.errors import ApiError

    def attempt(name: str) -> "BaseException | None":
        try:
            act(name)
        except BaseException as error:  # noqa: BLE001 - raised again, or reported, in its turn
            return error
        return None

    outcomes = _in_threads(names, attempt) if together and len(names) > 1 else map(attempt, names)
    failed = 0
    for name, error in zip(names, outcomes, strict=True):
        if error is None:
            if echo:
                sys.stdout.write(f"{name}\n")
        elif isinstance(error, ApiError):
            failed = 1
            sys.stdout.flush()
            sys.stderr.write(f"{error}\n")
        else:
            raise error
    return failed


PARALLEL = 50


def _in_threads(
    names: "Sequence[str]", attempt: "Callable[[str], BaseException | None]"
) -> "list[BaseException | None]":
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(attempt, names))


def path_name(name: str) -> str:
    """A container, image or other name as a part of an API path."""
    from boxship.client.query import escape

    return escape(name, b"/:@")


def filters_query(filters: "Iterable[str]") -> "dict[str, dict[str, bool]] | None":
    """`--filter a=b` values as the API's JSON; None without any."""
    found: dict[str, dict[str, bool]] = {}
    for text in filters:
        if not text:
            continue
        name, _, value = text.partition("=")
        found.setdefault(name.strip().lower(), {})[value.strip()] = True
    return {name: found[name] for name in sorted(found)} or None


def check_filter(text: str) -> str:
    """A value of --filter; raise ValueError."""
    if text and "=" not in text:
        raise ValueError("bad format of filter (expected name=value)")
    return text
