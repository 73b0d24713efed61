"""`python -m dashboard` serves the pages."""

from contextlib import suppress

import structlog

from dashboard.server import create_app
from dashboard.services import services, state_reader
from dashboard.settings import DashboardSettings
from operations.errors import InvalidInput, LedgerUnavailable, SchemaMismatch, stay_stopped
from operations.logs import configure_logs
from operations.private_files import keep_private
from operations.settings import OperationsSettings
from operations.web.access import AccessRules
from operations.web.server import create_server

log = structlog.get_logger(__name__)


def main() -> None:
    """Serve the pages until SIGINT or SIGTERM; a ledger that is away is opened later."""
    try:
        operations, settings = OperationsSettings.load(), DashboardSettings.load()
        configure_logs(operations)
        keep_private(operations.data)
        services()
    except (InvalidInput, SchemaMismatch) as error:
        stay_stopped(error)
    except LedgerUnavailable as error:
        log.warning("the ledger is away", reason=str(error))
    access = AccessRules.of(settings, settings.page_host)
    app = create_app(lambda: state_reader().state().version, access)
    server = create_server(app, settings.page_host, settings.page_port)
    with suppress(KeyboardInterrupt):
        server.run()


if __name__ == "__main__":
    main()
