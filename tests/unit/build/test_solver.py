"""Cache keys and scheduling, on a workspace whose file systems are folders of the test."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from boxship.build.llb import Copy, Exec, Layers, Local, MakeDirectory, Vertex
from boxship.build.solver import ExecFailed, Output, Result, Solver
from boxship.model.container import HostConfig
from boxship.model.descriptor import Descriptor, MediaType
from boxship.model.digest import BlobDigest, ChainID, DiffID, Digest
from boxship.model.image import ImageLayer


def layer(text: str) -> ImageLayer:
    digest = Digest(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}")
    blob = Descriptor(MediaType.OCI_LAYER_GZIP, BlobDigest(digest), 1)
    return ImageLayer(DiffID(digest), ChainID(digest), blob, 1)


class FakeWorkspace:
    """Remembers layers like the real one; a process is a line in `ran`, and may be made to wait or fail."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.memory: dict[str, ImageLayer] = {}
        self.ran: list[str] = []
        self.open_changes = 0
        self.exit_codes: dict[str, int] = {}
        self.gate: asyncio.Barrier | None = None
        self._numbers = itertools.count()

    @asynccontextmanager
    async def changing(self, below: tuple[ImageLayer, ...]) -> AsyncIterator["FakeChange"]:
        rootfs = self.directory / f"change-{next(self._numbers)}"
        rootfs.mkdir()
        self.open_changes += 1
        try:
            yield FakeChange(self, str(rootfs))
        finally:
            self.open_changes -= 1

    @asynccontextmanager
    async def reading(self, layers: tuple[ImageLayer, ...]) -> AsyncIterator[str]:
        path = self.directory / f"layers-{len(layers)}"
        path.mkdir(exist_ok=True)
        (path / "f").write_text("".join(each.diff_id for each in layers))
        yield str(path)

    def remembered(self, key: str) -> ImageLayer | None:
        return self.memory.get(key)

    def remember(self, key: str, layer: ImageLayer) -> None:
        self.memory[key] = layer


class FakeChange:
    def __init__(self, workspace: FakeWorkspace, rootfs: str) -> None:
        self._workspace = workspace
        self.rootfs = rootfs

    async def run(self, vertex: Exec, output: Output) -> int:
        command = " ".join(vertex.command)
        if self._workspace.gate:
            await asyncio.wait_for(self._workspace.gate.wait(), 5)
        self._workspace.ran.append(command)
        await output(1, f"{command}\n".encode())
        return self._workspace.exit_codes.get(command, 0)

    async def finish(self) -> ImageLayer:
        return layer(self.rootfs)


@pytest.fixture
def workspace(tmp_path: Path) -> FakeWorkspace:
    (tmp_path / "work").mkdir()
    return FakeWorkspace(tmp_path / "work")


BASE = Layers((layer("base"),))


def step(command: str = "make", base: Vertex = BASE, **options: object) -> Exec:
    return Exec(base=base, command=(command,), environment=("A=b",), **options)  # type: ignore[arg-type]


async def said(number: int, data: bytes) -> None:
    """Nobody listens."""


async def solve(workspace: FakeWorkspace, vertex: Vertex, *, use_cache: bool = True) -> Result:
    async def begin() -> None:
        """Nobody watches."""

    return await Solver(workspace, use_cache=use_cache).solve(vertex, said, begin)


async def test_a_step_is_done_once(workspace: FakeWorkspace) -> None:
    first = await solve(workspace, step())
    second = await solve(workspace, step())
    assert (first.cached, second.cached) == (False, True)
    assert first.layers == second.layers
    assert workspace.ran == ["make"]


async def test_without_cache_it_is_done_again(workspace: FakeWorkspace) -> None:
    await solve(workspace, step())
    assert not (await solve(workspace, step(), use_cache=False)).cached
    assert workspace.ran == ["make", "make"]


@pytest.mark.parametrize(
    "other",
    [
        step("other"),
        step(base=Layers((layer("other base"),))),
        step(base=Layers(())),
        step(user="u"),
        step(working_dir="/w"),
        step(limits=HostConfig(network_mode="none")),
        Exec(base=BASE, command=("make",), environment=("A=c",)),
        Exec(base=BASE, command=("ma", "ke"), environment=("A=b",)),
        MakeDirectory(base=BASE, path="/make"),
    ],
    ids=range(9),
)
async def test_what_makes_another_step(workspace: FakeWorkspace, other: Vertex) -> None:
    await solve(workspace, step())
    assert not (await solve(workspace, other)).cached


