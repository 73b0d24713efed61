"""`python -m worker` hosts the order workflow and serves its REST API."""

import logging
import os
import sys
from contextlib import suppress

import uvicorn

from operations.errors import InvalidInput, LedgerUnavailable
from operations.gateway import DaprGateway
from operations.ledger import open_ledger
from operations.logs import configure_logs
from operations.settings import OperationsSettings
from worker.activities import OrderActivities
from worker.api import Parts, create_api
from worker.runtime import OrderRuntime, loop_is_alive
from worker.settings import WorkerSettings


def build(operations: OperationsSettings, settings: WorkerSettings) -> uvicorn.Server:
    """Build the whole process from its settings; raises `LedgerUnavailable` and `InvalidInput`."""
    gateway = DaprGateway(operations.endpoint, api_token=operations.api_token)
    ledger = open_ledger(operations.ledger, gateway.app_id)
    activities = OrderActivities(settings)
    runtime = OrderRuntime(operations.endpoint, activities, api_token=operations.api_token)

    def stop() -> None:
        runtime.stop()
        gateway.close()
        ledger.close()

    parts = Parts(
        gateway=gateway,
        ledger=ledger,
        runtime_state=lambda: runtime.state,
        start=runtime.start,
        stop=stop,
    )
    return uvicorn.Server(
        uvicorn.Config(
            create_api(parts),
            host=settings.api_host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    try:
        operations, settings = OperationsSettings.load(), WorkerSettings.load()
        configure_logs(operations)
        server = build(operations, settings)
    except (InvalidInput, LedgerUnavailable) as error:
        sys.exit(str(error))
    with suppress(KeyboardInterrupt):  # uvicorn has ended in good order before it raises this
        server.run()
    if loop_is_alive():  # it waits for a sidecar that hangs, and this process would wait for it
        logging.shutdown()
        os._exit(0)


if __name__ == "__main__":
    main()
