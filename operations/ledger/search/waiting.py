"""The running runs that wait for something, the longest wait first."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select

from operations.ledger.db.batches import in_batches
from operations.ledger.runs.rows import SUMMARY_COLUMNS, summary_in
from operations.ledger.tables import runs, waits
from operations.model import Status
from operations.records import RunSummary
from operations.timeline import EVENT, SpanKind, event_key

_COLUMNS = runs.c


class WaitKind(StrEnum):
    """What runs wait for, by the names that users and clients read."""

    EVENT = "event"
    RETRY = "retry"
    TIMER = "timer"
    CHILD = "child"
    ACTIVITY = "activity"

    @property
    def span_kind(self) -> SpanKind:
        """The kind of span for such a wait."""
        kinds = {WaitKind.EVENT: SpanKind.WAIT, WaitKind.RETRY: SpanKind.BACKOFF}
        return kinds.get(self) or SpanKind(self.value)


@dataclass(frozen=True)
class WaitingRun:
    """A run that waits; `names` are the casefolded names of everything that it waits for."""

    summary: RunSummary
    names: tuple[str, ...]

    @property
    def event(self) -> str | None:
        """The event to raise; None unless the run waits for exactly one event and nothing else."""
        words = self.summary.waits_for or ""
        name = words.removeprefix(EVENT)
        is_one = words.startswith(EVENT) and event_key(name) in self.names
        return name if is_one else None


def count_waiting(connection: Connection) -> dict[SpanKind, int]:
    """Count the running runs by the kind of their wait."""
    query = (
        select(_COLUMNS.waits_kind, func.count())
        .where(_COLUMNS.status == Status.RUNNING.value, _COLUMNS.waits_kind.is_not(None))
        .group_by(_COLUMNS.waits_kind)
    )
    return {SpanKind(kind): count for kind, count in connection.execute(query)}


def read_waiting(connection: Connection, kind: SpanKind, limit: int) -> tuple[WaitingRun, ...]:
    """Return the runs that have waited longest for something of this kind."""
    query = (
        select(*SUMMARY_COLUMNS)
        .where(_COLUMNS.status == Status.RUNNING.value, _COLUMNS.waits_kind == kind.value)
        .order_by(_COLUMNS.waits_since, _COLUMNS.run_id)
        .limit(limit)
    )
    summaries = [summary_in(row) for row in connection.execute(query).mappings()]
    names: dict[int, list[str]] = {each.run_id: [] for each in summaries}
    for run_ids in in_batches(names):
        query = select(waits.c.run_id, waits.c.name).where(waits.c.run_id.in_(run_ids))
        for run_id, name in connection.execute(query):
            names[run_id].append(name)
    return tuple(WaitingRun(each, tuple(sorted(names[each.run_id]))) for each in summaries)
