"""`python -m dashboard` serves the pages."""

import sys
from contextlib import suppress

import uvicorn

from dashboard.server import create_app
from dashboard.services import state_watcher
from dashboard.settings import DashboardSettings
from operations.errors import InvalidInput
from operations.logs import configure_logs
from operations.settings import OperationsSettings


def main() -> None:
    """Serve the pages until SIGINT or SIGTERM."""
    try:
        operations, settings = OperationsSettings.load(), DashboardSettings.load()
    except InvalidInput as error:
        sys.exit(str(error))
    configure_logs(operations)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(lambda: state_watcher().state().version),
            host=settings.page_host,
            port=settings.page_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )
    with suppress(KeyboardInterrupt):
        server.run()


if __name__ == "__main__":
    main()
