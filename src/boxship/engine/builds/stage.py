"""One stage of a build, step by step: each instruction becomes a vertex, a configuration, an image."""

import hashlib
import secrets

import msgspec

from boxship.build.frontend import PREDEFINED, Stage
from boxship.build.image_config import (
    apply,
    command_line,
    environment_of,
    set_env,
    shell_of,
    working_dir,
)
from boxship.build.llb import Copy as CopyVertex
from boxship.build.llb import Exec, Layers, MakeDirectory, Vertex
from boxship.build.solver import Result
from boxship.dockerfile.expand import expand
from boxship.dockerfile.instructions import (
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    HealthCheck,
    Instruction,
    Maintainer,
    Run,
    Workdir,
)
from boxship.dockerfile.reading import read_text
from boxship.engine.builds import sources as sources_of
from boxship.engine.builds.base import Base, StageResult
from boxship.engine.builds.transcript import Transcript
from boxship.engine.images.creation import now_text
from boxship.errors import InvalidArgument, Unsupported
from boxship.model.digest import short_id
from boxship.model.image import History, Image, ImageConfig, ImageLayer, OCIRunConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class StageRunner:
    """Runs one stage."""

    def __init__(self, base: Base, stage: Stage, transcript: Transcript) -> None:
        self._base = base
        self._stage = stage
        self._say = transcript
        self._image: Image | None = None
        self._layers: tuple[ImageLayer, ...] = ()
        self._config = OCIRunConfig()
        self._author = ""
        self._args: dict[str, str] = {}
        self._cmd_set = False

    async def run(self, first_step: int) -> StageResult:
        """All steps, numbered from *first_step*."""
        stage = self._stage
        await self._say.step(first_step, self._base.plan.total, stage.start.original)
        if any(
            each.name == stage.name for each in self._base.plan.stages[: stage.index] if stage.name
        ):
            raise InvalidArgument("a stage name already used")
        triggers = await self._begin()
        await self._run_triggers(triggers)
        await self._say_image()
        for number, instruction in enumerate(stage.instructions, first_step + 1):
            await self._say.step(number, self._base.plan.total, instruction.original)
            await self._dispatch(instruction)
            await self._say_image()
        if self._image is not None:
            await self._say.result(str(self._image.id))
        return StageResult(self._image, self._layers, self._config)

    # ---- FROM

    async def _begin(self) -> tuple[str, ...]:
        base = self._stage.base
        if isinstance(base, int):
            result = await self._base.stage(base)
            self._image, self._layers, self._config = result.image, result.layers, result.config
        elif not base:
            raise InvalidArgument(f"base name ({self._stage.start.image}) should not be blank")
        elif base != "scratch":
            self._image = await self._base.image(base)
            self._layers = self._image.layers
            self._config = self._image.config.config or OCIRunConfig()
        if "PATH" not in environment_of(self._config):
            env = set_env(self._config.env, "PATH", DEFAULT_PATH)
            self._config = msgspec.structs.replace(self._config, env=env)
        if self._image is not None:
            self._author = self._image.config.author or ""
        triggers = self._config.on_build or ()
        self._config = msgspec.structs.replace(self._config, on_build=None)
        return triggers

    async def _say_image(self) -> None:
        await self._say.line(f" ---> {short_id(self._image.id) if self._image else ''}")

    async def _run_triggers(self, triggers: tuple[str, ...]) -> None:
        if not triggers:
            return
        plural = "" if len(triggers) == 1 else "s"  # said by itself, as Docker does
        await self._say.words(f"# Executing {len(triggers)} build trigger")
        await self._say.words(plural)
        await self._say.words("\n")
        for trigger in triggers:
            await self._dispatch(read_text(trigger, self._stage.start.line, self._escape))

    # ---- the other instructions

    @property
    def _escape(self) -> str:
        return self._base.plan.escape

    def _environment(self) -> dict[str, str]:
        """What variables mean here: ENV always wins over ARG."""
        return {**self._args, **environment_of(self._config)}

    async def _dispatch(self, instruction: Instruction) -> None:
        match instruction:
            case Run():
                await self._run_command(instruction)
            case Copy():
                await self._copy(instruction)
            case Workdir():
                await self._workdir(instruction)
            case Arg():
                await self._arg(instruction)
            case Maintainer():
                self._author = instruction.name
                await self._config_step(f"MAINTAINER {instruction.name}", self._config)
            case _:
                await self._configure(instruction)

    async def _configure(self, instruction: Instruction) -> None:
        applied = apply(self._config, instruction, self._environment(), self._escape)
        if applied is None:
            raise InvalidArgument(f"{instruction.original.split()[0]} is not known to this builder")
        if isinstance(instruction, HealthCheck):
            await self._say_overridden(self._config)
        config = applied.config
        if isinstance(instruction, Entrypoint) and not self._cmd_set:
            # the base image's command made sense to its own entrypoint only
            config = msgspec.structs.replace(config, cmd=None)
        # an empty CMD does not count
        self._cmd_set = self._cmd_set or (
            isinstance(instruction, Cmd) and bool(instruction.command.words)
        )
        await self._config_step(applied.comment, config)

    async def _say_overridden(self, config: OCIRunConfig) -> None:
        old = config.healthcheck.test if config.healthcheck else None
        if old and old[0] != "NONE":
            await self._say.line(f"Note: overriding previous HEALTHCHECK: [{' '.join(old)}]")

    async def _arg(self, instruction: Arg) -> None:
        comments: list[str] = []
        for raw_name, raw_default in instruction.pairs:
            name = expand(raw_name, self._environment(), self._escape)
            default = (
                None
                if raw_default is None
                else expand(raw_default, self._environment(), self._escape)
            )
            value = self._base.build_args.get(name)
            self._base.consumed.add(name)
            if value is None:
                value = default if default is not None else self._base.plan.global_args.get(name)
            if value is not None:
                self._args[name] = value
            comments.append(name if default is None else f"{name}={default}")
        await self._config_step(f"ARG {' '.join(comments)}", self._config)

    async def _config_step(self, comment: str, config: OCIRunConfig) -> None:
        self._config = config
        created_by = f"{' '.join(shell_of(config))} #(nop)  {comment}"
        await self._commit(created_by, self._layers, empty=True, runs=True)

    async def _workdir(self, instruction: Workdir) -> None:
        path = working_dir(
            self._config, expand(instruction.path, self._environment(), self._escape)
        )
        self._config = msgspec.structs.replace(self._config, working_dir=path)
        result = await self._solve(MakeDirectory(base=Layers(self._layers), path=path), runs=True)
        created_by = f"{' '.join(shell_of(self._config))} #(nop) WORKDIR {path}"
        await self._commit_result(created_by, result)

    async def _run_command(self, instruction: Run) -> None:
        if flag := instruction.buildkit_flag:
            raise Unsupported(
                f"the --{flag} option requires BuildKit. Refer to "
                "https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled"
            )
        command = self._command_words(instruction)
        args = {
            name: value
            for name, value in self._args.items()
            if name not in environment_of(self._config)
        }
        shown = [f"{name}={value}" for name, value in sorted(args.items())]
        proxies = tuple(
            f"{name}={value}"
            for name, value in self._base.build_args.items()
            if name in PREDEFINED and name not in self._args and value is not None
        )
        self._base.consumed.update(PREDEFINED)
        vertex = Exec(
            base=Layers(self._layers),
            command=command,
            environment=(*shown, *(self._config.env or ())),
            proxy=proxies,
            user=self._config.user or "",
            working_dir=self._config.working_dir or "",
            limits=self._base.limits,
            label=" ".join(command),
        )
        result = await self._solve(vertex, runs=True)
        counted = [f"|{len(shown)}", *shown] if shown or proxies else []
        await self._commit_result(" ".join([*counted, *command]), result)

    def _command_words(self, instruction: Run) -> tuple[str, ...]:
        heredocs = instruction.heredocs
        words = command_line(self._config, instruction.command)
        if not heredocs:
            return words
        text = "".join(instruction.command.words)
        if (
            len(heredocs) == 1
            and text.strip().lstrip("0123456789<-").strip("\"'") == heredocs[0].name
        ):
            if heredocs[0].content.startswith("#!"):
                raise Unsupported(
                    "a here-document with an interpreter of its own requires BuildKit"
                )
            return (*shell_of(self._config), heredocs[0].content)
        bodies = "".join(f"\n{each.content}{each.name}" for each in heredocs)
        return (*shell_of(self._config), text + bodies)

    # ---- COPY and ADD

    async def _copy(self, instruction: Copy) -> None:
        environment = self._environment()

        def expanded(text: str) -> str:
            return expand(text, environment, self._escape)

        sources = tuple(expanded(source) for source in instruction.sources)
        named = expanded(instruction.destination)
        destination = sources_of.destination(self._config.working_dir or "", named)
        chown = expanded(instruction.chown)
        locations = await sources_of.locate(
            self._base, self._stage, instruction, sources, environment
        )
        vertex: Vertex = Layers(self._layers)
        contents: list[str] = []
        result: Result | None = None
        for source, names in locations:
            vertex = CopyVertex(
                base=vertex,
                source=source,
                sources=names,
                destination=destination,
                owner=chown,
                mode=sources_of.octal(expanded(instruction.chmod)),
                unpack=instruction.keyword == "ADD" and source == self._base.context
                if instruction.unpack is None
                else instruction.unpack,
                parents=instruction.parents,
                exclude=instruction.exclude,
                keyword=instruction.keyword,
            )
            result = await self._solve(vertex, runs=False)
            contents.append(result.content)
            vertex = Layers(result.layers)
        if result is None:
            raise InvalidArgument(f"{instruction.keyword} failed: no source files were specified")
        what = contents[0] if len(contents) == 1 else "multi:" + _digest(*contents)
        shell = " ".join(shell_of(self._config))
        owner = f"--chown={chown} " if chown else ""
        created_by = f"{shell} #(nop) {instruction.keyword} {owner}{what} in {named} "
        await self._commit_result(created_by, result)

    # ---- doing and recording

    async def _solve(self, vertex: Vertex, *, runs: bool) -> Result:
        container = secrets.token_hex(6)
        began = False

        async def begin() -> None:
            nonlocal began
            if runs and not began:
                await self._say.line(f" ---> Running in {container}")
            began = True

        result = await self._base.solver.solve(vertex, self._say.output, begin)
        await self._say.flush()
        if began and runs and self._base.removes:
            await self._say.line(f" ---> Removed intermediate container {container}")
        return result

    async def _commit_result(self, created_by: str, result: Result) -> None:
        cached = result.cached and self._base.use_cache
        if cached:
            await self._say.line(" ---> Using cache")
        empty = len(result.layers) == len(self._layers)
        await self._commit(created_by, result.layers, empty=empty, runs=False, told=cached)

    async def _commit(
        self,
        created_by: str,
        layers: tuple[ImageLayer, ...],
        *,
        empty: bool,
        runs: bool,
        told: bool = False,
    ) -> None:
        """The step's image: the one it gave before, or a new one."""
        top = layers[-1].chain_id if layers else ""
        parent = self._image.id if self._image else ""
        state = msgspec.json.encode(self._config).decode()
        key = _digest("step", parent, created_by, top, state, self._author)
        image = self._base.cached_image(key) if self._base.use_cache and (runs or told) else None
        if image is not None:
            if not told:
                await self._say.line(" ---> Using cache")
        else:
            if runs:
                container = secrets.token_hex(6)
                await self._say.line(f" ---> Running in {container}")
                if self._base.removes:
                    await self._say.line(f" ---> Removed intermediate container {container}")
            image = await self._base.create_image(
                key, self._image_config(created_by, empty=empty), layers, self._image
            )
        self._image, self._layers = image, layers

    def _image_config(self, created_by: str, *, empty: bool) -> ImageConfig:
        below = self._image.config if self._image else None
        created = now_text()
        step = History(
            created=created, created_by=created_by, author=self._author, empty_layer=empty
        )
        platform = self._base.platform
        return ImageConfig(
            architecture=below.architecture if below else platform.architecture,
            os=below.os if below else platform.os,
            variant=below.variant if below else platform.variant,
            config=self._config,
            created=created,
            author=self._author,
            history=(*((below.history or ()) if below else ()), step),
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
