"""Images: the OCI documents as stored, and the record we keep of each image."""

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from boxship.errors import Conflict, NotFound
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.descriptor import Descriptor
from boxship.model.digest import ChainID, DiffID, Digest, ImageID


class NoSuchImage(NotFound):
    """No image has this name or ID."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No such image: {name}")  # clients match this text
        self.name = name


class ImageInUse(Conflict):
    """The image cannot be removed: a container, a tag or a child holds it."""


class OCIHealthcheck(msgspec.Struct, frozen=True, omit_defaults=True, rename="pascal"):
    """The health check in an image configuration, durations in nanoseconds."""

    test: tuple[str, ...] | None = None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class OCIRunConfig(msgspec.Struct, frozen=True, omit_defaults=True, rename="pascal"):
    """The `config` object of an image configuration, as the blob spells it."""

    user: str | None = ""
    exposed_ports: dict[str, dict[str, str] | None] | None = None
    env: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    healthcheck: OCIHealthcheck | None = None
    args_escaped: bool | None = False
    volumes: dict[str, dict[str, str] | None] | None = None
    working_dir: str | None = ""
    on_build: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | None = ""
    shell: tuple[str, ...] | None = None


class RootFS(msgspec.Struct, frozen=True):
    """The layers, lowest first."""

    type: Literal["layers"] = "layers"
    diff_ids: tuple[DiffID, ...] = ()


class History(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one step of the image came to be; RFC 3339 time."""

    created: str | None = ""
    created_by: str | None = ""
    author: str | None = ""
    comment: str | None = ""
    empty_layer: bool | None = False


class ImageConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image configuration (OCI image-spec, config.md): its digest is the ImageID.

    Fields that other builders add are not kept here: the stored blob stays as it came.
    """

    architecture: str = ""
    os: str = ""
    config: OCIRunConfig | None = None
    created: str | None = ""
    author: str | None = ""
    variant: str | None = ""
    os_version: str | None = msgspec.field(default="", name="os.version")
    docker_version: str | None = ""
    comment: str | None = ""
    rootfs: RootFS = RootFS()
    history: tuple[History, ...] | None = ()


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An image manifest, OCI or Docker schema 2."""

    schema_version: int
    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = ""
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


class Index(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An image index or Docker manifest list."""

    schema_version: int
    manifests: tuple[Descriptor, ...]
    media_type: str = ""
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


class ImageLayer(msgspec.Struct, frozen=True):
    """One layer of a stored image: its identities and where its bytes are."""

    diff_id: DiffID
    chain_id: ChainID
    blob: Descriptor
    size: int  # bytes unpacked
    tar_size: int = 0  # bytes of the plain tar; 0 when nobody counted


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image in the store: the row that every listing and every container start reads.

    `size` is what the unpacked layers take, in bytes. `parent` is set on images the classic builder
    made here, as Docker's `Parent`. `last_tagged` is seconds since the epoch, 0 for never.
    """

    id: ImageID
    manifest: Descriptor
    config: ImageConfig
    layers: tuple[ImageLayer, ...]
    size: int
    created: float  # seconds since the epoch; 0 when the config has none
    parent: ImageID | None = None
    last_tagged: float = 0

    @property
    def chain_id(self) -> ChainID | None:
        """The snapshot a container of this image starts from; None for an image without layers."""
        return self.layers[-1].chain_id if self.layers else None


def chain_ids(diff_ids: Iterable[DiffID]) -> tuple[ChainID, ...]:
    """The ChainID of each layer, lowest first (OCI image-spec, config.md#layer-chainid)."""
    chain: list[ChainID] = []
    for diff_id in diff_ids:
        if not chain:
            chain.append(ChainID(Digest(diff_id)))
        else:
            text = f"{chain[-1]} {diff_id}".encode()
            chain.append(ChainID(Digest(f"sha256:{hashlib.sha256(text).hexdigest()}")))
    return tuple(chain)


def run_config(config: ImageConfig) -> RunConfig:
    """The defaults an image gives to its containers, absent and null alike."""
    source = config.config or OCIRunConfig()
    return RunConfig(
        user=source.user or "",
        exposed_ports=_sets(source.exposed_ports),
        env=source.env,
        cmd=source.cmd,
        entrypoint=source.entrypoint,
        healthcheck=_healthcheck(source.healthcheck),
        args_escaped=bool(source.args_escaped),
        volumes=_sets(source.volumes),
        working_dir=source.working_dir or "",
        on_build=source.on_build,
        labels=source.labels,
        stop_signal=source.stop_signal or "",
        shell=source.shell,
    )


def _healthcheck(check: OCIHealthcheck | None) -> Healthcheck | None:
    if check is None:
        return None
    return Healthcheck(
        test=check.test or (),
        interval=check.interval,
        timeout=check.timeout,
        start_period=check.start_period,
        start_interval=check.start_interval,
        retries=check.retries,
    )


def _sets(values: dict[str, dict[str, str] | None] | None) -> dict[str, dict[str, str]] | None:
    return None if values is None else {key: {} for key in values}
