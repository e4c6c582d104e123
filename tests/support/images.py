"""Image archives as `docker load` takes them, built byte for byte."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from support.rootfs import entry, tar

LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def image_config(layers: Sequence[bytes], **config: Any) -> bytes:
    """The configuration of an image of uncompressed *layers*."""
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-02T03:04:05Z",
            "config": {"Cmd": ["sh"], "Env": ["PATH=/usr/bin:/bin"], **config},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
            "history": [
                {"created": "2026-01-02T03:04:05Z", "created_by": f"step {n}"}
                for n, _ in enumerate(layers)
            ],
        }
    ).encode()


def docker_archive(
    layers: Sequence[bytes], *tags: str, config: bytes | None = None, **settings: Any
) -> bytes:
    """What `docker save` wrote before OCI layouts: manifest.json, a configuration, layer.tar files."""
    raw = image_config(layers, **settings) if config is None else config
    name = digest(raw)[7:] + ".json"
    paths = [f"{n}-{digest(layer)[7:19]}/layer.tar" for n, layer in enumerate(layers)]
    manifest = [{"Config": name, "RepoTags": list(tags), "Layers": paths}]
    return tar(
        [
            *(entry(path, layer) for path, layer in zip(paths, layers, strict=True)),
            entry(name, raw),
            entry("manifest.json", json.dumps(manifest).encode()),
        ]
    )


def oci_archive(
    layers: Sequence[bytes],
    tag: str,
    *,
    blobs: Sequence[bytes] | None = None,
    media_type: str = LAYER,
    **settings: Any,
) -> bytes:
    """An OCI image layout; *blobs* are the layers as stored (compressed), themselves by default."""
    raw = image_config(layers, **settings)
    stored = list(layers if blobs is None else blobs)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, raw),
            "layers": [_descriptor(media_type, blob) for blob in stored],
        }
    ).encode()
    top = _descriptor(MANIFEST, manifest)
    top["annotations"] = {"io.containerd.image.name": tag, "org.opencontainers.image.ref.name": "x"}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]}
    return tar(
        [
            *(entry(f"blobs/sha256/{digest(b)[7:]}", b) for b in (*stored, raw, manifest)),
            entry("index.json", json.dumps(index).encode()),
            entry("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
        ]
    )


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob)}