@pytest.mark.parametrize(
    "same",
    [step(proxy=("HTTP_PROXY=p",)), step(limits=HostConfig(memory=1 << 30)), step(label="shown")],
    ids=["proxy", "memory", "label"],
)
async def test_what_makes_no_other_step(workspace: FakeWorkspace, same: Vertex) -> None:
    await solve(workspace, step())
    assert (await solve(workspace, same)).cached


async def test_a_failing_step_is_not_remembered(workspace: FakeWorkspace) -> None:
    workspace.exit_codes["make"] = 3
    with pytest.raises(ExecFailed, match="'make' returned a non-zero code: 3") as raised:
        await solve(workspace, step())
    assert raised.value.code == 3
    assert (workspace.memory, workspace.open_changes) == ({}, 0)


async def test_equal_work_of_two_stages_is_done_once(workspace: FakeWorkspace) -> None:
    solver = Solver(workspace, use_cache=False)

    async def begin() -> None:
        """Nobody watches."""

    one, other = await asyncio.gather(*(solver.solve(step(), said, begin) for _ in range(2)))
    assert one.layers == other.layers
    assert workspace.ran == ["make"]


async def test_independent_steps_run_side_by_side(workspace: FakeWorkspace) -> None:
    workspace.gate = asyncio.Barrier(2)
    solver = Solver(workspace, use_cache=True)

    async def begin() -> None:
        """Nobody watches."""

    await asyncio.gather(solver.solve(step("a"), said, begin), solver.solve(step("b"), said, begin))
    assert sorted(workspace.ran) == ["a", "b"]


async def test_a_cancelled_step_leaves_nothing(workspace: FakeWorkspace) -> None:
    workspace.gate = asyncio.Barrier(2)  # nobody else comes
    task = asyncio.ensure_future(solve(workspace, step()))
    while not workspace.open_changes:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (workspace.memory, workspace.open_changes) == ({}, 0)


# ---- files: by content


def context(tmp_path: Path) -> Path:
    root = tmp_path / "context"
    (root / "d").mkdir(parents=True, exist_ok=True)
    (root / "d" / "f").write_text("content")
    (root / "d" / "link").symlink_to("f")
    (root / "other").write_text("x")
    return root


async def key_of(workspace: FakeWorkspace, root: Path, **options: object) -> str:
    """The key of copying d, whether or not we may do the copy."""
    vertex = Copy(
        base=BASE,
        source=Local(str(root)),
        sources=("d",),
        destination="/d/",
        **options,  # type: ignore[arg-type]
    )
    key, _ = await Solver(workspace, use_cache=True)._key(
        vertex, Result(layers=BASE.layers), said, _begin
    )
    return key


async def _begin() -> None:
    """Nobody watches."""


async def test_times_and_owners_do_not_matter(workspace: FakeWorkspace, tmp_path: Path) -> None:
    root = context(tmp_path)
    before = await key_of(workspace, root)
    os.utime(root / "d" / "f", (1, 1))
    os.utime(root / "d", (1, 1))
    (root / "other").write_text("changed, but not copied")
    assert await key_of(workspace, root) == before


@pytest.mark.parametrize(
    "change",
    ["content", "mode", "directory mode", "name", "link", "more", "empty directory"],
)
async def test_what_changes_a_copy(workspace: FakeWorkspace, tmp_path: Path, change: str) -> None:
    folder = context(tmp_path) / "d"
    before = await key_of(workspace, tmp_path / "context")
    match change:
        case "content":
            (folder / "f").write_text("Content")
        case "mode":
            (folder / "f").chmod(0o755)
        case "directory mode":
            (folder / "sub").mkdir()
            before = await key_of(workspace, tmp_path / "context")
            (folder / "sub").chmod(0o700)
        case "name":
            (folder / "f").rename(folder / "g")
        case "link":
            (folder / "link").unlink()
            (folder / "link").symlink_to("g")
        case "more":
            (folder / "g").write_text("")
        case _:
            (folder / "e").mkdir()
    assert await key_of(workspace, tmp_path / "context") != before


@pytest.mark.parametrize(
    "options",
    [
        {"owner": "1:2"},
        {"mode": 0o600},
        {"unpack": True},
        {"parents": True},
        {"exclude": ("f",)},
    ],
    ids=str,
)
async def test_options_change_a_copy(
    workspace: FakeWorkspace, tmp_path: Path, options: dict[str, object]
) -> None:
    root = context(tmp_path)
    assert await key_of(workspace, root, **options) != await key_of(workspace, root)
