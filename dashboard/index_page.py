"""The HTML page of the dashboard: Streamlit's, with a script that says where the server is.

Without it, Streamlit's script at an address such as `/new` asks `/new/_stcore/` first, and gets
404 twice before it connects.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FILE = Path(st.__file__).parent / "static" / "index.html"
_SCRIPT = 'window.__streamlit = { BACKEND_BASE_URL: new URL(".", document.baseURI).href };'
_FIRST_SCRIPT = "<script"


def _html() -> str:
    """Return Streamlit's page with our script before all others."""
    html = _FILE.read_text(encoding="utf-8")
    return html.replace(_FIRST_SCRIPT, f"<script>{_SCRIPT}</script>{_FIRST_SCRIPT}", 1)


_HTML: Final = _html()
_ETAG = f'W/"{hashlib.sha256(_HTML.encode()).hexdigest()[:32]}"'
INLINE_SCRIPTS = re.findall(r"<script>(.*?)</script>", _HTML, re.DOTALL)
"""The inline scripts of the page, for the Content-Security-Policy."""


class IndexPage:
    """ASGI middleware that replaces each answer of Streamlit that is its HTML page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and replace the answer if it is the page."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        is_page = False

        async def send_ours(message: Message) -> None:
            nonlocal is_page
            if message["type"] == "http.response.start" and _is_page(message):
                is_page = True
                await _answer(scope)(scope, receive, send)
            elif not is_page:
                await send(message)

        await self._app(scope, receive, send_ours)


def _is_page(start: Message) -> bool:
    content_type = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] == 200 and content_type.startswith("text/html")  # noqa: PLR2004


def _answer(scope: Scope) -> Response:
    headers = {"cache-control": "no-cache", "etag": _ETAG}
    if _ETAG in Headers(scope=scope).get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return HTMLResponse("" if scope["method"] == "HEAD" else _HTML, headers=headers)
