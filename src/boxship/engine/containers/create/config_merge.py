"""What runs: the request's configuration over the image's, by Docker's rules. Pure."""

from collections.abc import Sequence

import msgspec

from boxship.errors import InvalidArgument
from boxship.model.config import Healthcheck, RunConfig


def merged_config(request: RunConfig, image: RunConfig) -> RunConfig:
    """The container's configuration; raise InvalidArgument when nothing would run."""
    entrypoint, cmd = _merged_command(request, image)
    return msgspec.structs.replace(
        request,
        user=request.user or image.user,
        exposed_ports=_merged_sets(request.exposed_ports, image.exposed_ports),
        env=merged_env(request.env, image.env),
        labels={**(image.labels or {}), **(request.labels or {})},
        entrypoint=entrypoint,
        cmd=cmd,
        healthcheck=_merged_healthcheck(request.healthcheck, image.healthcheck),
        working_dir=request.working_dir or image.working_dir,
        volumes=_merged_sets(request.volumes, image.volumes),
        stop_signal=request.stop_signal or image.stop_signal,
        shell=request.shell or image.shell,
        on_build=request.on_build or None,
    )


def command_line(config: RunConfig) -> tuple[str, tuple[str, ...]]:
    """Docker's Path and Args: the program and what it is given."""
    words = (*(config.entrypoint or ()), *(config.cmd or ()))
    return words[0], words[1:]


def merged_env(
    request: Sequence[str] | None, image: Sequence[str] | None
) -> tuple[str, ...] | None:
    """The request's variables first, then those of the image that it does not set."""
    if not request:
        return tuple(image) if image is not None else None
    given = {variable.partition("=")[0] for variable in request}
    inherited = (each for each in image or () if each.partition("=")[0] not in given)
    return (*request, *inherited)


def _merged_command(
    request: RunConfig, image: RunConfig
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    entrypoint, cmd = request.entrypoint, request.cmd
    if not entrypoint:
        cmd = cmd or image.cmd
        if entrypoint is None:
            entrypoint = image.entrypoint
    if entrypoint == ("",):  # how the CLI spells `--entrypoint ""`
        entrypoint = None
    if not entrypoint and not cmd:
        raise InvalidArgument("no command specified")
    return entrypoint, cmd


def _merged_sets(
    request: dict[str, dict[str, str]] | None, image: dict[str, dict[str, str]] | None
) -> dict[str, dict[str, str]] | None:
    if not request:
        return image
    return {**(image or {}), **request}


def _merged_healthcheck(
    request: Healthcheck | None, image: Healthcheck | None
) -> Healthcheck | None:
    if request is None or image is None:
        return request or image
    return Healthcheck(
        test=request.test or image.test,
        interval=request.interval or image.interval,
        timeout=request.timeout or image.timeout,
        start_period=request.start_period or image.start_period,
        start_interval=request.start_interval or image.start_interval,
        retries=request.retries or image.retries,
    )
