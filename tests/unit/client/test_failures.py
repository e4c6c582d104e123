"""Error answers, told apart as in process."""

import pytest

from boxship import errors
from boxship.api.docker.errors import error_response
from boxship.client.failures import error_of, text_of
from boxship.model.container import (
    ContainerNameTaken,
    ContainerNotRunning,
    NoSuchContainer,
    NoSuchExec,
)
from boxship.model.image import ImageInUse, NoSuchImage
from boxship.model.network import NetworkInUse, NetworkNameTaken, NoSuchNetwork
from boxship.model.process import RuntimeRefused
from boxship.model.volume import NoSuchVolume, VolumeInUse

ID = "c" * 64


@pytest.mark.parametrize(
    "error",
    [
        NoSuchContainer("web"),
        NoSuchExec("abc"),
        NoSuchImage("busybox:latest"),
        NoSuchVolume("data"),
        NoSuchNetwork("net"),
        ContainerNameTaken("web", ID),
        ContainerNotRunning(ID),
        NetworkNameTaken("net"),
        NetworkInUse("error while removing network: network net has active endpoints (name:web)"),
        ImageInUse("conflict: unable to remove repository reference a (must force) - …"),
        VolumeInUse("data", [ID, "d" * 64]),
        RuntimeRefused('OCI runtime exec failed: exec: "x": executable file not found', 127),
        RuntimeRefused("OCI runtime create failed: … permission denied", 126),
        errors.InvalidArgument("invalid mount config"),
        errors.Unauthenticated("who are you"),
        errors.PermissionDenied("not you"),
        errors.NotFound("page not found"),
        errors.Conflict("cannot remove"),
        errors.Unsupported("not here"),
        errors.Unavailable("too many"),
        errors.Internal("the disk is full"),
    ],
)
def test_what_the_api_sends_is_what_the_client_raises(error: errors.BoxshipError) -> None:
    answer = error_response(error)
    text = text_of(answer.status, answer.content_type, answer.body, "/x")
    raised = error_of(answer.status, text)
    assert type(raised) is type(error)
    assert str(raised) == str(error)
    assert vars(raised) == vars(error)


def test_statuses_that_are_no_kind() -> None:
    assert type(error_of(418, "teapot")) is errors.InvalidArgument
    assert type(error_of(502, "proxy")) is errors.Internal


def test_words_that_only_resemble_ours_keep_their_text() -> None:
    text = 'Conflict. The container name "/a" is somehow in use by container "abc". Sorry.'
    raised = error_of(409, text)
    assert (type(raised), str(raised)) == (errors.Conflict, text)


@pytest.mark.parametrize(
    ("media_type", "body", "text"),
    [
        ("application/json", b'{"message":"why"}\n', "why"),
        ("application/json", b"[1]", "[1]"),
        ("application/json", b"\xff{", "\ufffd{"),
        ("text/plain", b" plain \n", "plain"),
    ],
)
def test_bodies_of_any_kind(media_type: str, body: bytes, text: str) -> None:
    assert text_of(500, media_type, body, "/x") == text


def test_an_empty_body_still_says_something() -> None:
    assert "request returned 500 for API route and version /x" in text_of(500, "", b"", "/x")
