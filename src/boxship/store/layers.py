"""Layers of an image: from blobs to committed snapshots, several at a time, verified on the way."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from boxship.errors import InvalidArgument
from boxship.model.digest import BlobDigest, ChainID, DiffID, Digest
from boxship.store.archive.compression import decompressed
from boxship.store.archive.pipeline import Hashing, ahead
from boxship.store.archive.unpacker import MissingLinkTarget, Unpacked, inherit_attributes, unpack
from boxship.store.content import Content
from boxship.store.snapshots.snapshotter import Snapshotter, Unpacking

_THREADS: Final = 4


class InvalidLayer(InvalidArgument):
    """A layer's content is not what its DiffID promised."""


class LayerJob(msgspec.Struct, frozen=True):
    """One layer to have as a snapshot: its blob, and what it must turn out to be."""

    blob: BlobDigest
    diff_id: DiffID
    chain_id: ChainID
    parent: ChainID | None
    index: int = 0


Report = Callable[[LayerJob, int, int], None]
"""Told of (job, bytes read, bytes in all) as a layer is unpacked; called from several threads."""


def unpack_layers(
    content: Content, snapshots: Snapshotter, jobs: Sequence[LayerJob], report: Report | None = None
) -> bool:
    """Make a committed snapshot of each layer, lowest first, that is not there yet; all or none.

    The caller holds a lease on the blobs and the ChainIDs. Returns whether it flushed the file system,
    and with it all that was written before.
    """
    missing = [job for job in jobs if snapshots.find(job.chain_id) is None]
    for job in jobs:
        if job not in missing:
            _verify(content, job)  # its snapshot is another blob's work
    if not missing:
        return False
    if snapshots.is_layered:
        _unpack_beside(content, snapshots, missing, report)
    else:
        for job in missing:
            _unpack_on_parent(content, snapshots, job, report)
    return True


def _verify(content: Content, job: LayerJob) -> None:
    if str(job.blob) == str(job.diff_id):
        return
    with content.open(job.blob) as file:
        hashing = Hashing(decompressed(file))
        for _ in hashing:
            pass
    _require(job, hashing.digest)


def _require(job: LayerJob, digest: Digest) -> None:
    if digest != job.diff_id:
        raise InvalidLayer(
            f'invalid diffID for layer {job.index}: expected "{job.diff_id}", got "{digest}"'
        )


def _unpack_beside(
    content: Content, snapshots: Snapshotter, jobs: Sequence[LayerJob], report: Report | None
) -> None:
    with contextlib.ExitStack() as stack:
        works = [stack.enter_context(snapshots.unpacking(None)) for _ in jobs]
        pool = stack.enter_context(ThreadPoolExecutor(_THREADS, "boxship-unpack"))

        def run(job: LayerJob, work: Unpacking) -> Unpacked | None:
            try:
                return _unpack(content, job, work, report)
            except MissingLinkTarget:
                return None  # its other end may be in a layer below

        results = list(pool.map(run, jobs, works))
        base = _directories_below(snapshots, jobs[0].parent)
        for index, (work, result) in enumerate(zip(works, results, strict=True)):
            if result is None:
                break
            below = [lower.directory for lower in reversed(works[:index])] + base
            if below:
                with _opened(work.directory) as fd:
                    inherit_attributes(fd, result.implied, below)
        snapshots.sync()
        for job, work, result in zip(jobs, works, results, strict=True):
            if result is None:
                _unpack_on_parent(content, snapshots, job, report)
            else:
                work.commit(job.chain_id, job.parent, result)


def _unpack_on_parent(
    content: Content, snapshots: Snapshotter, job: LayerJob, report: Report | None
) -> None:
    with snapshots.unpacking(job.parent) as work:
        result = _unpack(content, job, work, report)
        snapshots.sync()
        work.commit(job.chain_id, job.parent, result)


def _directories_below(snapshots: Snapshotter, parent: ChainID | None) -> list[Path]:
    if parent is None:
        return []
    return [snapshots.diff_path(parent), *snapshots.lower_paths(parent)]


def _unpack(content: Content, job: LayerJob, work: Unpacking, report: Report | None) -> Unpacked:
    with content.open(job.blob) as file, _opened(work.directory) as fd:
        source = _Reporting(file, job, content.size(job.blob), report)
        if str(job.blob) == str(job.diff_id):  # plain, and verified when it was stored
            return unpack(decompressed(source), fd, work.options)
        hashing = Hashing(decompressed(source))
        with contextlib.closing(ahead(hashing)) as chunks:
            result = unpack(chunks, fd, work.options)
        _require(job, hashing.digest)
        return result


class _Reporting:
    """A blob being read, telling how far."""

    def __init__(self, file: BinaryIO, job: LayerJob, total: int, report: Report | None) -> None:
        self._file = file
        self._job = job
        self._total = total
        self._report = report
        self._done = 0

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        self._done += len(data)
        if self._report is not None and data:
            self._report(self._job, self._done, self._total)
        return data


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def layer_jobs(
    blobs: Iterable[BlobDigest], diff_ids: Sequence[DiffID], chain_ids: Sequence[ChainID]
) -> list[LayerJob]:
    """What it takes to have all layers of one image."""
    parents: list[ChainID | None] = [None, *chain_ids]
    return [
        LayerJob(blob, diff_id, chain_id, parent, index)
        for index, (blob, diff_id, chain_id, parent) in enumerate(
            zip(blobs, diff_ids, chain_ids, parents, strict=False)
        )
    ]
