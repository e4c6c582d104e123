"""`docker commit`: a container's present state becomes an image."""

import msgspec

from boxship.build.image_config import apply_changes
from boxship.concurrency import in_thread
from boxship.engine.images.catalog import parse_tag
from boxship.engine.images.creation import now_text
from boxship.engine.images.platforms import host_platform
from boxship.engine.images.service import LocalImages
from boxship.model.config import RunConfig
from boxship.model.container import Container
from boxship.model.digest import ImageID
from boxship.model.image import (
    History,
    Image,
    ImageConfig,
    OCIHealthcheck,
    OCIRunConfig,
)
from boxship.services.files import CommitRequest
from boxship.store.gc import container_key
from boxship.store.store import Store


class ContainerImages:
    """Makes images of containers."""

    def __init__(self, store: Store, images: LocalImages) -> None:
        self._store = store
        self._images = images

    def __repr__(self) -> str:
        return "ContainerImages()"

    async def commit(self, container: Container, request: CommitRequest) -> ImageID:
        """Store the container's layer and configuration as an image, and name it."""
        name = parse_tag(request.repository, request.tag) if request.repository else None
        asked = msgspec.json.decode(request.config, type=RunConfig) if request.config else None
        config = merged(asked, container.config)
        changed = apply_changes(image_config(config), request.changes)
        image = await in_thread(self._commit, container, request, changed)
        if name is not None:
            self._images.catalog.tag(name, image)
        return image.id

    def _commit(self, container: Container, request: CommitRequest, config: OCIRunConfig) -> Image:
        parent = self._store.metadata.images.find(container.image) if container.image else None
        below = parent.layers if parent else ()
        base = parent.config if parent else None
        host = host_platform()
        created = now_text()
        creation = self._images.creation
        with self._store.collector.tidying("commit") as lease:
            layer = creation.layer_of_snapshot(
                container_key(container.id), below, lease, freeze=False
            )
            return creation.create(
                ImageConfig(
                    architecture=base.architecture if base else host.architecture,
                    os=base.os if base else host.os,
                    variant=base.variant if base else host.variant,
                    config=config,
                    created=created,
                    author=request.author,
                    history=(
                        *((base.history or ()) if base else ()),
                        History(
                            created=created,
                            created_by=" ".join(container.config.cmd or ()),
                            author=request.author,
                            comment=request.comment,
                        ),
                    ),
                ),
                [*below, layer],
                lease,
                parent=parent.id if parent else None,
            )


def merged(asked: RunConfig | None, own: RunConfig) -> RunConfig:
    """What `commit` was given, with the container's own where that says nothing (moby's runconfig Merge)."""
    if asked is None:
        return own
    env = {pair.partition("=")[0]: pair for pair in (*(own.env or ()), *(asked.env or ()))}
    keeps_cmd = asked.cmd is None and asked.entrypoint is None
    return msgspec.structs.replace(
        own,
        user=asked.user or own.user,
        exposed_ports={**(own.exposed_ports or {}), **(asked.exposed_ports or {})} or None,
        env=tuple(env.values()),
        labels={**(own.labels or {}), **(asked.labels or {})} or None,
        cmd=own.cmd if keeps_cmd else asked.cmd,
        entrypoint=own.entrypoint if asked.entrypoint is None else asked.entrypoint,
        healthcheck=asked.healthcheck or own.healthcheck,
        working_dir=asked.working_dir or own.working_dir,
        volumes={**(own.volumes or {}), **(asked.volumes or {})} or None,
        stop_signal=asked.stop_signal or own.stop_signal,
    )


def image_config(config: RunConfig) -> OCIRunConfig:
    """The part of a container's configuration that an image keeps."""
    check = config.healthcheck
    return OCIRunConfig(
        user=config.user,
        exposed_ports={port: {} for port in config.exposed_ports or ()} or None,
        env=config.env,
        entrypoint=config.entrypoint,
        cmd=config.cmd,
        healthcheck=OCIHealthcheck(
            test=check.test or None,
            interval=check.interval,
            timeout=check.timeout,
            start_period=check.start_period,
            start_interval=check.start_interval,
            retries=check.retries,
        )
        if check
        else None,
        args_escaped=config.args_escaped,
        volumes={path: {} for path in config.volumes or ()} or None,
        working_dir=config.working_dir,
        on_build=config.on_build,
        labels=config.labels,
        stop_signal=config.stop_signal,
        shell=config.shell,
    )
