"""API versions."""

import pytest

from boxship.api.docker import versions


@pytest.mark.parametrize(
    ("path", "asked", "rest"),
    [
        ("/info", "", "/info"),
        ("/v1.24/info", "1.24", "/info"),
        ("/v1.24.3/info", "1.24.3", "/info"),
        ("/v1/info", "1", "/info"),
        ("/v1.24", "", "/v1.24"),
        ("/vx.y/info", "", "/vx.y/info"),
        ("/volumes/v", "", "/volumes/v"),
    ],
)
def test_split(path: str, asked: str, rest: str) -> None:
    assert versions.split(path) == (asked, rest)


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        ("", (1, 51)),
        ("1.24", (1, 24)),
        ("1.24.1", (1, 24, 1)),
        ("1.51.0", (1, 51)),
        ("01.051", (1, 51)),
    ],
)
def test_what_we_speak(asked: str, version: versions.Version) -> None:
    assert versions.parse(asked) == version


@pytest.mark.parametrize("asked", ["1.23", "1", "..", "1..51", "1.23.9"])
def test_what_is_too_old(asked: str) -> None:
    with pytest.raises(versions.ClientTooOld, match=rf"^client version {asked} is too old\."):
        versions.parse(asked)


@pytest.mark.parametrize("asked", ["1.52", "2", "1.51.1", "9" * 5000 + ".1"])
def test_what_is_too_new(asked: str) -> None:
    with pytest.raises(versions.ClientTooNew, match=rf"^client version {asked} is too new\."):
        versions.parse(asked)


def test_older_clients_miss_newer_fields_and_see_older_ones() -> None:
    document = {"Size": 5, "Manifests": []}
    assert versions.adapt("image", dict(document), (1, 51)) == document
    assert versions.adapt("image", dict(document), (1, 43)) == {"Size": 5, "VirtualSize": 5}
    assert versions.adapt("info", {"FirewallBackend": {}}, (1, 48)) == {}
