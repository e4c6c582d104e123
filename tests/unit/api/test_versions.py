"""API versions."""

import pytest

from boxship.api.docker import versions


@pytest.mark.parametrize(
    ("path", "version", "rest"),
    [
        ("/info", (1, 51), "/info"),
        ("/v1.24/info", (1, 24), "/info"),
        ("/v1.24.3/info", (1, 24), "/info"),
        ("/v1/info", (1, 51), "/v1/info"),
        ("/v1.24", (1, 51), "/v1.24"),
        ("/vx.y/info", (1, 51), "/vx.y/info"),
    ],
)
def test_split(path: str, version: versions.Version, rest: str) -> None:
    assert versions.split(path) == (version, rest)


def test_what_we_refuse() -> None:
    assert versions.refusal((1, 24)) is None
    assert versions.refusal((1, 51)) is None
    assert isinstance(versions.refusal((1, 23)), versions.ClientTooOld)
    assert "too new" in str(versions.refusal((1, 52)))
    assert "too new" in str(versions.refusal((2, 0)))


def test_older_clients_miss_newer_fields_and_see_older_ones() -> None:
    document = {"Size": 5, "Manifests": []}
    assert versions.adapt("image", dict(document), (1, 51)) == document
    assert versions.adapt("image", dict(document), (1, 43)) == {"Size": 5, "VirtualSize": 5}
    assert versions.adapt("endpoint", {"DNSNames": [], "GwPriority": 0}, (1, 44)) == {
        "DNSNames": []
    }
