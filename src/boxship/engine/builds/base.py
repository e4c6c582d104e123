"""What the stages of one build have in common, and what each comes to."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from boxship.build.frontend import BuildPlan
from boxship.build.llb import Local
from boxship.build.solver import Solver
from boxship.model.container import HostConfig
from boxship.model.descriptor import Platform
from boxship.model.image import Image, ImageConfig, ImageLayer, OCIRunConfig


class StageResult(msgspec.Struct, frozen=True):
    """What a stage came to; no image when it is `scratch` with nothing on it."""

    image: Image | None
    layers: tuple[ImageLayer, ...]
    config: OCIRunConfig


class Base(Protocol):
    """What the steps of all stages share: the request's options and the way to images and files."""

    solver: Solver
    plan: BuildPlan
    build_args: Mapping[str, str | None]
    limits: HostConfig
    use_cache: bool
    removes: bool
    context: Local
    platform: Platform
    consumed: set[str]

    async def image(self, name: str) -> Image:
        """An image by name; raise NoSuchImage."""
        ...

    async def stage(self, index: int) -> StageResult:
        """Another stage's result, once it is there."""
        ...

    async def fetch(self, url: str, checksum: str) -> Local:
        """A directory with a downloaded file."""
        ...

    async def inline(self, files: Mapping[str, str]) -> Local:
        """A directory with these files, of here-documents."""
        ...

    def cached_image(self, key: str) -> Image | None:
        """The image that this step gave before."""
        ...

    async def create_image(
        self, key: str, config: ImageConfig, layers: tuple[ImageLayer, ...], parent: Image | None
    ) -> Image:
        """Record an image and remember the step it is of."""
        ...
