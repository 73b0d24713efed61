"""Reads the whole history of an instance, from the engine or from the archive."""

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
    """The events of the latest run of an id, in the order of processing."""

    instance_id: str
    source: Source
    events: tuple[HistoryEvent, ...]


def read_history(gateway: Gateway, get_ledger: Callable[[], Ledger], instance_id: str) -> History:
    """Return the history from the engine, or from the ledger's archive if the engine has none.

    `get_ledger` is called only if the archive is needed, so that an outage of the ledger does not
    hide a history that the engine has. Raise `UnknownInstance` (also for an instance that was
    purged before it was archived), `LedgerUnavailable`, `DaprRefused`, and `DaprUnavailable` if
    the archive does not have the history either.
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
