"""The process that a container or an exec starts. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from boxship.errors import InvalidArgument
from boxship.model.container import HostConfig
from boxship.runtime.contract import Bundle, ExecSpec
from boxship.runtime.spec.mounts import INIT_PATH
from boxship.runtime.spec.users import Identity

NO_HOME: Final = "HOME=/"  # in the first place only when it is ours
DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RLIMITS: Final = frozenset(
    (
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
        "as",
    )
)
_UNLIMITED: Final = (1 << 64) - 1


def process(
    bundle: Bundle, identity: Identity, capabilities: Sequence[str], *, no_new_privileges: bool
) -> dict[str, Any]:
    """OCI `process` of the container's first process."""
    container = bundle.container
    config, host_config = container.config, container.host_config
    args = [container.path, *container.args]
    if bundle.init_path:
        args = [INIT_PATH, "--", *args]
    result: dict[str, Any] = {
        "user": user(identity),
        "args": args,
        "env": with_home(environment(bundle), identity),
        "cwd": config.working_dir or "/",
        "capabilities": capability_sets(capabilities),
        "oomScoreAdj": host_config.oom_score_adj,
    }
    if config.tty:
        result["terminal"] = True
        _set_console_size(result, host_config.console_size)
    if no_new_privileges:
        result["noNewPrivileges"] = True
    if limits := rlimits(host_config, bundle.default_ulimits):
        result["rlimits"] = limits
    return result


def exec_process(
    first: Mapping[str, Any],
    spec: ExecSpec,
    identity: Identity,
    privileged_capabilities: Sequence[str],
    configured: Sequence[str] = (),
) -> dict[str, Any]:
    """OCI `process` of an exec: what the container's *first* process has, but for what *spec* says.

    *configured* is the environment in the container's configuration: a TERM that is not in it came with
    the terminal of the first process, and is not for those who have none.
    """
    result = {
        key: first[key]
        for key in ("noNewPrivileges", "rlimits", "apparmorProfile", "oomScoreAdj", "capabilities")
        if key in first
    }
    inherits_terminal = spec.tty or _has(configured, "TERM")
    env = [each for each in first["env"] if inherits_terminal or not each.startswith("TERM=")]
    if env[:1] == [NO_HOME]:  # of another user, perhaps
        del env[0]
    if spec.tty and not _has(env, "TERM"):
        env.append("TERM=xterm")
    result |= {
        "user": user(identity),
        "args": list(spec.cmd),
        "env": with_home(merged_environment(env, spec.env), identity),
        "cwd": spec.working_dir or first["cwd"],
    }
    if spec.tty:
        result["terminal"] = True
        _set_console_size(result, spec.console_size)
    if spec.privileged:
        result["capabilities"] = capability_sets(privileged_capabilities)
    return result


def environment(bundle: Bundle) -> list[str]:
    """Docker's defaults, what the engine adds, then the container's own."""
    config = bundle.container.config
    defaults = [f"PATH={DEFAULT_PATH}", f"HOSTNAME={config.hostname}"]
    if config.tty:
        defaults.append("TERM=xterm")
    return merged_environment(merged_environment(defaults, bundle.environment), config.env or ())


def with_home(env: list[str], identity: Identity) -> list[str]:
    """What the runtime adds for users it finds in the accounts, for those it does not find."""
    env = [each for each in env if each != "HOME="]  # an empty one is none
    return env if identity.known or _has(env, "HOME") else [NO_HOME, *env]


def merged_environment(base: Iterable[str], overrides: Iterable[str]) -> list[str]:
    """Later values in the place of earlier ones; a name without `=` removes the variable."""
    merged = {each.partition("=")[0]: each for each in base}
    for each in overrides:
        name, equals, _ = each.partition("=")
        if equals:
            merged[name] = each
        else:
            merged.pop(name, None)
    return list(merged.values())


def user(identity: Identity) -> dict[str, Any]:
    """OCI `process.user`."""
    result: dict[str, Any] = {"uid": identity.uid, "gid": identity.gid}
    if identity.additional_gids:
        result["additionalGids"] = list(identity.additional_gids)
    return result


def capability_sets(capabilities: Sequence[str]) -> dict[str, list[str]]:
    """The three sets Docker fills; inheritable and ambient stay empty (CVE-2022-29162)."""
    return {name: list(capabilities) for name in ("bounding", "effective", "permitted")}


def rlimits(
    host_config: HostConfig, defaults: Mapping[str, tuple[int, int]]
) -> list[dict[str, Any]]:
    """OCI `process.rlimits`: the engine's defaults where the container has none of its own."""
    own = {each.name.lower(): (each.soft, each.hard) for each in host_config.ulimits or ()}
    limits = {**{name.lower(): values for name, values in defaults.items()}, **own}
    for name in limits:
        if name not in _RLIMITS:
            raise InvalidArgument(f"invalid ulimit type: {name}")
    return [
        {
            "type": f"RLIMIT_{name.upper()}",
            "hard": _UNLIMITED if hard < 0 else hard,
            "soft": _UNLIMITED if soft < 0 else soft,
        }
        for name, (soft, hard) in limits.items()
    ]


def _set_console_size(process: dict[str, Any], size: tuple[int, int]) -> None:
    height, width = size
    if height and width:
        process["consoleSize"] = {"height": height, "width": width}


def _has(env: Iterable[str], name: str) -> bool:
    return any(each.startswith(f"{name}=") for each in env)
