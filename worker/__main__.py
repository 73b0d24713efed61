"""`python -m worker` hosts the order workflow and serves its REST API."""

import logging
import os
from contextlib import suppress

import structlog
import uvicorn

from api.services import Services
from operations.errors import InvalidInput, stay_stopped
from operations.gateway import open_gateway
from operations.health.state_store import StateStoreFile
from operations.ledger import open_ledger
from operations.logs import configure_logs
from operations.private_files import keep_private
from operations.settings import OperationsSettings
from operations.web.access import AccessRules
from operations.web.server import create_server
from worker.activities import OrderActivities
from worker.app import create_order_app
from worker.demo.activities import DemoActivities
from worker.demo.workflows import WORKFLOWS
from worker.runtime import NOTHING_ELSE, Hosted, OrderRuntime, loop_is_alive
from worker.settings import WorkerSettings

STOPPED = "Stopped; nothing is lost."
_SDK_LOGGERS = ("durabletask-worker", "WorkflowRuntime")

log = structlog.get_logger(__name__)


def build(operations: OperationsSettings, settings: WorkerSettings) -> uvicorn.Server:
    """Build the process from its settings; the ledger is opened when the server starts.

    Raises `InvalidInput`.
    """
    gateway = open_gateway(operations)
    services = Services(
        gateway,
        lambda: open_ledger(operations.ledger, gateway.app_id),
        StateStoreFile(operations.state_store),
    )
    activities = OrderActivities(settings)
    others = demo_workflows() if settings.demo else NOTHING_ELSE
    runtime = OrderRuntime(operations.endpoint, activities, others, api_token=operations.api_token)

    def start() -> None:
        runtime.start()
        services.start_opening()

    def stop() -> None:
        runtime.stop()
        gateway.close()
        services.discard_ledger()

    access = AccessRules.of(settings, settings.api_host)
    app = create_order_app(services, lambda: runtime.state, start=start, stop=stop, access=access)
    return create_server(app, settings.api_host, settings.port)


def demo_workflows() -> Hosted:
    """Return what the demo adds; one process hosts it all: Dapr gives any work to any worker."""
    return Hosted(WORKFLOWS, DemoActivities().all)


def hush_sdk(server: uvicorn.Server) -> None:
    """Hide what the SDK logs while the server ends.

    Under `dapr run`, Ctrl-C also ends the sidecar, and the SDK would log the lost connection as an
    error of gRPC.
    """
    for name in _SDK_LOGGERS:
        logging.getLogger(name).addFilter(lambda _: not server.should_exit)


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    try:
        operations, settings = OperationsSettings.load(), WorkerSettings.load()
        configure_logs(operations)
        keep_private(operations.data)
        server = build(operations, settings)
    except InvalidInput as error:
        stay_stopped(error)
    hush_sdk(server)
    with suppress(KeyboardInterrupt):  # uvicorn raises it after an orderly shutdown
        server.run()
    log.info(STOPPED)
    if loop_is_alive():  # the SDK's loop waits for a hung sidecar, and keeps this process alive
        logging.shutdown()
        os._exit(0)


if __name__ == "__main__":
    main()
