"""How long lives and attempts took.

Percentiles are made here and not in SQL: there each would sort all that is read once more.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Select, select, type_coerce

from operations.ledger.limits import StatisticsLimits
from operations.ledger.micros import micros_of, time_of
from operations.ledger.statistics.latest_rows import Latest
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

_COUNTED = [each.value for each in (Ending.COMPLETED, Ending.FAILED, Ending.UNSEEN)]
_SECOND = 10**6  # microseconds


@dataclass
class _Found:
    """What was found of one workflow or activity; durations in seconds."""

    count: int = 0
    failures: int = 0
    unseen: int = 0
    took: list[float] = field(default_factory=list)
    queue: list[float] = field(default_factory=list)
    run: list[float] = field(default_factory=list)

    def lasted(self, took: int, queue: int, run: int) -> None:
        """Note a duration and its parts, in microseconds, below 0 for what nobody knows."""
        if took >= 0:
            self.took.append(took / _SECOND)
        if took >= 0 and queue >= 0 and run >= 0:
            self.queue.append(queue / _SECOND)
            self.run.append(run / _SECOND)


def read_workflows(
    connection: Connection, within: Period, limits: StatisticsLimits
) -> PeriodStatistics[WorkflowStatistics]:
    """Read how the lives of each workflow did that ended last in a period."""
    columns = runs.c
    query = (
        select(
            *(columns.ended_micros, columns.workflow, columns.status),
            *(columns.took_micros, columns.queue_micros, columns.run_micros),
        )
        .where(columns.ended_micros >= max(0, micros_of(within.since)))
        .where(columns.ended_micros < micros_of(within.until))
        .order_by(columns.ended_micros.desc(), columns.run_id.desc())
    )
    found: dict[str, _Found] = defaultdict(_Found)
    latest = Latest(connection, query, limits.durations, limits.reading_seconds)
    for _, workflow, status, *lasted in latest:
        of = found[workflow]
        of.count += 1
        of.failures += status == Status.FAILED
        if status in {Status.COMPLETED, Status.FAILED}:
            of.lasted(*lasted)
    since = time_of(latest.cut.ended_micros) if latest.cut else within.since
    told = tuple(_workflow(name, of) for name, of in sorted(found.items()))
    return PeriodStatistics(Period(since, within.until), told)


def read_activities(
    connection: Connection, within: Period, limits: StatisticsLimits
) -> PeriodStatistics[ActivityStatistics]:
    """Read how the attempts of each activity did that ended last in a period."""
    found: dict[str, _Found] = defaultdict(_Found)
    failed, unseen = Ending.FAILED.value, Ending.UNSEEN.value
    latest = Latest(connection, _ended_attempts(within), limits.durations, limits.reading_seconds)
    for name, ending, started, began, ended in latest:
        of, took = found[name], (ended - started).total_seconds()
        if ending == unseen:
            of.unseen += 1
            continue
        of.took.append(took)
        if ending == failed:
            of.failures += 1
        if began is not None:
            queue = (began - started).total_seconds()
            if not 0 <= queue <= took:  # clocks may differ
                queue = 0 if queue < 0 else took
            of.queue.append(queue)
            of.run.append(took - queue)
    since = _aware(latest.cut[-1]) if latest.cut else within.since
    told = tuple(_activity(name, of) for name, of in sorted(found.items()))
    return PeriodStatistics(Period(since, within.until), told)


def _aware(time: datetime) -> datetime:
    """Return a time as the database has it in UTC."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _ended_attempts(within: Period) -> Select[Any]:
    columns = attempts.c
    moments = (columns.scheduled_at, columns.started_at, columns.ended_at)
    # Times as the database has them: they are many, and are compared with each other alone.
    started, began, ended = (type_coerce(each, DateTime) for each in moments)
    return (
        select(columns.name, columns.ending, started, began, ended)
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
        took=spread(of.took),
        unknown=len(of.took) - len(of.queue),
        queue=spread(of.queue),
        run=spread(of.run),
    )


def _activity(name: str, of: _Found) -> ActivityStatistics:
    return ActivityStatistics(
        activity=name,
        count=len(of.took),
        failures=of.failures,
        unknown=len(of.took) - len(of.queue),
        queue=spread(of.queue),
        run=spread(of.run),
        took=spread(of.took),
        unseen=of.unseen,
    )


def spread(seconds: list[float]) -> DurationDistribution | None:
    """Return how durations are spread, None if there are none; they are in order afterwards."""
    seconds.sort()
    if not seconds:
        return None
    median, p95, p99 = (_rank(seconds, share) for share in (0.5, 0.95, 0.99))
    return DurationDistribution(len(seconds), median, p95, p99, seconds[-1])


def _rank(ordered: list[float], share: float) -> float:
    """Return the smallest value that at least this share of all does not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1]
