"""When steps are done again, and when not; stages side by side."""

import json

import pytest

from support.builds import BASE, Builder, Built
from support.rootfs import entry, tar

pytestmark = pytest.mark.root

COPY = "FROM $BASE\nLABEL t=$TOKEN\nCOPY f /f\nRUN date +%s%N > /when # $TOKEN\n"


def with_file(
    builder: Builder, data: bytes, *, mode: int = 0o644, mtime: int = 1, uid: int = 0
) -> Built:
    member, content = entry("f", data, mode=mode, uid=uid)
    member.mtime = mtime
    return builder.build_tar(
        tar([entry("Dockerfile", builder.filled(COPY)), (member, content)])
    ).ok()


def test_the_same_again_is_the_same_image(builder: Builder) -> None:
    first = with_file(builder, builder.token.encode())
    again = with_file(builder, builder.token.encode())
    assert again.image == first.image
    assert (first.cached, again.cached) == (0, 3)


def test_a_touched_file_is_the_same_a_changed_one_is_not(builder: Builder) -> None:
    first = with_file(builder, b"one")
    assert with_file(builder, b"one", mtime=99).image == first.image
    assert with_file(builder, b"one", uid=7).image == first.image  # COPY makes it root's anyway
    assert with_file(builder, b"two").image != first.image
    assert with_file(builder, b"one", mode=0o755).image != first.image


def test_files_that_no_step_copies_do_not_count(builder: Builder) -> None:
    first = builder.build(COPY, {"f": b"1"}).ok()
    assert builder.build(COPY, {"f": b"1", "other": b"x"}).ok().image == first.image


def test_no_cache_does_everything_again(builder: Builder) -> None:
    first = builder.build(COPY, {"f": b"1"}).ok()
    again = builder.build(COPY, {"f": b"1"}, nocache="1").ok()
    assert again.cached == 0
    assert again.image != first.image


def test_what_runs_depends_on_arguments_environment_user_and_place(builder: Builder) -> None:
    run = "RUN date +%s%N > /tmp/when\n"
    texts = ["", "ENV A=1\n", "ENV A=2\n", "USER app\n", "WORKDIR /home\n", 'SHELL ["sh", "-ec"]\n']
    images = {
        builder.build(f"FROM $BASE\nLABEL t=$TOKEN\n{each}{run}").ok().image for each in texts
    }
    assert len(images) == len(texts)
    arguments = [
        builder.build(f"FROM $BASE\nARG T\n{run}", buildargs=json.dumps({"T": value})).ok()
        for value in (builder.token, builder.token, "other")
    ]
    assert arguments[0].image == arguments[1].image != arguments[2].image


def test_cache_from_names_what_steps_are_taken_from(builder: Builder) -> None:
    """docker-py's test_build_with_cache_from: with sources, other builds' steps do not count."""
    text = "FROM $BASE\nENV T=$TOKEN\nRUN touch /a\nRUN touch /b\n"
    tag = f"cached-{builder.token}"
    builder.build(text, t=tag).ok()
    assert builder.build(text, cachefrom=json.dumps([tag])).ok().cached == 3
    assert builder.build(text, cachefrom=json.dumps(["nosuchtag"])).ok().cached == 0


def test_a_proxy_is_no_reason_to_run_again(builder: Builder) -> None:
    text = "FROM $BASE\nLABEL t=$TOKEN\nRUN echo p=$HTTP_PROXY; date +%s%N > /when\n"
    first = builder.build(text, buildargs='{"HTTP_PROXY": "http://u:secret@p"}').ok()
    assert "p=http://u:secret@p" in first.text
    other = builder.build(text, buildargs='{"HTTP_PROXY": "http://other"}').ok()
    assert other.image == first.image
    without = builder.build(text).ok()
    assert builder.sh(without.image, "cat /when") == builder.sh(first.image, "cat /when")
    assert "secret" not in str(builder.history(first.image))
    assert "secret" not in str(builder.engine.get(f"/images/{first.image}/json"))


def test_a_removed_image_takes_its_steps_along(builder: Builder) -> None:
    text = "FROM $BASE\nRUN echo $TOKEN > /f\n"
    first = builder.build(text).ok()
    builder.engine.ok("rmi", first.image)
    again = builder.build(text).ok()
    assert again.cached == 0
    assert builder.sh(again.image, "cat /f") == builder.token


def test_equal_steps_of_two_stages_are_done_once(builder: Builder) -> None:
    text = (
        "FROM $BASE AS a\nRUN sleep 0.2; echo $TOKEN; date +%s%N > /a\n"
        "FROM $BASE AS b\nRUN sleep 0.2; echo $TOKEN; date +%s%N > /a\n"
        "FROM $BASE\nCOPY --from=a /a /1\nCOPY --from=b /a /2\nRUN cmp /1 /2\n"
    )
    built = builder.build(text).ok()
    assert built.text.count(f"\n{builder.token}\n") == 1


def test_stages_that_do_not_wait_for_each_other_run_side_by_side(builder: Builder) -> None:
    stage = "FROM $BASE AS {0}\nRUN sleep 1; echo {0} $TOKEN > /{0}\n"
    text = stage.format("a") + stage.format("b")
    built = builder.build(text + "FROM $BASE\nCOPY --from=a /a /\nCOPY --from=b /b /\n").ok()
    assert 1 <= built.seconds < 1.9
    order = [built.text.index(f"sleep 1; echo {name}") for name in "ab"]
    assert order == sorted(order)
    assert builder.sh(built.image, "cat /a /b").split()[::2] == ["a", "b"]


def test_stages_that_nobody_needs_are_skipped(builder: Builder) -> None:
    text = "FROM $BASE AS unused\nRUN exit 1\nFROM nosuchimage AS too\nFROM $BASE\nENV A=1\n"
    assert "exit 1" not in builder.build(text).ok().text


@pytest.mark.parametrize(
    "step", ["RUN true", 'RUN ["true"]', "RUN cat /etc/hosts /etc/resolv.conf"]
)
def test_a_step_that_changes_nothing_has_no_layer(builder: Builder, step: str) -> None:
    """The places where /etc/hosts, /dev and the like were mounted are not kept."""
    for base in ("FROM $BASE", "FROM $BASE\nRUN rm -rf /etc /dev /proc /sys 2>/dev/null; true"):
        below = builder.build(f"{base}\n").ok().image or BASE
        built = builder.build(f"{base}\n{step}\n").ok()
        layers = [
            builder.engine.get(f"/images/{each}/json")["RootFS"]["Layers"]
            for each in (below, built.image)
        ]
        assert layers[0] == layers[1]
        assert builder.build(f"{base}\n{step}\nENV A=1\n").ok().cached >= 1


def test_what_a_step_writes_beside_the_mounts_is_kept(builder: Builder) -> None:
    text = "FROM $BASE\nRUN echo x > /etc/mine; mkdir /dev2; chmod 700 /etc\n"
    built = builder.build(text).ok()
    assert builder.layer_names(built.image) == ["dev2", "etc", "etc/mine"]
    assert builder.sh(built.image, "stat -c %a /etc") == "700"
