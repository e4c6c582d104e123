"""The table of routes."""

import pytest

from boxship.http.routing import Router, clean

ROUTER = Router(
    [
        ("GET", "/images/json", "list"),
        ("GET", "/images/{name:.*}/json", "inspect"),
        ("DELETE", "/images/{name:.*}", "remove"),
        ("POST", "/containers/{name}/start", "start"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "target", "variables"),
    [
        ("GET", "/images/json", "list", {}),
        ("GET", "/images/a/b:c/json", "inspect", {"name": "a/b:c"}),
        ("DELETE", "/images/localhost:5000/x/y", "remove", {"name": "localhost:5000/x/y"}),
        ("POST", "/containers/web/start", "start", {"name": "web"}),
        ("POST", "/containers/we\nb/start", "start", {"name": "we\nb"}),
    ],
)
def test_matches(method: str, path: str, target: str, variables: dict[str, str]) -> None:
    assert ROUTER.find(method, path) == (target, variables)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("PUT", "/images/json"),
        ("POST", "/containers/a/b/start"),
        ("POST", "/containers//start"),
    ],
)
def test_no_match(method: str, path: str) -> None:
    assert ROUTER.find(method, path) is None


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/a/../b", "/b"),
        ("/../../a", "/a"),
        ("/a/./b/", "/a/b/"),
        ("a", "/a"),
        ("/a//b", "/a/b"),
        ("", "/"),
    ],
)
def test_clean(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned
