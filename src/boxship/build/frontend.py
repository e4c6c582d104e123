"""A Dockerfile as stages: which ones a target needs, and who waits for whom. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from boxship.dockerfile.expand import expand
from boxship.dockerfile.instructions import Arg, Copy, From, Instruction, Label
from boxship.errors import InvalidArgument

PREDEFINED: Final = frozenset(
    name
    for upper in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (upper, upper.lower())
)
"""Build arguments that need no ARG, and that neither history nor the cache sees."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage. `base` is an image's name with variables expanded, or another stage's index."""

    index: int
    name: str
    start: From
    base: str | int
    instructions: tuple[Instruction, ...]
    needs: frozenset[int]


class BuildPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to build: `order` lists the needed stages, the target last."""

    escape: str
    global_args: dict[str, str | None]
    arg_instructions: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    order: tuple[int, ...]

    @property
    def target(self) -> Stage:
        """The stage that becomes the image."""
        return self.stages[self.order[-1]]

    @property
    def total(self) -> int:
        """How many steps there are to show."""
        needed = sum(1 + len(self.stages[index].instructions) for index in self.order)
        return needed + len(self.arg_instructions)

    def find(self, name: str, before: int) -> Stage | None:
        """The stage that `COPY --from=NAME` means in the stage *before*, if it is one."""
        stages = self.stages[:before]
        for stage in reversed(stages):
            if stage.name and stage.name == name.lower():
                return stage
        if name.isdecimal() and int(name) < len(stages):
            return stages[int(name)]
        return None


def plan_build(
    instructions: Sequence[Instruction],
    *,
    escape: str,
    target: str,
    build_args: Mapping[str, str | None],
    platform_args: Mapping[str, str],
    labels: Mapping[str, str],
) -> BuildPlan:
    """Divide a Dockerfile into stages; raise InvalidArgument for what can be seen beforehand."""
    head, groups = _grouped(instructions)
    global_args = _global_args(head, build_args, platform_args, escape)
    known: dict[str, int] = {}
    stages: list[Stage] = []
    for index, (start, body) in enumerate(groups):
        base = _expand_base(start, global_args, escape)
        of_stage = known.get(base.lower())
        steps = body
        if index == len(groups) - 1 and not target:
            steps = (*body, *_label_steps(labels))
        needs = _references(body, index, known) | ({of_stage} if of_stage is not None else set())
        stages.append(
            Stage(
                index=index,
                name=start.name,
                start=start,
                base=base if of_stage is None else of_stage,
                instructions=steps,
                needs=frozenset(needs),
            )
        )
        if start.name:
            known[start.name] = index
    wanted = _find_target(stages, target)
    if target and labels:
        stages[wanted] = msgspec.structs.replace(
            stages[wanted], instructions=(*stages[wanted].instructions, *_label_steps(labels))
        )
    return BuildPlan(
        escape=escape,
        global_args=dict(global_args),
        arg_instructions=head,
        stages=tuple(stages),
        order=_needed(stages, wanted),
    )


def _grouped(
    instructions: Sequence[Instruction],
) -> tuple[tuple[Arg, ...], list[tuple[From, tuple[Instruction, ...]]]]:
    head: list[Arg] = []
    groups: list[tuple[From, list[Instruction]]] = []
    for instruction in instructions:
        if isinstance(instruction, From):
            groups.append((instruction, []))
        elif groups:
            groups[-1][1].append(instruction)
        elif isinstance(instruction, Arg):
            head.append(instruction)
        else:
            raise InvalidArgument("no build stage in current context")
    if not groups:
        raise InvalidArgument("no build stage in current context")
    return tuple(head), [(start, tuple(body)) for start, body in groups]


def _global_args(
    head: Sequence[Arg],
    build_args: Mapping[str, str | None],
    platform_args: Mapping[str, str],
    escape: str,
) -> dict[str, str | None]:
    found: dict[str, str | None] = dict(platform_args)
    for instruction in head:
        for name, default in instruction.pairs:
            given = build_args.get(name)
            if given is not None:
                found[name] = given
            elif default is not None:
                found[name] = expand(default, _set_only(found), escape)
            else:
                found.setdefault(name, None)
    return found


def _expand_base(start: From, global_args: Mapping[str, str | None], escape: str) -> str:
    return expand(start.image, _set_only(global_args), escape)


def _set_only(args: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in args.items() if value is not None}


def _references(body: Sequence[Instruction], index: int, known: Mapping[str, int]) -> set[int]:
    found: set[int] = set()
    for instruction in body:
        if not isinstance(instruction, Copy) or not instruction.from_:
            continue
        name = instruction.from_
        if name.lower() in known:
            found.add(known[name.lower()])
        elif name.isdecimal() and int(name) < index:
            found.add(int(name))
    return found


def _find_target(stages: Sequence[Stage], target: str) -> int:
    if not target:
        return len(stages) - 1
    for stage in reversed(stages):
        if stage.name and stage.name == target.lower():
            return stage.index
    if target.isdecimal() and int(target) < len(stages):
        return int(target)
    raise InvalidArgument(f'target stage "{target}" could not be found')


def _needed(stages: Sequence[Stage], wanted: int) -> tuple[int, ...]:
    needed: set[int] = set()
    pending = [wanted]
    while pending:
        index = pending.pop()
        if index not in needed:
            needed.add(index)
            pending.extend(stages[index].needs)
    return tuple(sorted(needed))


def _label_steps(labels: Mapping[str, str]) -> tuple[Label, ...]:
    """Each `--label` of the command line is one more instruction, as the classic builder has it."""
    return tuple(
        Label(line=0, original=f"LABEL {key}={value}", pairs=((_quoted(key), _quoted(value)),))
        for key, value in sorted(labels.items())
    )


def _quoted(text: str) -> str:
    """A word that expands to exactly this text."""
    return "'" + text.replace("'", "'\"'\"'") + "'"
