"""The web server of the dashboard: Streamlit's pages, live updates, exports, Plotly's script."""

import base64
import gc
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import plotly
import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.config import get_config_options, set_option

from dashboard.exports import export_routes
from dashboard.index_page import INLINE_SCRIPTS, IndexPage
from dashboard.live.updates import LiveUpdates
from dashboard.static_files import PLOTLY_PATH, CompressedFiles
from operations.web.access import AccessRules
from operations.web.guard import Guard, Policies

PROBES = frozenset({"/health", "/_stcore/health"})
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_SCRIPT = Path(__file__).parent / "app.py"
_IMPORTED_LATER = (
    "dashboard.audit.audit_fields",
    "dashboard.audit.audit_table",
    "dashboard.details.history_table",
    "dashboard.orders.order_form",
    "operations.ledger.migrations",
    "pyarrow",
    "streamlit.components.v2",
)


def create_app(read_version: Callable[[], str], access: AccessRules | None = None) -> Guard:
    """Return the ASGI application; `read_version` returns the version of the system's state.

    `access` says which hosts and origins requests may name, by default only this machine's.
    """
    access = access or AccessRules()
    app = st.App(
        _SCRIPT,
        routes=[
            Route(f"/{PLOTLY_PATH}", _plotly),
            Route("/health", _health),
            LiveUpdates(read_version).route,
            *export_routes(),
        ],
        middleware=[
            Middleware(_WithoutUploads),
            Middleware(IndexPage),
            Middleware(CompressedFiles, others=frozenset({f"/{PLOTLY_PATH}"})),
        ],
        lifespan=_lifespan,
    )
    # `st.App` registers the configuration file beside the script. Options that were read earlier,
    # for example by an import or a test, would keep the values from the working directory.
    get_config_options(force_reparse=True)
    if access.public_url:  # Streamlit compares the origin with the host that the proxy sends
        set_option("server.corsAllowedOrigins", [access.public_url])
    return Guard(app, access, Policies(_content_policy()), PROBES)


class _WithoutUploads:
    """Refuses uploads: no page has any, and Streamlit would keep them in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass any other request on."""
        if scope["type"] == "http" and "/_stcore/upload_file" in scope["path"]:
            await PlainTextResponse("uploads are disabled", 405)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[None]:
    # Streamlit collects garbage after every rerun; this takes 90 ms unless the modules are frozen.
    # Modules that pages import later are imported first, so that they are frozen too.
    for module in _IMPORTED_LATER:
        import_module(module)
    gc.collect()
    gc.freeze()
    yield


async def _plotly(_request: Request) -> FileResponse:
    return FileResponse(_PLOTLY, headers={"Cache-Control": "max-age=86400"})


async def _health(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def _content_policy() -> str:
    """Return the policy of all pages.

    Streamlit imports the scripts of components from `blob:` addresses, and sets styles in elements.
    The inline scripts of its page are allowed by their hashes.
    """
    hashes = " ".join(f"'{_hash(script)}'" for script in INLINE_SCRIPTS)
    return (
        "default-src 'self'; "
        f"script-src 'self' blob: {hashes}; "
        "style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; "
        "font-src 'self' data:; "
        "connect-src 'self'; "
        "worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
