"""The server of a process that serves one ASGI application."""

import uvicorn
from starlette.types import ASGIApp

EXIT_TIMEOUT = 2  # seconds that open requests have to end


def create_server(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """Return a server that listens at an address once it runs; the process configures the log."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=EXIT_TIMEOUT,
        )
    )
