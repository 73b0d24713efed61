"""The names of workflows that fields offer."""

from dashboard.services import services, state_reader
from operations.errors import DaprRefused, QueryTimeout, Unavailable


def workflow_names() -> tuple[str, ...] | None:
    """Return the names of the workflows that the ledger knows, None if it cannot be read."""
    try:
        return state_reader().query(("workflow names",), _read)
    except (Unavailable, QueryTimeout, DaprRefused):
        return None


def _read() -> tuple[str, ...]:
    return services().ledger.search.workflow_names()
