"""The service: a request becomes a plan, its stages run, the last one's image gets the names."""

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path

from boxship.build.frontend import PREDEFINED, BuildPlan, plan_build
from boxship.build.llb import Local
from boxship.build.solver import ExecFailed, Solver
from boxship.concurrency import in_thread
from boxship.dockerfile.parser import parse
from boxship.dockerfile.reading import read_instructions
from boxship.engine.builds import context as contexts
from boxship.engine.builds.base import StageResult
from boxship.engine.builds.cached import CacheSources, cache_sources
from boxship.engine.builds.stage import StageRunner
from boxship.engine.builds.transcript import Transcript
from boxship.engine.builds.workspace import KEY_PREFIX, BuildWorkspace
from boxship.engine.containers.contract import Settings
from boxship.engine.events import EventBus
from boxship.engine.images.catalog import canonical
from boxship.engine.images.platforms import host_platform, parse_platform
from boxship.engine.images.service import LocalImages
from boxship.engine.networks.contract import Sandboxes
from boxship.errors import BoxshipError, Internal, InvalidArgument
from boxship.model.build_record import BuildRecord
from boxship.model.container import HostConfig
from boxship.model.descriptor import Platform
from boxship.model.digest import short_id
from boxship.model.filters import Filters
from boxship.model.image import Image, ImageConfig, ImageLayer
from boxship.model.progress import Progress
from boxship.model.reference import Reference, parse_reference
from boxship.runtime.contract import Runtime
from boxship.services.builds import BuildRequest, CacheRecord
from boxship.services.containers import PruneResult
from boxship.store.archive.compression import CorruptArchive
from boxship.store.leases import Lease
from boxship.store.store import Store


class EngineBuilds:
    """Implements services.builds.Builds."""

    def __init__(
        self,
        *,
        store: Store,
        images: LocalImages,
        runtime: Runtime,
        sandboxes: Sandboxes,
        settings: Settings,
        events: EventBus,
        directory: Path,
    ) -> None:
        self._store = store
        self._images = images
        self._runtime = runtime
        self._sandboxes = sandboxes
        self._settings = settings
        self._events = events
        self._directory = directory

    def __repr__(self) -> str:
        return f"EngineBuilds({self._directory})"

    async def recover(self) -> None:
        """Undo what builds that died with the last engine left: mounts, snapshots, contexts."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        for build in self._directory.iterdir():
            if not build.is_dir():
                build.unlink()
                continue
            for work in build.iterdir():
                await self._runtime.unmount_rootfs(str(work))
            await in_thread(shutil.rmtree, build)
        for key in tuple(self._store.snapshots.keys()):
            if key.startswith(KEY_PREFIX):
                await in_thread(self._store.snapshots.remove, key)

    async def build(
        self, request: BuildRequest, context: AsyncIterator[bytes]
    ) -> AsyncIterator[Progress]:
        """See services.builds."""
        names = [_tag(text) for text in request.tags]
        if request.squash:
            raise InvalidArgument("squash is only supported with experimental mode")
        directory = self._directory / secrets.token_hex(8)
        async with contextlib.AsyncExitStack() as undo:
            await in_thread(directory.mkdir, 0o700)
            undo.push_async_callback(in_thread, shutil.rmtree, directory)
            local, plan, warnings = await self._prepare(request, context, directory)
            lease = undo.enter_context(self._store.collector.tidying("build"))
            find = self._store.metadata.images.find
            sources = await cache_sources(request.cache_from, self._images.get, find)
            build = _Build(self, request, plan, local, self.workspace(directory, lease, sources))
            for warning in () if request.quiet else warnings:
                yield Progress(stream=f"\x1b[91m{warning}\n\x1b[0m")
            async with contextlib.aclosing(build.run(names)) as messages:
                async for message in messages:
                    yield message

    async def _prepare(
        self, request: BuildRequest, body: AsyncIterator[bytes], directory: Path
    ) -> tuple[Local, BuildPlan, tuple[str, ...]]:
        root = directory / "context"
        await in_thread(root.mkdir, 0o755)
        dockerfile = request.dockerfile
        if not request.remote or request.remote == "client-session":
            try:
                await contexts.receive_context(body, root)
            except CorruptArchive as error:
                raise Internal(str(error)) from error  # as Docker has it
        elif contexts.is_git_url(request.remote):
            root = await contexts.clone_context(request.remote, root)
        elif request.remote.startswith(("http://", "https://")):
            dockerfile = await contexts.download_context(request.remote, root, dockerfile)
        else:
            raise Internal(f"remoteURL ({request.remote}) could not be recognized as URL")
        name, data = await in_thread(contexts.find_dockerfile, root, dockerfile)
        await in_thread(contexts.apply_ignore_file, root, name)
        plan, warnings = await in_thread(_plan, request, name, data)  # big ones take their time
        return Local(str(root)), plan, warnings

    async def cache(self) -> Sequence[CacheRecord]:
        """See services.builds. Steps' layers belong to images: what is here takes no space of its own."""
        return ()

    async def prune(
        self,
        filters: Filters,
        *,
        all: bool,  # noqa: A002, ARG002
        keep_bytes: int,  # noqa: ARG002
    ) -> PruneResult:
        """See services.builds."""
        filters.validate(("until", "id", "label", "type", "unused-for"))
        records = self._store.metadata.builds
        for record in records.list():
            records.delete(record.key)
        self._events.publish("builder", "prune", "", {"reclaimed": "0"})
        return PruneResult()

    # for _Build

    def workspace(
        self, directory: Path, lease: Lease, sources: CacheSources | None
    ) -> BuildWorkspace:
        """A place to work for one build."""
        return BuildWorkspace(
            store=self._store,
            creation=self._images.creation,
            runtime=self._runtime,
            sandboxes=self._sandboxes,
            settings=self._settings,
            directory=directory,
            lease=lease,
            sources=sources,
        )

    async def image(self, name: str) -> Image:
        """A local image."""
        return await self._images.get(name)

    def remembered_image(self, key: str) -> Image | None:
        """The image a step gave before, if it is still there."""
        record = self._store.metadata.builds.find(key)
        image_id = record.data.get("image") if record else None
        return self._store.metadata.images.find(image_id) if image_id else None

    async def create_image(
        self,
        key: str,
        config: ImageConfig,
        layers: tuple[ImageLayer, ...],
        parent: Image | None,
        lease: Lease,
    ) -> Image:
        """Record an image and the step it is of."""
        creation = self._images.creation
        image = await in_thread(
            creation.create, config, layers, lease, parent=parent.id if parent else None
        )
        now = time.time_ns()
        self._store.metadata.builds.put(
            BuildRecord(key=key, created_at=now, last_used_at=now, data={"image": str(image.id)})
        )
        return image

    def name(self, image: Image, reference: Reference) -> None:
        """Give the finished image a name."""
        self._images.catalog.tag(reference, image)

    def built(self, image: Image) -> None:
        """Tell that an image was made."""
        self._images.catalog.tell("create", image)


