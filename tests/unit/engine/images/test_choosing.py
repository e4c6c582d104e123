"""The decisions about images that need no store."""

from collections import Counter

import pytest

from boxship.engine.images.catalog import canonical, parse_tag
from boxship.engine.images.creation import now_text, seconds
from boxship.engine.images.listing import Inventory, matches_reference, plan_prune
from boxship.engine.images.platforms import host_platform, is_on, parse_platform
from boxship.engine.images.removal import is_id_prefix, is_single
from boxship.errors import InvalidArgument
from boxship.model.descriptor import Descriptor, MediaType, Platform
from boxship.model.digest import BlobDigest, Digest, ImageID
from boxship.model.filters import Filters
from boxship.model.image import Image, ImageConfig, OCIRunConfig
from boxship.model.reference import parse_reference

DIGEST = "sha256:" + "a" * 64


def an_image(
    letter: str, *, parent: str = "", created: float = 0, labels: dict[str, str] | None = None
) -> Image:
    digest = Digest("sha256:" + letter * 64)
    return Image(
        id=ImageID(digest),
        manifest=Descriptor(MediaType.OCI_MANIFEST, BlobDigest(digest), 1),
        config=ImageConfig(config=OCIRunConfig(labels=labels)),
        layers=(),
        size=0,
        created=created,
        parent=ImageID(Digest("sha256:" + parent * 64)) if parent else None,
    )


@pytest.mark.parametrize(
    ("names", "single"),
    [
        ([], False),
        (["a:1"], True),
        ([f"a@{DIGEST}"], True),
        (["a:1", f"a@{DIGEST}"], True),
        (["a:1", "a:2"], False),
        (["a:1", "b:1"], False),
        (["a:1", f"b@{DIGEST}"], False),
        ([f"a@{DIGEST}", f"b@{DIGEST}"], False),
        (["a:1", f"a@{DIGEST}", f"b@{DIGEST}"], False),
    ],
)
def test_names_of_one_repository_with_one_tag_count_as_one(names: list[str], single: bool) -> None:
    assert is_single([parse_reference(name) for name in names]) is single


def test_ids_are_told_from_names() -> None:
    assert is_id_prefix(DIGEST, "aaa")
    assert is_id_prefix(DIGEST, "sha256:aa")
    assert not is_id_prefix(DIGEST, "abc")
    assert not is_id_prefix(DIGEST, "busybox")


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("web", "web:1", True),
        ("web:1", "web:1", True),
        ("w*", "web:1", True),
        ("w*", "web/x:1", False),
        ("*/*", "example.com/web:1", True),
        ("*", "example.com/web:1", False),
        ("we[a-c]", "web:1", True),
        ("we[!a-c]", "web:1", False),
        ("w?b:?", "web:1", True),
        ("w.b", "web:1", False),
        ("docker.io/library/web", "web:1", False),
    ],
)
def test_reference_patterns_stop_at_slashes(pattern: str, name: str, found: bool) -> None:
    filters = Filters({"reference": (pattern,)})
    assert matches_reference(filters, parse_reference(name)) is found


def test_prune_spares_what_is_used_named_or_built_on() -> None:
    used, named, base = an_image("1"), an_image("2"), an_image("3")
    child, loose, labelled = (
        an_image("4", parent="3"),
        an_image("5"),
        an_image("6", labels={"keep": "1"}),
    )
    inventory = Inventory(
        [used, named, base, child, loose, labelled],
        {named.id: [parse_reference("x:1")]},
        Counter({used.id: 1}),
    )
    assert plan_prune(inventory, Filters(), None) == [child, loose, labelled]
    assert plan_prune(inventory, Filters({"label!": ("keep",)}), None) == [child, loose]
    assert plan_prune(inventory, Filters({"label": ("keep=1",)}), None) == [labelled]
    every = plan_prune(inventory, Filters({"dangling": ("false",)}), None)
    assert every == [named, child, loose, labelled]
    assert plan_prune(inventory, Filters(), until=-1) == []


def test_a_digest_makes_the_tag_of_a_reference_meaningless() -> None:
    assert str(canonical(parse_reference(f"a:1@{DIGEST}"))) == f"docker.io/library/a@{DIGEST}"
    assert str(canonical(parse_reference("a"))) == "docker.io/library/a:latest"
    assert parse_tag("a:1", "2").tag == "2"
    with pytest.raises(InvalidArgument, match="cannot import digest reference"):
        parse_tag(f"a@{DIGEST}", "1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01T00:00:01.500000009Z", 1.5),
        ("1970-01-01T01:00:00.25+01:00", 0.25),
        ("", 0),
        (None, 0),
        ("yesterday", 0),
        ("0001-01-01T00:00:00Z", -62135596800),
    ],
)
def test_times_of_strangers_are_read_or_taken_for_none(text: str | None, value: float) -> None:
    assert seconds(text) == value


def test_times_are_written_as_go_writes_them() -> None:
    assert now_text(1_500_000_000) == "1970-01-01T00:00:01.5Z"
    assert now_text(10**9) == "1970-01-01T00:00:01Z"


def test_platforms_are_read_in_all_their_forms() -> None:
    here = host_platform()
    assert parse_platform("") is None
    assert parse_platform("linux/arm64/v8") == Platform("arm64", "linux", "v8")
    assert parse_platform("arm64") == Platform("arm64", "linux")
    assert parse_platform("linux") == Platform(here.architecture, "linux")
    assert parse_platform('{"os":"linux","architecture":"arm"}') == Platform("arm", "linux")
    assert parse_platform("linux/aarch64") == Platform("arm64", "linux")
    assert parse_platform("Linux/X86-64/v1") == Platform("amd64", "linux")
    assert parse_platform("windows") == Platform(here.architecture, "windows")
    for text in ("a/b/c/d", "a b", "{", "linux//x", "foo"):
        with pytest.raises(InvalidArgument):
            parse_platform(text)
    config = ImageConfig(architecture="arm64", os="linux", variant="v8")
    assert is_on(config, None)
    assert is_on(config, Platform("arm64", "linux"))
    assert not is_on(config, Platform("arm64", "linux", "v7"))
    assert not is_on(config, Platform("amd64", "linux"))
