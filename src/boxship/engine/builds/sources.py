"""Where the files of COPY and ADD are: the context, an image, a stage, a download, a here-document."""

import contextlib
import posixpath
from collections.abc import Mapping
from pathlib import Path

from boxship.build.frontend import Stage
from boxship.build.llb import Layers, Vertex
from boxship.dockerfile.expand import expand_raw
from boxship.dockerfile.instructions import Copy
from boxship.engine.builds.base import Base
from boxship.errors import BoxshipError, InvalidArgument

Location = tuple[Vertex, tuple[str, ...]]
"""A place, and the names in it."""


def destination(working_dir: str, text: str) -> str:
    """The absolute path, with a slash behind it when it must be a directory."""
    joined = posixpath.join("/", working_dir or "/", text)
    clean = "/" + posixpath.normpath(joined).lstrip("/")
    slash = text.endswith(("/", "/.")) or text in (".", "")
    return clean if not slash or clean == "/" else clean + "/"


def octal(text: str) -> int | None:
    """The value of --chmod."""
    if not text:
        return None
    with contextlib.suppress(ValueError):
        mode = int(text, 8)
        if 0 <= mode <= 0o7777:
            return mode
    raise InvalidArgument(
        f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
    )


async def locate(
    base: Base,
    stage: Stage,
    instruction: Copy,
    sources: tuple[str, ...],
    environment: Mapping[str, str],
) -> list[Location]:
    """One place for most instructions, several when ADD downloads."""
    found: list[Location] = []
    if instruction.heredocs:
        files = {
            each.name: expand_raw(each.content, environment) if each.expand else each.content
            for each in instruction.heredocs
        }
        found.append((await base.inline(files), tuple(files)))
    urls = [source for source in sources if instruction.keyword == "ADD" and _is_url(source)]
    for url in urls:
        local = await base.fetch(url, instruction.checksum)
        (name,) = [each.name for each in Path(local.directory).iterdir()]
        found.append((local, (name,)))
    files_only = tuple(source for source in sources if source not in urls)
    if files_only:
        found.append((await _place(base, stage, instruction.from_), files_only))
    return found


async def _place(base: Base, stage: Stage, name: str) -> Vertex:
    """What --from names."""
    if not name:
        return base.context
    if name.lower() in (str(stage.index), stage.name):
        raise InvalidArgument(f"invalid from flag value {name}: refers to current build stage")
    other = base.plan.find(name, stage.index)
    if other is not None:
        return Layers((await base.stage(other.index)).layers)
    if name.isdecimal():
        raise InvalidArgument(f"invalid from flag value {name}: index out of bounds")
    try:
        return Layers((await base.image(name)).layers)
    except BoxshipError as error:
        raise InvalidArgument(f"invalid from flag value {name}: {error}") from error


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))
