"""Restart policies, listings, detach keys, health, names and other pure decisions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.engine.containers.contract import Capabilities
from boxship.engine.containers.create.limits import check_limits
from boxship.engine.containers.detach import DetachScanner, parse_detach_keys
from boxship.engine.containers.files import without_ours
from boxship.engine.containers.health import after_result, pause_before_next, probe_command
from boxship.engine.containers.listing import plan_list, plan_prune
from boxship.engine.containers.names import random_name
from boxship.engine.containers.restart import (
    plan_restart,
    remaining_delay_s,
    starts_with_engine,
)
from boxship.engine.containers.update import changed_host_config
from boxship.errors import BoxshipError, Conflict, InvalidArgument
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import (
    NAME,
    Container,
    ContainerState,
    Health,
    HealthResult,
    HostConfig,
    RestartPolicy,
    Status,
)
from boxship.model.filters import Filters
from boxship.model.moment import parse_moment
from boxship.model.network import EndpointSettings, PortBinding, PublishedPort, Sandbox
from boxship.model.sizes import parse_size
from boxship.runtime.files import absolute, go_mode
from boxship.services.containers import ContainerListing
from boxship.services.files import Change

SECOND = 10**9


def a_container(name: str = "web", **fields: Any) -> Container:
    state = {
        key: fields.pop(key) for key in list(fields) if key in ContainerState.__struct_fields__
    }
    host = {key: fields.pop(key) for key in list(fields) if key in HostConfig.__struct_fields__}
    config = {key: fields.pop(key) for key in list(fields) if key in RunConfig.__struct_fields__}
    return Container(
        **{
            "id": name.encode().hex().ljust(64, "0"),
            "name": name,
            "created": 0,
            "image": None,
            "image_reference": "",
            "config": RunConfig(**config),
            "host_config": HostConfig(**host),
            "state": ContainerState(**state),
            **fields,
        }
    )


# ---- restart policies


@pytest.mark.parametrize(
    ("policy", "code", "count", "by_user", "restarts"),
    [
        ("", 1, 0, False, False),
        ("no", 1, 0, False, False),
        ("always", 0, 99, False, True),
        ("always", 0, 0, True, True),
        ("unless-stopped", 0, 0, False, True),
        ("unless-stopped", 0, 0, True, False),
        ("on-failure", 0, 0, False, False),
        ("on-failure", 1, 99, False, True),
        ("on-failure", 1, 0, True, True),
        ("on-failure:3", 1, 2, False, True),
        ("on-failure:3", 1, 3, False, False),
    ],
)
def test_who_restarts(policy: str, code: int, count: int, by_user: bool, restarts: bool) -> None:
    name, _, limit = policy.partition(":")
    container = a_container(
        restart_policy=RestartPolicy(name=name, maximum_retry_count=int(limit or 0)),
        restart_count=count,
    )
    state = ContainerState(exit_code=code, stopped_by_user=by_user)
    assert (plan_restart(container, state) is not None) is restarts


def test_the_delay_doubles_and_begins_anew_after_ten_seconds() -> None:
    container = a_container(restart_policy=RestartPolicy(name="always"))
    delays = [0.0]
    for _ in range(12):
        short = ContainerState(started_at=1, finished_at=SECOND, restart_delay_s=delays[-1])
        delays.append(plan_restart(container, short) or 0)
    assert delays[1:5] == [0.1, 0.2, 0.4, 0.8]
    assert delays[-1] == 60
    steady = ContainerState(started_at=1, finished_at=10 * SECOND + 1, restart_delay_s=60)
    assert plan_restart(container, steady) == 0.1


def test_a_pause_goes_on_where_the_last_engine_left_it() -> None:
    state = ContainerState(finished_at=5 * SECOND, restart_delay_s=3.2)
    assert remaining_delay_s(state, 6 * SECOND) == pytest.approx(2.2)
    assert remaining_delay_s(state, 9 * SECOND) == 0


def test_what_a_starting_engine_starts() -> None:
    def starts(policy: str, **state: Any) -> bool:
        fields = {"status": Status.EXITED, "started_at": 1, **state}
        return starts_with_engine(a_container(restart_policy=RestartPolicy(name=policy), **fields))

    assert starts("always")
    assert starts("always", stopped_by_user=True)
    assert starts("unless-stopped")
    assert not starts("unless-stopped", stopped_by_user=True)
    assert not starts("always", status=Status.CREATED, started_at=0)
    assert starts("on-failure", exit_code=1)
    assert not starts("on-failure", exit_code=0)


# ---- ps and prune


CONTAINERS = [
    a_container(
        "old",
        created=1 * SECOND,
        status=Status.EXITED,
        exit_code=3,
        started_at=1,
        labels={"a": "b"},
    ),
    a_container(
        "run",
        created=2 * SECOND,
        status=Status.RUNNING,
        networks={"net": EndpointSettings()},
        port_bindings={"80/tcp": (PortBinding(host_port="8080"),)},
        health=Health(status="healthy"),
    ),
    a_container("new", created=3 * SECOND, status=Status.CREATED),
]


SANDBOXES = {
    CONTAINERS[1].id: Sandbox(
        id="s",
        container_id=CONTAINERS[1].id,
        ports=(
            PublishedPort(host_ip="0.0.0.0", host_port=8080, container_port=80, protocol="tcp"),
        ),
    )
}


def listed(**listing: Any) -> list[str]:
    filters = Filters({name: tuple(values) for name, values in listing.pop("filters", {}).items()})
    chosen = plan_list(
        CONTAINERS,
        ContainerListing(filters=filters, **listing),
        sandboxes=SANDBOXES,
        ancestors=lambda name: {name},
    )
    return [container.name for container in chosen]


@pytest.mark.parametrize(
    ("listing", "names"),
    [
        ({}, ["run"]),
        ({"all": True}, ["new", "run", "old"]),
        ({"limit": 1}, ["new"]),
        ({"filters": {"status": ["exited", "created"]}}, ["new", "old"]),
        ({"all": True, "filters": {"exited": ["3"]}}, ["old"]),
        ({"all": True, "filters": {"exited": ["0"]}}, []),
        ({"all": True, "filters": {"label": ["a"]}}, ["old"]),
        ({"all": True, "filters": {"label": ["a=c"]}}, []),
        ({"all": True, "filters": {"name": ["^/?o"]}}, ["old"]),
        ({"all": True, "filters": {"name": ["ru"]}}, ["run"]),
        ({"all": True, "filters": {"before": ["run"]}}, ["old"]),
        ({"all": True, "filters": {"since": ["/run"]}}, ["new"]),
        ({"filters": {"since": ["run"]}}, []),
        ({"all": True, "filters": {"before": ["run"], "name": ["old"]}}, []),
        ({"all": True, "filters": {"id": [CONTAINERS[0].id[:5], ""]}}, ["old"]),
        ({"filters": {"network": ["net"]}}, ["run"]),
        ({"filters": {"publish": ["8080"]}}, ["run"]),
        ({"filters": {"publish": ["8000-8100/tcp"]}}, ["run"]),
        ({"filters": {"publish": ["8080/udp"]}}, []),
        ({"filters": {"publish": ["80"]}}, []),
        ({"filters": {"expose": ["80"]}}, ["run"]),
        ({"filters": {"network": []}}, []),
        ({"filters": {"health": ["healthy"]}}, ["run"]),
        ({"all": True, "filters": {"health": ["none"]}}, ["new", "old"]),
        ({"filters": {"is-task": ["true"]}}, []),
        ({"filters": {"is-task": ["false"]}}, ["run"]),
        ({"filters": {"ancestor": ["x"]}}, []),
    ],
)
def test_ps(listing: dict[str, Any], names: list[str]) -> None:
    assert listed(**listing) == names


@pytest.mark.parametrize(
    "filters",
    [
        {"foo": ["x"]},
        {"status": ["foo"]},
        {"exited": ["x"]},
        {"health": ["foo"]},
        {"before": ["nope"]},
        {"publish": ["x"]},
        {"publish": ["90-80"]},
        {"expose": ["65536"]},
        {"expose": [""]},
        {"expose": ["1:2"]},
        {"is-task": ["true", "false"]},
    ],
)
def test_filters_that_make_no_sense(filters: dict[str, list[str]]) -> None:
    with pytest.raises(BoxshipError):
        listed(filters=filters)


def test_prune_takes_stopped_ones_of_an_age() -> None:
    def pruned(**filters: tuple[str, ...]) -> list[str]:
        return [c.name for c in plan_prune(CONTAINERS, Filters(filters), 4 * SECOND)]

    assert pruned() == ["old", "new"]
    assert pruned(until=("2s",)) == ["old"]
    assert pruned(label=("a=b",)) == ["old"]
    assert pruned(**{"label!": ("a",)}) == ["new"]
    with pytest.raises(InvalidArgument, match='failed to parse value as time or duration: "foo"'):
        pruned(until=("foo",))


def test_moments() -> None:
    now = 1000 * SECOND
    assert parse_moment("1m30s", now) == 910 * SECOND
    assert parse_moment("900", now) == 900 * SECOND
    assert parse_moment("1970-01-01T00:01:00Z", now) == 60 * SECOND


# ---- detach keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", b"\x10\x11"),
        ("ctrl-a", b"\x01"),
        ("ctrl-a,b", b"\x01b"),
        ("ctrl-@,ctrl-[", b"\x00\x1b"),
    ],
)
def test_keys(text: str, keys: bytes) -> None:
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ab", "ctrl-a,", "ctrl-ü"])
def test_bad_keys(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid detach keys"):
        parse_detach_keys(text)


@given(data=st.binary(max_size=40), cuts=st.lists(st.integers(0, 40), max_size=6))
def test_however_typing_is_sliced_the_same_passes(data: bytes, cuts: list[int]) -> None:
    data = data.replace(b"\x10\x11", b"")
    scanner = DetachScanner(b"\x10\x11")
    passed, start = b"", 0
    for cut in [*sorted(cuts), len(data)]:
        out, detached = scanner.feed(data[start:cut])
        start = max(start, cut)
        passed += out
        assert not detached
    out, detached = scanner.feed(b"\x10\x11rest")
    assert detached
    assert passed + out == data


# ---- health


def a_result(code: int, start: int = 0) -> HealthResult:
    return HealthResult(start=start, end=start, exit_code=code, output="")


def test_health_needs_failures_in_a_row() -> None:
    check = Healthcheck(retries=2)
    health = Health(status="starting")
    seen = []
    for code in (1, 0, 1, 1, 0):
        health = after_result(health, check, a_result(code), started_at=0)
        seen.append((health.status, health.failing_streak))
    assert seen == [
        ("starting", 1),
        ("healthy", 0),
        ("healthy", 1),
        ("unhealthy", 2),
        ("healthy", 0),
    ]
    assert len(health.log) == 5


def test_failures_in_the_start_period_do_not_count() -> None:
    check = Healthcheck(retries=1, start_period=10, start_interval=SECOND)
    health = after_result(Health(status="starting"), check, a_result(1, start=5), started_at=0)
    assert (health.status, health.failing_streak) == ("starting", 0)
    assert pause_before_next(health, check, since_start_ns=5) == 1
    health = after_result(health, check, a_result(1, start=15), started_at=0)
    assert health.status == "unhealthy"
    assert pause_before_next(health, check, since_start_ns=15) == 30


def test_what_a_check_runs() -> None:
    assert probe_command(RunConfig(healthcheck=Healthcheck(test=("CMD", "a", "b")))) == ("a", "b")
    shell = Healthcheck(test=("CMD-SHELL", "x | y"))
    assert probe_command(RunConfig(healthcheck=shell)) == ("/bin/sh", "-c", "x | y")
    assert probe_command(RunConfig(healthcheck=shell, shell=("ash", "-c")))[0] == "ash"
    assert probe_command(RunConfig(healthcheck=Healthcheck(test=("NONE",)))) == ()


# ---- the rest


def test_names_are_docker_like_and_free() -> None:
    taken: set[str] = set()
    for _ in range(200):
        name = random_name(taken.__contains__)
        assert NAME.fullmatch(name)
        assert name not in taken
        taken.add(name)
    assert random_name(lambda _: True)


def test_update_keeps_what_is_not_asked() -> None:
    container = a_container(memory=10 << 20, memory_swap=20 << 20, cpu_shares=5)
    changed, _ = changed_host_config(container, HostConfig(cpu_shares=7), None, Capabilities())
    assert (changed.memory, changed.cpu_shares) == (10 << 20, 7)
    with pytest.raises(BoxshipError, match="update the memoryswap at the same time"):
        changed_host_config(container, HostConfig(memory=30 << 20), None, Capabilities())
    with pytest.raises(Conflict, match="AutoRemove is enabled"):
        changed_host_config(
            a_container(auto_remove=True),
            HostConfig(),
            RestartPolicy(name="always"),
            Capabilities(),
        )
    assert check_limits(HostConfig(), Capabilities()) == []


def test_diff_leaves_out_what_the_engine_made() -> None:
    changes = [
        Change("/dev", 1),
        Change("/etc", 0),
        Change("/etc/hosts", 1),
        Change("/home", 0),
        Change("/proc", 1),
    ]
    assert without_ours(changes) == [Change("/home", 0)]
    assert without_ours([*changes, Change("/etc/x", 1)]) == [
        Change("/etc", 0),
        Change("/home", 0),
        Change("/etc/x", 1),
    ]


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("etc", "/etc"),
        ("/etc/", "/etc/"),
        ("/etc/.", "/etc/."),
        ("/", "/"),
        ("", "/"),
        ("/a/../b", "/b"),
        ("../..", "/"),
        ("/.", "/."),
    ],
)
def test_paths_of_cp(path: str, clean: str) -> None:
    assert absolute(path) == clean


def test_modes_in_go_s_bits() -> None:
    assert go_mode(0o40755) == 2147484141
    assert go_mode(0o120777) == 134218239
    assert go_mode(0o104755) == 0o755 | 1 << 23


# ---- logs


@pytest.mark.parametrize(
    ("text", "size"),
    [("10", 10), ("10k", 10240), ("1m", 1 << 20), ("1.5GB", 3 << 29), ("2 KiB", 2048), ("-1", -1)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "1q", "k", "1 0"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid size"):
        parse_size(text)
