"""One request of a case on the wire: plain, or hijacked; and what the answer says."""

import base64
import http.client
import io
import json
import socket
import struct
import tarfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from support.differential.steps import Body, Call, Hijacked
from support.engine import Engine, Reply

COMMON = {
    "Api-Version": "1.51",
    "Docker-Experimental": "false",
    "Ostype": "linux",
}
"""What nearly all answers have: told only when it is missing."""
COMPARED = (
    "Allow",
    "Builder-Version",
    "Cache-Control",
    "Connection",
    "Content-Type",
    "Location",
    "Pragma",
    "Swarm",
    "Upgrade",
    "X-Content-Type-Options",
    "X-Docker-Container-Path-Stat",
    *COMMON,
)
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"


def target(path: str, version: str, query: Mapping[str, Any]) -> str:
    """The request's target."""
    url = f"/{version}{path}" if version else path
    if not query:
        return url
    pairs = [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, given in query.items()
        for value in (given if isinstance(given, tuple) else (given,))
    ]
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs, quote_via=quote)}"


def call(engine: Engine, step: Call) -> Reply:
    """Send a request, read its answer."""
    body = step.raw
    headers = dict(step.headers)
    if step.json is not None:
        body = json.dumps(step.json).encode()
        headers.setdefault("Content-Type", "application/json")
    connection = engine.connection(timeout=15)
    try:
        url = target(step.path, step.version, step.query)
        connection.request(step.method, url, body, headers)
        response = connection.getresponse()
        data = b"".join(response.readline() for _ in range(step.first)) or response.read()
        return Reply(response.status, dict(response.headers), data)
    finally:
        connection.close()


def told(reply: Reply, reading: Body) -> dict[str, Any]:
    """An answer as a document: status, headers, body."""
    headers = {name.title(): text for name, text in reply.headers.items()}
    kept: dict[str, Any] = {name: headers[name] for name in COMPARED if name in headers}
    if all(kept.get(name) == text for name, text in COMMON.items()):
        kept = {name: text for name, text in kept.items() if name not in COMMON}
    if "Connection" in kept:
        kept["Connection"] = kept["Connection"].title()
    if stat := kept.get("X-Docker-Container-Path-Stat"):
        kept["X-Docker-Container-Path-Stat"] = json.loads(base64.b64decode(stat))
    if reply.status >= 400:
        reading = Body.AUTO
    return {
        "status": reply.status,
        "headers": kept,
        "body": _body(reply.body, kept.get("Content-Type", ""), reading),
    }


def _body(data: bytes, content_type: str, reading: Body) -> Any:
    if reading is Body.SIZE:
        return bool(data)
    if reading is Body.TAR:
        return members(data)
    if reading is Body.FRAMES or content_type == MULTIPLEXED:
        return frames(data)
    if "json" in content_type:
        found = documents(data)
        return found[0] if len(found) == 1 else {"documents": found}
    return data.decode(errors="replace")


def documents(data: bytes) -> list[Any]:
    """The JSON documents of a stream, however they are separated."""
    text, found = data.decode(errors="replace").strip("\x1e\n\r "), []
    while text:
        document, end = json.JSONDecoder().raw_decode(text)
        found.append(document)
        text = text[end:].strip("\x1e\n\r ")
    return found


def members(data: bytes) -> list[str]:
    """The members of an archive, a line each."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [
            f"{m.type.decode()} {m.mode:o} {m.uid}:{m.gid} {m.size} {m.name} {m.linkname}".rstrip()
            for m in archive
        ]


def frames(data: bytes) -> dict[str, str] | str:
    """The texts of the streams, or the text if these are no frames."""
    streams: dict[int, bytes] = {}
    rest = data
    while rest:
        if len(rest) < 8 or rest[0] > 3 or rest[1:4] != b"\0\0\0":
            return data.decode(errors="replace")
        size = int.from_bytes(rest[4:8])
        streams[rest[0]] = streams.get(rest[0], b"") + rest[8 : 8 + size]
        rest = rest[8 + size :]
    names = ("stdin", "stdout", "stderr", "systemerr")
    return {names[key]: streams[key].decode(errors="replace") for key in sorted(streams)}


def hijacked(engine: Engine, step: Hijacked) -> Reply:
    """Send a request, then stdin; read to the end."""
    connection = engine.connection(timeout=10)
    headers = {"Content-Type": "application/json"} if step.json is not None else {}
    if step.upgrade:
        headers |= {"Connection": "Upgrade", "Upgrade": step.upgrade}
    if step.upgrade == "websocket":
        key = base64.b64encode(bytes(16)).decode()
        headers |= {"Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", "Origin": "http://x"}
    body = None if step.json is None else json.dumps(step.json).encode()
    connection.request(step.method, target(step.path, step.version, step.query), body, headers)
    writer = connection.sock.dup()
    try:
        response = connection.getresponse()
        if response.status not in (101, 200):
            return Reply(response.status, dict(response.headers), response.read())
        _send(writer, step)
        data = _drain(response)
        if step.upgrade == "websocket":
            data = _payloads(data)
        return Reply(response.status, dict(response.headers), data)
    finally:
        writer.close()
        connection.close()


def _send(writer: socket.socket, step: Hijacked) -> None:
    if step.stdin and step.upgrade == "websocket":
        writer.sendall(struct.pack("!BB4x", 0x82, 0x80 | len(step.stdin)) + step.stdin)
    elif step.stdin:
        writer.sendall(step.stdin)
    if step.half_close and step.upgrade != "websocket":
        writer.shutdown(socket.SHUT_WR)


def _drain(response: http.client.HTTPResponse) -> bytes:
    data = b""
    try:
        while chunk := response.fp.read1(65536):
            data += chunk
            if response.status == 101 and chunk[:1] == b"\x88":
                break
    except TimeoutError:
        return data + b"(the stream does not end)"
    return data


def _payloads(data: bytes) -> bytes:
    text = b""
    while len(data) >= 2:
        opcode, size, start = data[0] & 15, data[1] & 127, 2
        if size == 126:
            size, start = int.from_bytes(data[2:4]), 4
        if opcode in (1, 2):
            text += data[start : start + size]
        data = data[start + size :]
    return text
