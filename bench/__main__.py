"""`python -m bench` measures the figures of docs/benchmarks.md, on systems and ledgers of its own.

`python -m bench load` runs only the measurement `load`; without a name, all measurements run.
"""

import sys
from collections.abc import Callable
from contextlib import closing

from bench import large, list_page, load, orders, overview, pages, refresh, starts
from bench import ledger as ledgers
from operations.actions import Actions
from operations.gateway import DaprGateway
from operations.ledger import open_ledger
from operations.logs import configure_logs
from operations.settings import OperationsSettings
from tests.integration.stack import Stack


def main() -> None:
    """Run the measurements that the command line names, or all of them."""
    settings = OperationsSettings.load()
    configure_logs(settings.model_copy(update={"log_level": "warning"}))
    wanted = sys.argv[1:] or list(MEASURES)
    for name in wanted:
        if name not in MEASURES:
            sys.exit(f"Found {name!r}, expected some of {', '.join(MEASURES)}, or nothing.")
    for name in wanted:
        MEASURES[name]()


def _on_a_system(measure: Callable[[Stack, DaprGateway, Actions], None]) -> Callable[[], None]:
    """Return a function that starts a system with the default durations and calls `measure`."""

    def measure_on_a_system() -> None:
        with (
            load.system(traces=True, at_once=False) as stack,
            closing(load.gateway_of(stack)) as gateway,
            closing(open_ledger(load.ledger_url(stack), gateway.app_id)) as ledger,
        ):
            measure(stack, gateway, Actions(gateway, ledger))

    return measure_on_a_system


MEASURES: dict[str, Callable[[], None]] = {
    "orders": _on_a_system(lambda _, gateway, actions: orders.measure(gateway, actions)),
    "pages": _on_a_system(lambda stack, _, actions: pages.measure(stack, actions)),
    "ledger": ledgers.measure,
    "overview": overview.measure,
    "list": list_page.measure,
    "load": load.measure,
    "refresh": refresh.measure,
    "large": large.measure,
    "starts": starts.measure,
}


if __name__ == "__main__":
    main()
