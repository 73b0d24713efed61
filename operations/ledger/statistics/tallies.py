"""Tallies: how many runs and attempts started and ended, and how long they took."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, DateTime, Select, func, select, type_coerce

from operations.ledger.micros import micros_of, time_of
from operations.ledger.statistics.histogram import Histogram
from operations.ledger.statistics.latest_rows import LatestRows
from operations.ledger.tables import attempts, runs
from operations.model import Status
from operations.records import Period
from operations.timeline import Ending

_ANY_STATUS = runs.c.status.in_([each.value for each in Status])  # so that an index is used
_COUNTED = [each.value for each in (Ending.COMPLETED, Ending.FAILED, Ending.END_UNKNOWN)]
_TIMED = {Status.COMPLETED.value, Status.FAILED.value}


class Kind(StrEnum):
    """What a tally counts."""

    RUNS = "runs"
    """The runs of a workflow."""
    ATTEMPTS = "attempts"
    """The attempts of an activity."""


@dataclass
class Tally:
    """How many runs or attempts started in a period, how many ended in it, and how.

    `other` are runs that neither completed nor failed, or attempts whose end is unknown. The
    durations are those of the completed and the failed ones. The first turn of a run, or the start
    of an attempt, may be unknown: then only `duration` has it. Attempts have no `started`.
    """

    started: int = 0
    completed: int = 0
    failed: int = 0
    other: int = 0
    duration: Histogram = field(default_factory=Histogram)
    queue_time: Histogram = field(default_factory=Histogram)
    execution_time: Histogram = field(default_factory=Histogram)

    @property
    def ended(self) -> int:
        """The number of all ends."""
        return self.completed + self.failed + self.other

    def merge(self, other: "Tally") -> None:
        """Add the numbers and the durations of another tally."""
        self.started += other.started
        self.completed += other.completed
        self.failed += other.failed
        self.other += other.other
        self.duration.merge(other.duration)
        self.queue_time.merge(other.queue_time)
        self.execution_time.merge(other.execution_time)

    def add_end(self, duration: int, queue_time: int, execution_time: int) -> None:
        """Add durations in microseconds; unknown ones are negative."""
        if duration < 0:
            return
        self.duration.add(duration)
        if queue_time >= 0 and execution_time >= 0:
            self.queue_time.add(queue_time)
            self.execution_time.add(execution_time)


TallyKey = tuple[str, str]
"""An application, and the name of a workflow or an activity."""
Tallies = dict[TallyKey, Tally]


@dataclass(frozen=True)
class RowLimits:
    """The most rows that are read, in batches, and for how many seconds."""

    rows: int
    seconds: float
    batch: int


Steps = dict[datetime, Tallies]
"""Tallies by the start of each step of a period."""
StepOf = Callable[[datetime], datetime]
"""Returns the start of the step in which a time lies."""


def read_tallies(
    connection: Connection,
    kind: Kind,
    within: Period,
    limits: RowLimits,
    step_of: StepOf | None = None,
) -> tuple[Steps, datetime | None]:
    """Read the tallies of the runs or attempts that started or ended in a period.

    Without `step_of` there is one step, from the start of the period. If there are too many rows,
    the latest are read; the second value is the time from which on everything was read, else None.
    """
    steps: Steps = defaultdict(lambda: defaultdict(Tally))
    read = _read_runs if kind is Kind.RUNS else _read_attempts
    cut = read(connection, within, limits, _step_in(steps, within, step_of))
    if kind is Kind.RUNS:
        _read_created(connection, Period(cut or within.since, within.until), steps, step_of)
    return steps, cut


def _step_in(steps: Steps, within: Period, step_of: StepOf | None) -> Callable[[datetime], Tallies]:
    """Return a function that returns the tallies of the step in which a time lies."""
    if step_of is None:
        only = steps[within.since]
        return lambda _: only
    return lambda at: steps[step_of(at)]


def _read_created(
    connection: Connection, within: Period, steps: Steps, step_of: StepOf | None
) -> None:
    """Count the runs that were created in a period."""
    columns = runs.c
    in_period = (columns.created_at >= within.since, columns.created_at < within.until)
    query = select(columns.app_id, columns.workflow).where(_ANY_STATUS, *in_period)
    if step_of is None:
        counts = query.add_columns(func.count()).group_by(columns.app_id, columns.workflow)
        for *key, number in connection.execute(counts):
            steps[within.since][tuple(key)].started += number
        return
    for *key, at in connection.execute(query.add_columns(columns.created_at)):
        steps[step_of(at)][tuple(key)].started += 1


def _read_runs(
    connection: Connection, within: Period, limits: RowLimits, step: Callable[[datetime], Tallies]
) -> datetime | None:
    """Add the runs that ended in a period; return the end of the first that was not read."""
    columns = runs.c
    query = (
        select(
            *(columns.ended_micros, columns.app_id, columns.workflow, columns.status),
            *(columns.duration_micros, columns.queue_micros, columns.execution_micros),
        )
        .where(columns.ended_micros >= max(0, micros_of(within.since)))
        .where(columns.ended_micros < micros_of(within.until))
        .order_by(columns.ended_micros.desc(), columns.run_id.desc())
    )
    latest = LatestRows(connection, query, limits.rows, limits.seconds, limits.batch)
    for ended, app_id, workflow, status, *durations in latest:
        tally = step(time_of(ended))[app_id, workflow]
        tally.completed += status == Status.COMPLETED
        tally.failed += status == Status.FAILED
        if status in _TIMED:
            tally.add_end(*durations)
        else:
            tally.other += 1
    return time_of(latest.cut.ended_micros) if latest.cut else None


def _read_attempts(
    connection: Connection, within: Period, limits: RowLimits, step: Callable[[datetime], Tallies]
) -> datetime | None:
    """Add the attempts that ended in a period; return the end of the first that was not read."""
    query = _ended_attempts(within)
    latest = LatestRows(connection, query, limits.rows, limits.seconds, limits.batch)
    for app_id, name, ending, scheduled_at, started_at, ended_at in latest:
        tally = step(_aware(ended_at))[app_id, name]
        if ending == Ending.END_UNKNOWN:
            tally.other += 1
            continue
        tally.completed += ending == Ending.COMPLETED
        tally.failed += ending == Ending.FAILED
        tally.add_end(*_durations(scheduled_at, started_at, ended_at))
    return _aware(latest.cut.ended_at) if latest.cut else None


def _ended_attempts(within: Period) -> Select[Any]:
    columns = attempts.c
    # Without `UtcDateTime`: to convert so many times is slow, and only their differences count.
    times = (
        type_coerce(columns[name], DateTime).label(name)
        for name in ("scheduled_at", "started_at", "ended_at")
    )
    return (
        select(runs.c.app_id, columns.name, columns.ending, *times)
        .join(runs, runs.c.run_id == columns.run_id)
        .where(columns.ended_at >= within.since, columns.ended_at < within.until)
        .where(columns.ended_at > columns.scheduled_at)  # not copied by a rerun
        .where(columns.ending.in_(_COUNTED))
        .order_by(columns.ended_at.desc())
    )


def _durations(
    scheduled_at: datetime, started_at: datetime | None, ended_at: datetime
) -> tuple[int, int, int]:
    """Return duration, queue time and execution time in microseconds, -1 if unknown."""
    duration = _micros(scheduled_at, ended_at)
    if started_at is None:
        return duration, -1, -1
    queue_time = max(0, min(_micros(scheduled_at, started_at), duration))  # the clocks may differ
    return duration, queue_time, duration - queue_time


def _micros(start: datetime, end: datetime) -> int:
    passed = end - start
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def _aware(time: datetime) -> datetime:
    """Return a time of the database as aware UTC."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