class _Build:
    """One running build: what its stages share. Implements stage.Base."""

    def __init__(
        self,
        service: EngineBuilds,
        request: BuildRequest,
        plan: BuildPlan,
        context: Local,
        workspace: BuildWorkspace,
    ) -> None:
        self._service = service
        self._request = request
        self._directory = workspace.directory
        self._lease = workspace.lease
        self._sources = workspace.sources
        self._stages: dict[int, asyncio.Task[StageResult]] = {}
        self._transcripts = {index: Transcript(quiet=request.quiet) for index in plan.order}
        self.plan = plan
        self.context = context
        self.build_args: Mapping[str, str | None] = request.build_args
        self.use_cache = not request.no_cache
        self.removes = request.remove or request.force_remove
        self.limits = _limits(request)
        self.platform = _platform(request.platform)
        self.consumed: set[str] = {name for arg in plan.arg_instructions for name, _ in arg.pairs}
        self.solver = Solver(workspace, use_cache=self.use_cache)

    async def run(self, names: Sequence[Reference]) -> AsyncGenerator[Progress, None]:
        """Build it and say so."""
        try:
            for number, arg in enumerate(self.plan.arg_instructions, 1):
                if not self._request.quiet:
                    yield Progress(stream=f"Step {number}/{self.plan.total} : {arg.original}")
                    yield Progress(stream="\n")
            async with contextlib.aclosing(self._run_stages()) as messages:
                async for message in messages:
                    yield message
            result = await self._stages[self.plan.target.index]
            if result.image is None:
                raise InvalidArgument("No image was generated. Is your Dockerfile empty?")
        except ExecFailed as error:
            yield Progress(error=str(error), error_code=error.code)
            return
        except BoxshipError as error:
            yield Progress(error=str(error))
            return
        for message in self._finish(result.image, names):
            yield message

    async def _run_stages(self) -> AsyncGenerator[Progress, None]:
        """Run the needed stages side by side; speak of one after the other."""
        try:
            step = 1 + len(self.plan.arg_instructions)
            loop = asyncio.get_running_loop()
            for index in self.plan.order:
                stage = self.plan.stages[index]
                self._stages[index] = loop.create_task(
                    self._run_stage(index, step), name=f"build stage {index}"
                )
                step += 1 + len(stage.instructions)
            for index in self.plan.order:
                async for message in self._transcripts[index].messages():
                    yield message
                await self._stages[index]
        finally:
            for task in self._stages.values():
                task.cancel()
            await asyncio.gather(*self._stages.values(), return_exceptions=True)

    async def _run_stage(self, index: int, first_step: int) -> StageResult:
        transcript = self._transcripts[index]
        try:
            return await StageRunner(self, self.plan.stages[index], transcript).run(first_step)
        finally:
            await transcript.end()

    def _finish(self, image: Image, names: Sequence[Reference]) -> list[Progress]:
        unused = [
            name
            for name in self._request.build_args
            if name not in self.consumed and name not in PREDEFINED
        ]
        quiet = self._request.quiet
        messages = []
        if unused and not quiet:
            listed = " ".join(sorted(unused))
            messages.append(
                Progress(stream=f"[Warning] One or more build-args [{listed}] were not consumed\n")
            )
        if quiet:
            messages.append(Progress(stream=f"{image.id}\n"))
        else:
            messages.append(Progress(stream=f"Successfully built {short_id(image.id)}\n"))
        for name in names:
            self._service.name(image, name)
            if not quiet:
                messages.append(Progress(stream=f"Successfully tagged {name.familiar}\n"))
        return messages

    # ---- stage.Base

    async def image(self, name: str) -> Image:
        """See stage.Base."""
        image = await self._service.image(name)
        for layer in image.layers:
            self._lease.keep(layer.chain_id)
            self._lease.keep(layer.blob.digest)
        return image

    async def stage(self, index: int) -> StageResult:
        """See stage.Base."""
        task = self._stages.get(index)
        if task is None:
            raise InvalidArgument(f"stage {index} is not part of this build")
        return await asyncio.shield(task)

    async def fetch(self, url: str, checksum: str) -> Local:
        """See stage.Base."""
        directory = self._directory / f"download-{secrets.token_hex(4)}"
        await in_thread(directory.mkdir, 0o700)
        try:
            await contexts.download(url, directory, checksum)
        except InvalidArgument as error:
            raise InvalidArgument(f"ADD failed: {error}") from error
        return Local(str(directory))

    async def inline(self, files: Mapping[str, str]) -> Local:
        """See stage.Base."""
        directory = self._directory / f"inline-{secrets.token_hex(4)}"
        await in_thread(contexts.write_files, directory, files)
        return Local(str(directory))

    def cached_image(self, key: str) -> Image | None:
        """See stage.Base."""
        image = self._service.remembered_image(key)
        known = image is None or self._sources is None or self._sources.has_image(image)
        return image if known else None

    async def create_image(
        self, key: str, config: ImageConfig, layers: tuple[ImageLayer, ...], parent: Image | None
    ) -> Image:
        """See stage.Base."""
        return await self._service.create_image(key, config, layers, parent, self._lease)


