"""The dashboard's web server: Streamlit's pages, and beside them what their parts need."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import plotly
import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route

from dashboard.bell import Bell

PLOTLY_PATH = "/flowdeck/plotly.min.js"
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_SCRIPT = Path(__file__).parent / "app.py"
_SEEN_LATER = (
    "dashboard.audit_table",
    "dashboard.history",
    "dashboard.launchers",
    "operations.ledger.migrations",
    "pyarrow",
    "streamlit.components.v2",
)


def create_app(look: Callable[[], str]) -> st.App:
    """Return the ASGI application; `look` gives the version of what there is to see."""
    return st.App(
        _SCRIPT,
        routes=[Route(PLOTLY_PATH, _plotly), Route("/health", _health), Bell(look).route],
        lifespan=_lifespan,
    )


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[None]:
    # Streamlit collects garbage after every rerun: 90 ms, were the modules not left out of it. So
    # that they are, those which pages bring in only when they are first seen are here already.
    for module in _SEEN_LATER:
        import_module(module)
    gc.collect()
    gc.freeze()
    yield


async def _plotly(_request: Request) -> FileResponse:
    return FileResponse(_PLOTLY, headers={"Cache-Control": "max-age=86400"})


async def _health(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")
