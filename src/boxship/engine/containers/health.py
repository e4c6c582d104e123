"""What the results of health checks mean. Pure; Docker's daemon/health.go."""

from typing import Final, Literal, get_args

import msgspec

from boxship.errors import InvalidArgument
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import Container, Health, HealthResult, HostConfig

SECOND: Final = 10**9
INTERVAL_NS: Final = 30 * SECOND
TIMEOUT_NS: Final = 30 * SECOND
START_INTERVAL_NS: Final = 5 * SECOND
RETRIES: Final = 3
KEPT: Final = 5
UNFINISHED: Final = -1
"""Docker's exit code for a check that was not started or did not come to an end."""

FailureAction = Literal["none", "kill", "restart", "stop"]
FAILURE_LABEL: Final = "io.boxship.health-on-failure"
"""Where clients that know only Docker's fields say what an unhealthy container's fate is."""


def probe_command(config: RunConfig) -> tuple[str, ...]:
    """What a check runs; () when the container has none."""
    check = config.healthcheck
    if check is None or not check.test:
        return ()
    kind, *words = check.test
    if kind == "CMD":
        return tuple(words)
    if kind == "CMD-SHELL":
        return (*(config.shell or ("/bin/sh", "-c")), *words)
    return ()


def fresh_health(container: Container) -> Health | None:
    """The health at a start: results of the last life are kept, as Docker does."""
    if not probe_command(container.config):
        return None
    last = container.state.health
    return Health(status="starting", log=last.log if last else ())


def unwatched(health: Health | None) -> Health | None:
    """The health while nobody checks: Docker calls what ended or is paused unhealthy."""
    return health and msgspec.structs.replace(health, status="unhealthy")


def after_result(
    health: Health, check: Healthcheck, result: HealthResult, *, started_at: int
) -> Health:
    """The health after one more result: failures in the start period do not count."""
    results = (*health.log, result)[-KEPT:]
    if result.exit_code == 0:
        return Health(status="healthy", failing_streak=0, log=results)
    in_start_period = health.status == "starting" and result.start - started_at < check.start_period
    if in_start_period:
        return Health(status="starting", failing_streak=health.failing_streak, log=results)
    streak = health.failing_streak + 1
    status = "unhealthy" if streak >= (check.retries or RETRIES) else health.status
    return Health(status=status, failing_streak=streak, log=results)


def pause_before_next(health: Health, check: Healthcheck, *, since_start_ns: int) -> float:
    """Seconds until the next run."""
    if health.status == "starting" and since_start_ns < check.start_period:
        return (check.start_interval or START_INTERVAL_NS) / SECOND
    return (check.interval or INTERVAL_NS) / SECOND


def failure_action(config: RunConfig, host_config: HostConfig) -> FailureAction:
    """What becomes of the container when it turns unhealthy; its label speaks where its field is silent."""
    asked = host_config.health_on_failure_action
    return parse_failure_action(asked or (config.labels or {}).get(FAILURE_LABEL, ""))


def parse_failure_action(text: str) -> FailureAction:
    """A value of `--health-on-failure`; "" is none."""
    for action in get_args(FailureAction):
        if action == (text or "none"):
            return action  # type: ignore[no-any-return]
    raise InvalidArgument(
        f'invalid on-failure action "{text}" for health checks: must be one of none, kill, restart, stop'
    )


def duration(seconds: float) -> str:
    """As Go shows a duration: `500ms`, `1s`, `1m30s`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
