"""What each state of a container allows."""

import msgspec
import pytest

from boxship.errors import BoxshipError, Conflict, Internal, InvalidArgument, NotModified
from boxship.model.config import RunConfig
from boxship.model.container import (
    REFUSALS,
    Action,
    Container,
    ContainerState,
    HostConfig,
    Status,
    parse_name,
    require,
)


def a_container(status: Status) -> Container:
    return Container(
        id="c0ffee",
        name="web",
        created=1,
        image=None,
        image_reference="busybox",
        config=RunConfig(env=("A=1",), exposed_ports={"80/tcp": {}}),
        host_config=HostConfig(memory=1 << 30),
        state=ContainerState(status=status),
    )


@pytest.mark.parametrize(
    ("action", "status", "kind", "words"),
    [
        (Action.START, Status.RUNNING, NotModified, "already running"),
        (Action.STOP, Status.EXITED, NotModified, "already stopped"),
        (Action.KILL, Status.CREATED, Conflict, "container c0ffee is not running"),
        (Action.EXEC, Status.PAUSED, Conflict, "Container c0ffee is paused, unpause"),
        (Action.UNPAUSE, Status.RUNNING, Internal, "Container c0ffee is not paused"),
        (Action.PAUSE, Status.PAUSED, Conflict, "Container c0ffee is already paused"),
        (
            Action.REMOVE,
            Status.REMOVING,
            Conflict,
            "removal of container web is already in progress",
        ),
    ],
)
def test_refusals(action: Action, status: Status, kind: type[BoxshipError], words: str) -> None:
    with pytest.raises(kind, match=words):
        require(a_container(status), action)


def test_every_action_has_a_row_and_some_state_allows_it() -> None:
    for action in Action:
        assert any(status not in REFUSALS[action] for status in Status), action


def test_a_container_survives_the_database() -> None:
    container = a_container(Status.RUNNING)
    assert msgspec.json.decode(msgspec.json.encode(container), type=Container) == container


@pytest.mark.parametrize("name", ["web", "/web", "a.b-c_d", "0a"])
def test_good_names(name: str) -> None:
    assert parse_name(name) == name.removeprefix("/")


@pytest.mark.parametrize("name", ["", "a", "-a", "a b", "a\n", "../x", "a/b", "//ab"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid container name"):
        parse_name(name)
