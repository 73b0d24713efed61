"""How runs and attempts ended, and how long they took.

Percentiles are computed here and not in SQL, where each percentile would sort the rows once more.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Select, select, type_coerce

from operations.ledger.ledger_limits import StatisticsLimits
from operations.ledger.micros import micros_of, time_of
from operations.ledger.statistics.latest_rows import LatestRows
from operations.ledger.statistics.results import (
    ActivityStatistics,
    DurationDistribution,
    PeriodStatistics,
    WorkflowStatistics,
)
from operations.ledger.tables import attempts, runs
from operations.model import Status
from operations.records import Period
from operations.timeline import Ending

_COUNTED = [each.value for each in (Ending.COMPLETED, Ending.FAILED, Ending.END_UNKNOWN)]
_SECOND = 10**6  # microseconds


@dataclass
class _Found:
    """The durations of one workflow or activity in seconds, and the number of its failures."""

    count: int = 0
    failures: int = 0
    end_unknown: int = 0
    duration: list[float] = field(default_factory=list)
    queue_time: list[float] = field(default_factory=list)
    execution_time: list[float] = field(default_factory=list)

    def add(self, duration: int, queue_time: int, execution_time: int) -> None:
        """Add the durations of a run, in microseconds; `UNKNOWN` ones are left out."""
        if duration >= 0:
            self.duration.append(duration / _SECOND)
        if duration >= 0 and queue_time >= 0 and execution_time >= 0:
            self.queue_time.append(queue_time / _SECOND)
            self.execution_time.append(execution_time / _SECOND)


def read_workflows(
    connection: Connection, within: Period, limits: StatisticsLimits
) -> PeriodStatistics[WorkflowStatistics]:
    """Read the statistics of the latest runs that ended in a period, by workflow."""
    columns = runs.c
    query = (
        select(
            *(columns.ended_micros, columns.workflow, columns.status),
            *(columns.duration_micros, columns.queue_micros, columns.execution_micros),
        )
        .where(columns.ended_micros >= max(0, micros_of(within.since)))
        .where(columns.ended_micros < micros_of(within.until))
        .order_by(columns.ended_micros.desc(), columns.run_id.desc())
    )
    found: dict[str, _Found] = defaultdict(_Found)
    latest = LatestRows(connection, query, limits.durations, limits.reading_seconds, limits.batch)
    for _, workflow, status, *durations in latest:
        of = found[workflow]
        of.count += 1
        of.failures += status == Status.FAILED
        if status in {Status.COMPLETED, Status.FAILED}:
            of.add(*durations)
    since = time_of(latest.cut.ended_micros) if latest.cut else within.since
    statistics = tuple(_workflow(name, of) for name, of in sorted(found.items()))
    return PeriodStatistics(Period(since, within.until), statistics)


def read_activities(
    connection: Connection, within: Period, limits: StatisticsLimits
) -> PeriodStatistics[ActivityStatistics]:
    """Read the statistics of the latest attempts that ended in a period, by activity."""
    found: dict[str, _Found] = defaultdict(_Found)
    failed, end_unknown = Ending.FAILED.value, Ending.END_UNKNOWN.value
    query = _ended_attempts(within)
    latest = LatestRows(connection, query, limits.durations, limits.reading_seconds, limits.batch)
    for name, ending, scheduled_at, started_at, ended_at in latest:
        of, duration = found[name], (ended_at - scheduled_at).total_seconds()
        if ending == end_unknown:
            of.end_unknown += 1
            continue
        of.duration.append(duration)
        if ending == failed:
            of.failures += 1
        if started_at is not None:
            queue_time = (started_at - scheduled_at).total_seconds()
            if not 0 <= queue_time <= duration:  # the clocks differ
                queue_time = 0 if queue_time < 0 else duration
            of.queue_time.append(queue_time)
            of.execution_time.append(duration - queue_time)
    since = _aware(latest.cut[-1]) if latest.cut else within.since
    statistics = tuple(_activity(name, of) for name, of in sorted(found.items()))
    return PeriodStatistics(Period(since, within.until), statistics)


def _aware(time: datetime) -> datetime:
    """Return a time of the database as aware UTC."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _ended_attempts(within: Period) -> Select[Any]:
    columns = attempts.c
    times = (columns.scheduled_at, columns.started_at, columns.ended_at)
    # Without `UtcDateTime`: to convert so many times is slow, and only their differences count.
    raw_times = (type_coerce(each, DateTime) for each in times)
    return (
        select(columns.name, columns.ending, *raw_times)
        .where(columns.ended_at >= within.since, columns.ended_at < within.until)
        .where(columns.ended_at > columns.scheduled_at)
        .where(columns.ending.in_(_COUNTED))
        .order_by(columns.ended_at.desc())
    )


def _workflow(name: str, of: _Found) -> WorkflowStatistics:
    return WorkflowStatistics(
        workflow=name,
        count=of.count,
        failures=of.failures,
        duration=distribution(of.duration),
        unknown=len(of.duration) - len(of.queue_time),
        queue_time=distribution(of.queue_time),
        execution_time=distribution(of.execution_time),
    )


def _activity(name: str, of: _Found) -> ActivityStatistics:
    return ActivityStatistics(
        activity=name,
        count=len(of.duration),
        failures=of.failures,
        unknown=len(of.duration) - len(of.queue_time),
        queue_time=distribution(of.queue_time),
        execution_time=distribution(of.execution_time),
        duration=distribution(of.duration),
        end_unknown=of.end_unknown,
    )


def distribution(seconds: list[float]) -> DurationDistribution | None:
    """Return the percentiles of durations, None if there are none; sorts the list in place."""
    seconds.sort()
    if not seconds:
        return None
    p50, p95, p99 = (_rank(seconds, share) for share in (0.5, 0.95, 0.99))
    return DurationDistribution(len(seconds), p50, p95, p99, seconds[-1])


def _rank(ordered: list[float], share: float) -> float:
    """Return the nearest-rank percentile: the smallest value that `share` of all do not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1]
