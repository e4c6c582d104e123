"""The build graph: vertices that say what to do, and nothing of how or whether it was done before.

Immutable; a vertex contains its inputs. Named after BuildKit's low-level build definition, whose
operations (source, exec, file) these are; another frontend may make them as well as the Dockerfile's.
"""

import msgspec

from boxship.model.container import HostConfig
from boxship.model.image import ImageLayer


class Layers(msgspec.Struct, frozen=True):
    """A source: layers that are in the store, lowest first; none of them is `scratch`."""

    layers: tuple[ImageLayer, ...]


class Local(msgspec.Struct, frozen=True):
    """A source: a directory of ours that holds a build context or downloaded files."""

    directory: str


class Exec(msgspec.Struct, frozen=True, kw_only=True):
    """Runs a process on a file system.

    `environment` counts for the cache, `proxy` is given to the process only. `limits` are resources,
    network mode and the like; `script` is a here-document to feed to the command.
    """

    base: "Vertex"
    command: tuple[str, ...]
    environment: tuple[str, ...]
    proxy: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    limits: HostConfig = HostConfig()
    label: str = ""  # how messages call it


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """Copies files out of one file system into another.

    `sources` may have wildcards; `destination` is absolute, and a directory when it ends with a slash.
    `owner` is a name or numbers as in --chown, `mode` the permission bits to set. `unpack` extracts
    archives among the sources.
    """

    base: "Vertex"
    source: "Vertex"
    sources: tuple[str, ...]
    destination: str
    owner: str = ""
    mode: int | None = None
    unpack: bool = False
    parents: bool = False
    exclude: tuple[str, ...] = ()
    keyword: str = "COPY"


class MakeDirectory(msgspec.Struct, frozen=True, kw_only=True):
    """Makes a directory, as WORKDIR does."""

    base: "Vertex"
    path: str


Vertex = Layers | Local | Exec | Copy | MakeDirectory
