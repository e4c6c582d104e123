"""Registry credentials: config.json and the programs it names (docker-credential-*)."""

from boxship.client.codec import BadJSON, dumps, loads
from boxship.errors import InvalidArgument, NotFound, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from boxship.cli.config import Config
    from boxship.cli.running import Context

INDEX = "https://index.docker.io/v1/"
TOKEN_USER = "<token>"  # noqa: S105 - a marker helpers use, no secret
NOT_FOUND = "credentials not found in native keychain"


def server_of(domain: str) -> str:
    """Under which name credentials for a registry are kept."""
    return INDEX if domain in {"docker.io", "index.docker.io"} else domain


def get(config: "Config", server: str) -> "dict[str, str]":
    """The credentials for a server, {} without any."""
    helper = _helper_for(config, server)
    if helper:
        return _from_helper(helper, server)
    auths = config.values.get("auths") or {}
    entry = auths.get(server)
    if entry is None:
        entry = next((value for key, value in auths.items() if _host(key) == _host(server)), None)
    return _decoded(entry, server) if entry else {}


def _host(server: str) -> str:
    name = server.removeprefix("https://").removeprefix("http://")
    return name.partition("/")[0]


def _decoded(entry: "dict[str, Any]", server: str) -> "dict[str, str]":
    from base64 import b64decode

    found = {
        "username": str(entry.get("username") or ""),
        "password": str(entry.get("password") or ""),
        "serveraddress": server,
        "identitytoken": str(entry.get("identitytoken") or ""),
        "registrytoken": str(entry.get("registrytoken") or ""),
    }
    if entry.get("auth"):
        try:
            user, _, password = b64decode(entry["auth"]).decode().partition(":")
        except ValueError:
            raise InvalidArgument("Invalid auth configuration file") from None
        found["username"], found["password"] = user, password.strip("\0")
    return {key: value for key, value in found.items() if value}


def _helper_for(config: "Config", server: str) -> str:
    helpers = config.values.get("credHelpers") or {}
    return str(helpers.get(server) or config.values.get("credsStore") or "")


def _call_helper(helper: str, action: str, text: str) -> str:
    import subprocess

    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, action], input=text.encode(), capture_output=True, check=False
        )
    except OSError as error:
        raise Unavailable(
            f"error getting credentials - err: exec: {program}: {error.strerror}"
        ) from None
    output = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode:
        if NOT_FOUND in output:
            raise NotFound(output)
        raise Unavailable(
            f"error getting credentials - err: exit status {done.returncode}, out: `{output}`"
        )
    return output


def _from_helper(helper: str, server: str) -> "dict[str, str]":
    try:
        answer = loads(_call_helper(helper, "get", server))
    except NotFound:
        return {}
    except BadJSON as error:
        raise Unavailable(f"docker-credential-{helper} answered no JSON: {error}") from None
    user, secret = str(answer.get("Username", "")), str(answer.get("Secret", ""))
    if user == TOKEN_USER:
        return {"identitytoken": secret, "serveraddress": server}
    return {"username": user, "password": secret, "serveraddress": server}


def store(config: "Config", server: str, auth: "dict[str, str]") -> bool:
    """Keep credentials; True when they now lie unencrypted in config.json."""
    helper = _helper_for(config, server)
    if helper:
        token = auth.get("identitytoken", "")
        secret = {
            "ServerURL": server,
            "Username": TOKEN_USER if token else auth.get("username", ""),
            "Secret": token or auth.get("password", ""),
        }
        _call_helper(helper, "store", dumps(secret))
        config.values.setdefault("auths", {})[server] = {}
        config.save()
        return False
    from base64 import b64encode

    entry: dict[str, str] = {}
    if auth.get("username"):
        pair = f"{auth['username']}:{auth.get('password', '')}"
        entry["auth"] = b64encode(pair.encode()).decode()
    if auth.get("identitytoken"):
        entry["auth"] = b64encode(f"{auth['username']}:".encode()).decode()
        entry["identitytoken"] = auth["identitytoken"]
    config.values.setdefault("auths", {})[server] = entry
    config.save()
    return True


def erase(config: "Config", server: str) -> None:
    """Forget the credentials of a server."""
    helper = _helper_for(config, server)
    if helper:
        from contextlib import suppress

        with suppress(NotFound):
            _call_helper(helper, "erase", server)
    auths = config.values.get("auths") or {}
    if auths.pop(server, None) is not None:
        config.save()


def encoded(auth: "dict[str, str]") -> str:
    """X-Registry-Auth: JSON in URL-safe base64."""
    from binascii import b2a_base64

    text = b2a_base64(dumps(auth).encode(), newline=False).decode()
    return text.replace("+", "-").replace("/", "_")


def auth_header(context: "Context", domain: str) -> "dict[str, str]":
    """The header for a request that concerns one registry."""
    return {"X-Registry-Auth": encoded(get(context.config, server_of(domain)))}


def all_header(context: "Context") -> "dict[str, str]":
    """X-Registry-Config: the credentials of every registry we know, for builds."""
    config = context.config
    servers = {*(config.values.get("auths") or {}), *(config.values.get("credHelpers") or {})}
    found = {}
    for server in sorted(servers):
        auth = get(config, server)
        if auth:
            found[server] = auth
    return {"X-Registry-Config": encoded_config(found)}


def encoded_config(values: "dict[str, Any]") -> str:
    """X-Registry-Config: as above, for several registries."""
    from binascii import b2a_base64

    text = b2a_base64(dumps(values).encode(), newline=False).decode()
    return text.replace("+", "-").replace("/", "_")
