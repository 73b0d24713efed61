"""Reads the whole history of an instance from the engine, or from the ledger's archive."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from operations.errors import DaprUnavailable, HistoryLost, UnknownInstance
from operations.gateway import Gateway
from operations.history import HistoryEvent
from operations.ledger import Ledger


class Source(StrEnum):
    """Where a history was read."""

    DAPR = "dapr"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class History:
    """The events of the latest run of an id, in the order of processing."""

    instance_id: str
    source: Source
    events: tuple[HistoryEvent, ...]


def read_history(gateway: Gateway, get_ledger: Callable[[], Ledger], instance_id: str) -> History:
    """Return the history from the engine, else from the ledger's archive.

    `get_ledger` is called only if the archive is needed, so an outage of the ledger does not hide
    the engine's history. Raises `UnknownInstance`, `DaprUnavailable` or `HistoryLost` if the
    engine cannot return the history and the ledger has no archive. Raises `DaprRefused` if the
    engine refuses the read, and `LedgerUnavailable` if the archive cannot be read.
    """
    try:
        return History(instance_id, Source.DAPR, gateway.history(instance_id))
    except (UnknownInstance, DaprUnavailable, HistoryLost):
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
