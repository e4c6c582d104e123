"""Requests and answers over asyncio, bodies both ways at once, and raw streams.

A connection carries one exchange at a time and is kept for the next when both sides are done with it;
whatever is given up midway closes its connection, which is how the daemon learns of it.
"""

import ssl
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from boxship.client.address import Address
from boxship.client.answers import Answer, Head, read_head
from boxship.client.dialling import Line, dial
from boxship.client.errors import ConnectionFailed
from boxship.client.failures import error_of, text_of
from boxship.client.hijacking import Hijacked
from boxship.client.query import query_of
from boxship.client.uploads import Upload
from boxship.concurrency import Supervisor
from boxship.errors import NotModified

API_VERSION: Final = (1, 51)
KEEP_S: Final = 15.0
"""How long an idle connection is trusted: shorter than any server keeps it."""

KEEP_COUNT: Final = 8


class Transport:
    """Speaks HTTP to one daemon; `version` is what both sides know."""

    def __init__(self, address: Address, context: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.version = API_VERSION
        self.tasks = Supervisor("client")
        self._context = context
        self._open: set[Line] = set()
        self._idle: list[tuple[Line, float]] = []
        self._closed = False

    def __repr__(self) -> str:
        major, minor = self.version
        return f"<Transport {self.address.text}, API {major}.{minor}, {len(self._open)} open>"

    async def request(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        *,
        body: object = None,
        upload: AsyncIterator[bytes] | None = None,
        unchanged: str = "",
    ) -> Answer:
        """Send one request; raise the error that an answer of 304, 400 or more stands for.

        *body* is sent as JSON, *upload* in chunks as it comes. A 304 says *unchanged*.
        """
        headers = {"Transfer-Encoding": "chunked"} if upload is not None else {}
        target = path + query_of(query or {})
        data = self._message(method, target, headers, body)
        line = await self._line(fresh=upload is not None)
        sending = None
        try:
            line.writer.write(data)
            if upload is not None:
                sending = Upload(line, upload, self.tasks)
            head = await self._head(line, sending, f"{method} {path}")
            answer = Answer(self, line, head, bodyless=method == "HEAD", upload=sending)
        except BaseException:
            self.drop(line)
            if sending is not None:
                await sending.stop()
            raise
        await self._check(answer, path, unchanged)
        return answer

    async def hijack(
        self, path: str, query: dict[str, Any] | None = None, *, body: object = None
    ) -> Hijacked:
        """POST and keep the raw connection."""
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        data = self._message("POST", path + query_of(query or {}), headers, body)
        line = await self._line(fresh=True)
        try:
            line.writer.write(data)
            head = await self._head(line, None, f"POST {path}")
        except BaseException:
            self.drop(line)
            raise
        if head.status >= 300:
            await self._check(Answer(self, line, head), path, "")
        return Hijacked(self, line, head.headers.get("content-type", ""))

    async def json(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        *,
        body: object = None,
        unchanged: str = "",
    ) -> Any:
        """Send one request and return its answer's JSON, None when there is none."""
        answer = await self.request(method, path, query, body=body, unchanged=unchanged)
        return await answer.json()

    async def ping(self) -> None:
        """Agree on an API version: the newest that both sides speak."""
        answer = await self.request("GET", "/_ping")
        await answer.read()
        newest = answer.headers.get("api-version", "").split(".")
        if len(newest) == 2 and all(part.isdigit() for part in newest):
            self.version = min(API_VERSION, (int(newest[0]), int(newest[1])))

    async def close(self) -> None:
        """Close every connection; what still reads from one fails."""
        self._closed = True
        self._idle.clear()
        await self.tasks.close()
        lines = list(self._open)
        for line in lines:
            self.drop(line)
        for line in lines:
            await line.closed()

    def keep(self, line: Line) -> None:
        """An exchange is over, the connection free for the next."""
        if self._closed or len(self._idle) >= KEEP_COUNT:
            self.drop(line)
        else:
            self._idle.append((line, time.monotonic()))

    def drop(self, line: Line) -> None:
        """A connection is of no more use."""
        self._open.discard(line)
        line.abort()

    async def _line(self, *, fresh: bool) -> Line:
        if self._closed:
            raise ConnectionFailed(f"the connection to {self.address.text} was closed")
        while self._idle and not fresh:
            line, since = self._idle.pop()
            if time.monotonic() - since < KEEP_S and not line.reader.at_eof():
                return line
            self.drop(line)
        line = await dial(self.address, self._context)
        self._open.add(line)
        return line

    def _message(self, method: str, target: str, extra: dict[str, str], body: object) -> bytes:
        where = self.address
        content = b"" if body is None else msgspec.json.encode(body)
        headers = {
            "Host": f"{where.host}:{where.port}" if where.port else "api.moby.localhost",
            "User-Agent": "Boxship-Client",
            **extra,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        if content or (method == "POST" and "Transfer-Encoding" not in extra):
            headers["Content-Length"] = str(len(content))
        version = "" if target == "/_ping" else "/v{}.{}".format(*self.version)
        lines = [f"{method} {where.prefix}{version}{target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + content

    async def _head(self, line: Line, upload: Upload | None, route: str) -> Head:
        try:
            return await read_head(line.reader)
        except (OSError, EOFError) as error:
            if upload is not None:
                upload.check()
            raise ConnectionFailed(
                f"error during connect: {route} at {self.address.text}: {str(error) or 'EOF'}"
            ) from error

    async def _check(self, answer: Answer, path: str, unchanged: str) -> None:
        status = answer.status
        if status == 304:
            await answer.read()
            raise NotModified(unchanged or "not modified")
        if status >= 300:
            media_type = answer.headers.get("content-type", "")
            body = await answer.read()
            raise error_of(status, text_of(status, media_type, body, path))
