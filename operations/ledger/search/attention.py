"""Which runs need a person and why, and which are unfinished."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from operations.ledger.tables import runs
from operations.model import Status
from operations.records import Attention
from operations.timeline import SpanKind

OVERDUE_AFTER = timedelta(minutes=1)
"""How late something due may be before the run is overdue."""
STUCK_AFTER = timedelta(minutes=10)
"""How long an attempt of an activity may take."""

UNFINISHED = (Status.RUNNING, Status.SUSPENDED, Status.PENDING, Status.STALLED)
"""The statuses of runs that have not ended."""

_COLUMNS = runs.c


@dataclass(frozen=True)
class AttentionCount:
    """How many runs need a person for one reason, and since when the first of them does."""

    attention: Attention
    count: int
    since: datetime


@dataclass(frozen=True)
class UnfinishedRuns:
    """How many runs of a workflow have not ended, and when the oldest of them was created."""

    workflow: str
    count: int
    oldest: datetime


def needs_attention(attention: Attention, status: Status | None = None) -> ColumnElement[bool]:
    """Return the condition that a run needs a person for this reason now.

    With a status the condition is simpler, so an index of runs with this status is enough.
    """
    found = [
        condition
        for of_status, condition, _ in _conditions(attention)
        if status in {None, of_status}
    ]
    return or_(false(), *found)


def read_attention(connection: Connection) -> tuple[AttentionCount, ...]:
    """Count the runs that need a person by reason, the most urgent first, without zeros."""
    found = []
    for attention in Attention:
        rows = [
            connection.execute(select(func.count(), func.min(since)).where(condition)).one()
            for _, condition, since in _conditions(attention)
        ]
        if count := sum(number for number, _ in rows):
            since = min(first for number, first in rows if number)
            found.append(AttentionCount(attention, count, since))
    return tuple(found)


def read_unfinished(connection: Connection) -> tuple[UnfinishedRuns, ...]:
    """Count the unfinished runs of each workflow; a pending run may have no workflow yet."""
    counts, oldest = Counter[str](), dict[str, datetime]()
    for status in UNFINISHED:
        of_status = _COLUMNS.status == status.value
        found = (
            select(_COLUMNS.workflow, func.count().label("number"))
            .where(of_status)
            .group_by(_COLUMNS.workflow)
            .subquery()
        )
        first_created = (  # one step in an index for each workflow: no row of `runs` is read
            select(func.min(_COLUMNS.created_at))
            .where(_COLUMNS.workflow == found.c.workflow, of_status)
            .scalar_subquery()
        )
        query = select(found.c.workflow, found.c.number, first_created)
        for workflow, count, first in connection.execute(query):
            counts[workflow] += count
            oldest[workflow] = min(first, oldest.get(workflow, first))
    return tuple(UnfinishedRuns(name, counts[name], oldest[name]) for name in sorted(counts))


def _conditions(
    attention: Attention,
) -> list[tuple[Status, ColumnElement[bool], ColumnElement[datetime]]]:
    """Return alternatives, each with its status, its condition and the column with its start."""
    now, created = datetime.now(UTC), _COLUMNS.created_at
    running = _COLUMNS.status == Status.RUNNING.value
    if attention is Attention.OVERDUE:
        late = now - OVERDUE_AFTER
        due, start = _COLUMNS.waits_until, func.coalesce(_COLUMNS.scheduled_for, created)
        is_late = and_(running, _COLUMNS.waits_kind.is_not(None), due < late)
        is_pending = _COLUMNS.status == Status.PENDING.value
        return [
            (Status.RUNNING, is_late, due),
            (Status.PENDING, and_(is_pending, start < late), start),
        ]
    if attention is Attention.STUCK:
        since = _COLUMNS.waits_since
        is_activity = _COLUMNS.waits_kind == SpanKind.ACTIVITY.value
        stuck = and_(running, is_activity, since < now - STUCK_AFTER)
        return [(Status.RUNNING, stuck, since)]
    if attention is Attention.EVENT:
        is_event = _COLUMNS.waits_kind == SpanKind.WAIT.value
        return [(Status.RUNNING, and_(running, is_event), _COLUMNS.waits_since)]
    stalled = _COLUMNS.status == Status.STALLED.value
    return [(Status.STALLED, stalled, func.coalesce(_COLUMNS.last_updated_at, created))]
