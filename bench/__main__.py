"""`python -m bench`: what the README's figures say.

`orders` and `pages` are measured on the system that is running; `ledger`, `load` and `asking` make
what they need. Named none, all are measured: `python -m bench load` is one alone.
"""

import sys
from collections.abc import Callable
from contextlib import closing

from bench import asking, load, orders, pages
from bench import ledger as ledgers
from dashboard.settings import DashboardSettings
from engine.settings import EngineSettings
from operations.actions import Actions
from operations.errors import Unavailable
from operations.gateway import DaprGateway
from operations.ledger import open_ledger
from operations.logs import configure_logs
from operations.settings import OperationsSettings


def main() -> None:
    """Measure what is named on the command line, or all there is."""
    settings = OperationsSettings.load()
    configure_logs(settings.model_copy(update={"log_level": "warning"}))
    wanted = sys.argv[1:] or list(_MEASURES)
    for name in wanted:
        if name not in _MEASURES:
            sys.exit(f"Found {name!r}, expected some of {', '.join(_MEASURES)}, or nothing.")
    for name in wanted:
        _MEASURES[name]()


def _running(measure: Callable[[DaprGateway, Actions], None]) -> Callable[[], None]:
    """Return what measures on the system that is running."""

    def measured() -> None:
        engine, settings = EngineSettings.load(), OperationsSettings.load()
        endpoint = f"127.0.0.1:{engine.ports['dapr gRPC']}"
        try:
            with (
                closing(DaprGateway(endpoint, api_token=settings.api_token)) as gateway,
                closing(open_ledger(settings.ledger)) as ledger,
            ):
                measure(gateway, Actions(gateway, ledger))
        except Unavailable as error:
            sys.exit(f"{error} Start the system first: make run")

    return measured


_MEASURES: dict[str, Callable[[], None]] = {
    "orders": _running(orders.measure),
    "pages": _running(lambda _, actions: pages.measure(DashboardSettings.load(), actions)),
    "ledger": ledgers.measure,
    "load": load.measure,
    "asking": asking.measure,
}


if __name__ == "__main__":
    main()
