"""Errors and their answers."""

import json

import pytest

from boxship import errors
from boxship.api.docker.errors import error_response
from boxship.model.container import NoSuchContainer
from boxship.wire.statuses import STATUS


def kinds() -> list[type[errors.BoxshipError]]:
    return errors.BoxshipError.__subclasses__()


@pytest.mark.parametrize("kind", [k for k in kinds() if k.__module__ == "boxship.errors"])
def test_every_kind_has_a_status(kind: type[errors.BoxshipError]) -> None:
    assert kind in STATUS


def test_a_concrete_error_has_the_status_of_its_kind() -> None:
    response = error_response(NoSuchContainer("web"))
    assert (response.status, json.loads(response.body)) == (
        404,
        {"message": "No such container: web"},
    )


def test_not_modified_has_no_body() -> None:
    response = error_response(errors.NotModified("already"))
    assert (response.status, response.body) == (304, b"")


def test_a_bug_is_a_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    response = error_response(KeyError("x"))
    assert response.status == 500
    assert "unexpected failure" in caplog.text


def test_a_group_tells_every_part() -> None:
    group = ExceptionGroup("several", [errors.Conflict("a"), errors.Conflict("b")])
    assert json.loads(error_response(group).body) == {"message": "a; b"}