def _plan(request: BuildRequest, name: str, data: bytes) -> tuple[BuildPlan, tuple[str, ...]]:
    parsed = parse(data, name)
    plan = plan_build(
        read_instructions(parsed),
        escape=parsed.escape,
        target=request.target,
        build_args=request.build_args,
        platform_args=_platform_args(request.platform),
        labels=request.labels,
    )
    return plan, parsed.warnings


def _tag(text: str) -> Reference:
    try:
        reference = parse_reference(text)
    except InvalidArgument as error:
        raise Internal(str(error)) from error  # as Docker has it
    if reference.digest:
        raise Internal("build tag cannot contain a digest")
    return canonical(reference)


def _platform(text: str) -> Platform:
    return parse_platform(text) or host_platform()


def _platform_args(text: str) -> dict[str, str]:
    """The arguments that are there without being given (Dockerfile reference, "in the global scope")."""
    found: dict[str, str] = {}
    for prefix, platform in (("TARGET", _platform(text)), ("BUILD", host_platform())):
        found[f"{prefix}PLATFORM"] = str(platform)
        found[f"{prefix}OS"] = platform.os
        found[f"{prefix}ARCH"] = platform.architecture
        found[f"{prefix}VARIANT"] = platform.variant
    return found


def _limits(request: BuildRequest) -> HostConfig:
    return HostConfig(
        network_mode=request.network_mode,
        memory=request.memory,
        memory_swap=request.memory_swap,
        cpu_shares=request.cpu_shares,
        cpu_period=request.cpu_period,
        cpu_quota=request.cpu_quota,
        cpuset_cpus=request.cpuset_cpus,
        cpuset_mems=request.cpuset_mems,
        cgroup_parent=request.cgroup_parent,
        shm_size=request.shm_size,
        ulimits=request.ulimits or None,
        extra_hosts=request.extra_hosts or None,
        security_opt=request.security_opt or None,
    )
