"""Sends Streamlit's scripts and styles, and Plotly's script, compressed.

Streamlit leaves its scripts uncompressed, and compresses other files for each request anew. A cold
page has some 7 MB of scripts.
"""

import asyncio
import gzip
import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLOTLY_PATH = "flowdeck/plotly.min.js"
"""The path of Plotly's script on the dashboard's server."""
_PATH = re.compile(r"/static/[\w./@~+-]+\.(js|css|svg)")
_TYPES = ("text/javascript", "application/javascript", "text/css", "image/svg+xml")
_KEPT = ("content-type", "cache-control", "last-modified")
_LEVEL = 6  # of gzip: 9 takes three times as long and saves 1 %
_OK = 200


@dataclass(frozen=True)
class _File:
    """A compressed file: its headers and its bytes. The original has another ETag."""

    headers: dict[str, str]
    body: bytes

    def response(self, request: Headers) -> Response:
        """Return the answer to a request, without the bytes if the client has them."""
        etag = self.headers.get("etag")
        if etag and etag in request.get("if-none-match", ""):
            kept = {name: self.headers[name] for name in ("etag", "cache-control", "vary")}
            return Response(status_code=304, headers=kept)
        return Response(self.body, headers=self.headers)


class CompressedFiles:
    """ASGI middleware that compresses each file once, and keeps the result in memory.

    It applies to scripts and styles of Streamlit, and to the paths of `others`. They do not change
    while the process runs. All of them together have 8 MB. Other requests, requests for a part
    of a file, and clients that do not accept gzip are passed on.
    """

    def __init__(self, app: ASGIApp, others: frozenset[str]) -> None:
        self._app = app
        self._others = others
        self._files: dict[str, asyncio.Task[_File | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the compressed file, or pass the request on."""
        file = await self._file(scope) if self._applies_to(scope) else None
        if file is None:
            await self._app(scope, receive, send)
        else:
            await file.response(Headers(scope=scope))(scope, receive, send)

    def _applies_to(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET":
            return False
        headers, path = Headers(scope=scope), scope["path"]
        is_file = path in self._others or _PATH.fullmatch(path) is not None
        return is_file and "gzip" in headers.get("accept-encoding", "") and "range" not in headers

    async def _file(self, scope: Scope) -> _File | None:
        """Return the compressed file of a path, None if there is no such file.

        Concurrent requests share one compression, which goes on if one of them ends.
        """
        path = scope["path"]
        if path not in self._files:
            self._files[path] = asyncio.create_task(self._compressed(scope))
        loading = self._files[path]
        try:
            file = await asyncio.shield(loading)
        except Exception:
            self._forget(path, loading)
            raise
        if file is None:  # else any number of unknown paths would be kept
            self._forget(path, loading)
        return file

    def _forget(self, path: str, loading: asyncio.Task[_File | None]) -> None:
        if self._files.get(path) is loading:
            del self._files[path]

    async def _compressed(self, scope: Scope) -> _File | None:
        """Read a file from the application, and compress it in a thread."""
        start: Message = {}
        body = bytearray()

        async def receive() -> Message:
            return await asyncio.Future[Message]()  # the application cancels this wait

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._app({**scope, "headers": []}, receive, send)
        headers = Headers(raw=start["headers"])
        media_type = headers.get("content-type", "").partition(";")[0]
        if start["status"] != _OK or media_type not in _TYPES:
            return None
        compressed = await asyncio.to_thread(gzip.compress, bytes(body), _LEVEL, mtime=0)
        kept = {name: headers[name] for name in _KEPT if name in headers}
        etag = {"etag": f"W/{headers['etag']}"} if "etag" in headers else {}
        more = {"content-encoding": "gzip", "vary": "Accept-Encoding"}
        return _File(kept | etag | more, compressed)
