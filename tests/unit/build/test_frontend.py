"""Stages of a Dockerfile: which are needed, what they stand on, what is refused beforehand."""

import pytest

from boxship.build.frontend import BuildPlan, plan_build
from boxship.dockerfile.instructions import Label
from boxship.dockerfile.parser import parse
from boxship.dockerfile.reading import read_instructions
from boxship.errors import InvalidArgument


def plan(text: str, target: str = "", **options: dict[str, str]) -> BuildPlan:
    found = parse(text.encode())
    return plan_build(
        read_instructions(found),
        escape=found.escape,
        target=target,
        build_args={**options.get("build_args", {})},
        platform_args={"TARGETARCH": "amd64"},
        labels=options.get("labels", {}),
    )


CHAIN = """FROM a AS one
RUN 1
FROM b AS Two
RUN 2
FROM one AS three
COPY --from=two /x /y
FROM c AS four
COPY --from=0 /x /y
"""


@pytest.mark.parametrize(
    ("target", "order"),
    [("", (0, 3)), ("four", (0, 3)), ("THREE", (0, 1, 2)), ("two", (1,)), ("2", (0, 1, 2))],
)
def test_only_what_the_target_needs_is_built(target: str, order: tuple[int, ...]) -> None:
    assert plan(CHAIN, target).order == order


def test_bases_are_images_or_stages() -> None:
    assert [stage.base for stage in plan(CHAIN).stages] == ["a", "b", 0, "c"]


def test_a_stage_named_like_an_image_hides_it_for_later_ones_only() -> None:
    found = plan("FROM a AS a\nRUN 1\nFROM a\n")
    assert [stage.base for stage in found.stages] == ["a", 0]


@pytest.mark.parametrize(("name", "index"), [("ONE", 0), ("1", 1), ("9", None), ("x", None)])
def test_names_and_numbers_of_copy_sources(name: str, index: int | None) -> None:
    stage = plan(CHAIN).find(name, 3)
    assert (stage.index if stage else None) == index


def test_a_later_stage_is_no_copy_source() -> None:
    assert plan(CHAIN).find("three", 2) is None


def test_arguments_before_from() -> None:
    text = "ARG A=x\nARG B=$A-$TARGETARCH\nARG C\nFROM ${B}:${C:-none}\n"
    assert plan(text).stages[0].base == "x-amd64:none"
    found = plan(text, build_args={"A": "y", "C": "c"})
    assert found.stages[0].base == "y-amd64:c"
    assert found.total == 4


def test_each_label_is_one_more_step_of_the_target() -> None:
    found = plan("FROM a AS one\nFROM b\n", "one", labels={"k": "it's $x", "a": ""})
    texts = [label.original for label in found.target.instructions]
    assert texts == ["LABEL a=", "LABEL k=it's $x"]
    label = found.target.instructions[-1]
    assert isinstance(label, Label)
    assert (found.total, found.stages[1].instructions) == (3, ())


@pytest.mark.parametrize(
    ("text", "target", "complaint"),
    [
        ("RUN a\n", "", "no build stage in current context"),
        ("ARG a\n", "", "no build stage in current context"),
        ("FROM a\n", "zz", 'target stage "zz" could not be found'),
        ("FROM a\n", "1", 'target stage "1" could not be found'),
        ("FROM 'a\n", "", 'failed to process "\'a"'),
    ],
)
def test_what_is_refused(text: str, target: str, complaint: str) -> None:
    with pytest.raises(InvalidArgument, match=complaint.replace("$", r"\$")):
        plan(text, target)
