"""Image archives for tests, honest ones and others."""

import hashlib
import json
from typing import Any

from support.tars import Item, file, tar, tar_of

LAYER = tar_of({"etc/hostname": b"box", "bin/sh": b"#!"})
SECOND = tar_of({"etc/motd": b"hello", "bin/.wh.sh": b""})


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def config(*layers: bytes, **more: Any) -> bytes:
    """An image configuration of these plain layers."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-05-06T07:08:09.123456789Z",
        "config": {"Cmd": ["sh"], "Labels": {"made": "here"}},
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
        "history": [{"created": "2024-05-06T07:08:09Z", "created_by": "step"} for _ in layers],
        **more,
    }
    return json.dumps(document).encode()


def docker_archive(
    *layers: bytes,
    tags: list[str] | None = None,
    blobs: dict[str, bytes] | None = None,
    **more: Any,
) -> bytes:
    """What `docker save` of one image would be; *blobs* replaces or adds members."""
    image = config(*layers, **more)
    names = [f"layer{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": tags, "Layers": names}]
    members: dict[str, bytes] = {
        "config.json": image,
        **dict(zip(names, layers, strict=True)),
        "manifest.json": json.dumps(manifest).encode(),
    }
    return tar_of({**members, **(blobs or {})})


class Layout:
    """An OCI image layout being written."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: list[dict[str, Any]] = []

    def blob(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        digest = sha256(data)
        self.blobs["blobs/sha256/" + digest[7:]] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def document(self, value: Any, media_type: str, **more: Any) -> dict[str, Any]:
        return self.blob(json.dumps(value).encode(), media_type, **more)

    def image(self, *layers: tuple[bytes, bytes, str], **more: Any) -> dict[str, Any]:
        """A manifest of layers given as (plain, as stored, suffix of the media type)."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.blob(
                config(*(plain for plain, _, _ in layers)),
                "application/vnd.oci.image.config.v1+json",
            ),
            "layers": [
                self.blob(stored, f"application/vnd.oci.image.layer.v1.tar{suffix}")
                for _, stored, suffix in layers
            ],
        }
        return self.document(manifest, manifest["mediaType"], **more)  # type: ignore[arg-type]

    def index(self, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
        media_type = "application/vnd.oci.image.index.v1+json"
        value = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(children)}
        return self.document(value, media_type, **more)

    def tar(self, *manifests: dict[str, Any], extra: tuple[Item, ...] = ()) -> bytes:
        index = {"schemaVersion": 2, "manifests": list(manifests)}
        return tar(
            file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
            file("index.json", json.dumps(index).encode()),
            *(file(name, data) for name, data in self.blobs.items()),
            *extra,
        )
