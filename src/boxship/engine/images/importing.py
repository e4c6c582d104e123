"""`docker import`: a root file system's tar becomes an image of one layer."""

from collections.abc import Callable, Sequence

from boxship.engine.images.catalog import Catalog
from boxship.engine.images.creation import ImageCreation, now_text
from boxship.engine.images.platforms import host_platform, parse_platform
from boxship.model.image import History, Image, ImageConfig, OCIRunConfig
from boxship.model.progress import Progress
from boxship.model.reference import Reference
from boxship.services.images import ImportRequest
from boxship.store.archive.compression import Source, decompressed
from boxship.store.store import Store

Put = Callable[[Progress], None]
ApplyChanges = Callable[[OCIRunConfig, Sequence[str]], OCIRunConfig]
"""Applies Dockerfile instructions of `--change` to an image's configuration; raises InvalidArgument."""


def import_image(
    store: Store,
    catalog: Catalog,
    creation: ImageCreation,
    source: Source,
    request: ImportRequest,
    config: OCIRunConfig,
    name: Reference | None,
    put: Put,
) -> Image:
    """Import; blocking. `config` is what the changes make of an empty one.

    All that *put* hears is the new image's ID: there are clients that read no further.
    """
    platform = parse_platform(request.platform) or host_platform()

    def produce(sink: Callable[[bytes], None]) -> None:
        for chunk in decompressed(source):
            sink(chunk)

    with store.collector.tidying("import") as lease:
        layer = creation.layer_of_tar(produce, (), lease)
        layer = creation.unpack_layer(layer, (), lease)
        created = now_text()
        image = creation.create(
            ImageConfig(
                architecture=platform.architecture,
                os=platform.os,
                variant=platform.variant,
                config=config,
                created=created,
                comment=request.message,
                history=(History(created=created, comment=request.message),),
            ),
            [layer],
            lease,
        )
        if name is not None:
            catalog.tag(name, image)
    catalog.tell("import", image)
    put(Progress(status=image.id))
    return image
