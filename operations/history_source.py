"""The whole history of an instance, wherever it is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from operations.errors import DaprUnavailable, UnknownInstance
from operations.gateway import Gateway
from operations.history import HistoryEvent
from operations.ledger import Ledger


class Source(StrEnum):
    """Where a history comes from."""

    ENGINE = "engine"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class History:
    """The events of the latest life of an id, in the order of processing."""

    instance_id: str
    source: Source
    events: tuple[HistoryEvent, ...]


def read_history(gateway: Gateway, get_ledger: Callable[[], Ledger], instance_id: str) -> History:
    """Return the history from the engine, or else from the ledger's archive.

    `get_ledger` is called only if the archive is needed, so that an outage of the ledger does not
    hide what the engine has.

    Raises `UnknownInstance`, also for one that was gone before it could be archived,
    `LedgerUnavailable`, `DaprRefused`, and `DaprUnavailable` if the ledger cannot help.
    """
    try:
        return History(instance_id, Source.ENGINE, gateway.history(instance_id))
    except (UnknownInstance, DaprUnavailable):
        archived = _archived(get_ledger(), instance_id)
        if archived is None:
            raise
        return archived


def _archived(ledger: Ledger, instance_id: str) -> History | None:
    summary = ledger.runs.latest(instance_id)
    details = ledger.runs.details(summary.run_id) if summary else None
    if details is None or details.history is None:
        return None
    return History(instance_id, Source.ARCHIVE, details.history)
