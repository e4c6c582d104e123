"""Whether our answers are the reference's: beside it, or by what it answered when it was recorded."""

import fnmatch
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.differential.normal import differences
from support.differential.sides import Script, Side
from support.differential.steps import Case, Step


@dataclass(frozen=True)
class Known:
    """A difference that remains, with its reason; `optional` ones depend on the machine or on time."""

    table: str
    case: str
    where: str
    reason: str
    optional: bool = False
    cgroup: str = ""
    """Only on machines with this version of cgroups."""

    def matches(self, where: str) -> bool:
        return fnmatch.fnmatchcase(where, self.where)


class Accepted:
    """The list of known differences."""

    def __init__(self, path: Path) -> None:
        rows = tomllib.loads(path.read_text()).get("difference", []) if path.exists() else []
        self._known = [Known(**row) for row in rows]

    def of(self, table: str, case: str, cgroup: str) -> list[Known]:
        return [
            known
            for known in self._known
            if fnmatch.fnmatchcase(table, known.table)
            and fnmatch.fnmatchcase(case, known.case)
            and known.cgroup in ("", cgroup)
        ]


class Recorded:
    """What the reference answered to the cases of one table."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answers: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def __getitem__(self, case: str) -> Any:
        assert case in self._answers, f"{self._path.name} has no {case}: see README.md on recording"
        return self._answers[case]

    def keep(self, case: str, answer: Any) -> None:
        self._answers[case] = answer

    def save(self, cases: list[Case]) -> None:
        """Write the answers of these cases, in the table's order."""
        answers = {
            case.name: self._answers[case.name] for case in cases if case.name in self._answers
        }
        lines = [f"{json.dumps(name)}: {_lines(answer)}" for name, answer in answers.items()]
        self._path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _lines(answer: list[Any]) -> str:
    """One line for each step, so that a change of one is a change of one line."""
    return "[\n" + ",\n".join(f"  {json.dumps(step)}" for step in answer) + "\n]"


class Judge:
    """Judges the cases of one table on our side."""

    def __init__(
        self,
        table: str,
        folder: Path,
        scene: Sequence[Step],
        ours: Side,
        reference: Side | None,
        *,
        record: bool,
    ) -> None:
        self._table = table
        self._scene = scene
        self._accepted = Accepted(folder / "differences.toml")
        self._recorded = Recorded(folder / "recorded" / f"{table}.json")
        self._ours = ours
        self._reference = reference
        self._record = record
        self._scenes: dict[int, Script] = {}

    def check(self, case: Case) -> None:
        """Fail where we answer otherwise than the reference, but for the known differences."""
        if self._reference is None:
            theirs = self._recorded[case.name]
        else:
            theirs = self._on(self._reference, case)
            if self._record:
                self._recorded.keep(case.name, theirs)
        ours = json.loads(json.dumps(self._on(self._ours, case)))
        self._compare(case, json.loads(json.dumps(theirs)), ours)

    def _on(self, side: Side, case: Case) -> list[Any]:
        scene = self._scenes.get(id(side))
        if scene is None:
            scene = self._scenes[id(side)] = Script(side)
            try:
                for step in self._scene:
                    scene.step(step)
            except BaseException:
                del self._scenes[id(side)]
                scene.clean()
                raise
        return Script(side, scene).run(case)

    def _compare(self, case: Case, theirs: list[Any], ours: list[Any]) -> None:
        known = self._accepted.of(self._table, case.name, self._ours.cgroup)
        found = differences(theirs, ours)
        told = [
            f"{where.lstrip('/')} of «{_step(case, where)}»\n    reference: {one!r}\n    ours:      {two!r}"
            for where, one, two in found
            if not any(item.matches(where.lstrip("/")) for item in known)
        ]
        gone = [
            f"no difference any more: {item.where} ({item.reason})"
            for item in known
            if not item.optional and "*" not in item.case
            if not any(item.matches(where.lstrip("/")) for where, _, _ in found)
        ]
        if told + gone:
            pytest.fail("\n".join([f"{self._table}: {case.name}", *told, *gone]), pytrace=False)

    def close(self, cases: list[Case]) -> None:
        """Take the scenes away; keep what was recorded."""
        for scene in self._scenes.values():
            scene.clean()
        if self._record and self._reference is not None:
            self._recorded.save(cases)


def _step(case: Case, where: str) -> str:
    number = where.lstrip("/").partition("/")[0]
    return str(case.steps[int(number)]) if number.isdecimal() else ""
