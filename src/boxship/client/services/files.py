"""Files in containers: cp, diff, export, commit."""

import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from boxship.client.answers import Answer, parse
from boxship.client.errors import BadAnswer
from boxship.client.exchange import Transport
from boxship.client.services import paths
from boxship.errors import BoxshipError
from boxship.model.config import RunConfig
from boxship.model.digest import Digest, ImageID
from boxship.services.files import Archive, Change, CommitRequest, PathStat
from boxship.wire.names import docker_name
from boxship.wire.times import parse_rfc3339
from boxship.wire.values import encode


class RemoteFiles:
    """Implements services.files.Files."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def stat(self, name: str, path: str) -> PathStat:
        """See services.files."""
        try:
            answer = await self._transport.request("HEAD", _archive(name), {"path": path})
        except BoxshipError:
            # a HEAD answer has no body to say what is wrong
            answer = await self._transport.request("GET", _archive(name), {"path": path})
        await answer.aclose()
        return _stat(answer)

    async def read_archive(self, name: str, path: str) -> Archive:
        """See services.files."""
        answer = await self._transport.request("GET", _archive(name), {"path": path})
        return Archive(_stat(answer), answer)

    async def write_archive(
        self,
        name: str,
        path: str,
        body: AsyncIterator[bytes],
        *,
        no_overwrite_dir_non_dir: bool = False,
        copy_uid_gid: bool = False,
    ) -> None:
        """See services.files."""
        query = {
            "path": path,
            "noOverwriteDirNonDir": no_overwrite_dir_non_dir,
            "copyUIDGID": copy_uid_gid,
        }
        answer = await self._transport.request("PUT", _archive(name), query, upload=body)
        await answer.read()

    async def changes(self, name: str) -> Sequence[Change]:
        """See services.files."""
        rows = await self._transport.json("GET", paths.container(name, "/changes"))
        return [Change(row["Path"], row["Kind"]) for row in rows or ()]

    async def export(self, name: str) -> AsyncIterator[bytes]:
        """See services.files."""
        return await self._transport.request("GET", paths.container(name, "/export"))

    async def commit(self, name: str, request: CommitRequest) -> ImageID:
        """See services.files."""
        query = {
            "container": name,
            "repo": request.repository or None,
            "tag": request.tag or None,
            "author": request.author or None,
            "comment": request.comment or None,
            "pause": request.pause,
            "changes": list(request.changes),
        }
        body = _partial(request.config)
        document = await self._transport.json("POST", "/commit", query, body=body)
        return ImageID(Digest(document["Id"]))


def _archive(name: str) -> str:
    return paths.container(name, "/archive")


def _stat(answer: Answer) -> PathStat:
    try:
        text = base64.b64decode(answer.headers.get("x-docker-container-path-stat", ""))
    except ValueError as error:
        raise BadAnswer("malformed path stat from the daemon") from error
    document = parse(text)
    return PathStat(
        name=document["name"],
        size=document["size"],
        mode=document["mode"],
        mtime_ns=parse_rfc3339(document["mtime"]),
        link_target=document.get("linkTarget") or "",
    )


def _partial(config: bytes | None) -> dict[str, Any]:
    """The fields of a configuration that are set, under Docker's names."""
    if config is None:
        return {}
    given = msgspec.json.decode(config)
    names = {docker_name(field) for field in given}
    document = encode(msgspec.convert(given, RunConfig))
    return {name: value for name, value in document.items() if name in names}
