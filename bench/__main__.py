"""`python -m bench`: what the README's figures say, on the system that is running.

`python -m bench ledger` needs none: it fills ledgers of its own.
"""

import sys
from contextlib import closing

from bench import ledger as ledgers
from bench import orders, pages
from dashboard.settings import DashboardSettings
from engine.settings import EngineSettings
from operations.actions import Actions
from operations.errors import Unavailable
from operations.gateway import DaprGateway
from operations.ledger import open_ledger
from operations.logs import configure_logs
from operations.settings import OperationsSettings


def main() -> None:
    """Measure orders, then pages; or ledgers alone."""
    if sys.argv[1:] == ["ledger"]:
        ledgers.measure()
        return
    engine, settings = EngineSettings.load(), OperationsSettings.load()
    configure_logs(settings.model_copy(update={"log_level": "warning"}))
    endpoint = f"127.0.0.1:{engine.ports['dapr gRPC']}"
    try:
        with (
            closing(DaprGateway(endpoint, api_token=settings.api_token)) as gateway,
            closing(open_ledger(settings.ledger)) as ledger,
        ):
            actions = Actions(gateway, ledger)
            orders.measure(gateway, actions)
            pages.measure(DashboardSettings.load(), actions)
    except Unavailable as error:
        sys.exit(f"{error} Start the system first: make run")


if __name__ == "__main__":
    main()
