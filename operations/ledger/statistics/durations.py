"""How runs and attempts ended, and how long they took."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection

from operations.errors import InvalidInput
from operations.ledger.ledger_limits import StatisticsLimits
from operations.ledger.statistics.buckets import MINUTE, start_of
from operations.ledger.statistics.coverage import Covered, read_covered, steps_of
from operations.ledger.statistics.histogram import Histogram
from operations.ledger.statistics.results import (
    ActivityStatistics,
    DurationDistribution,
    PeriodStatistics,
    SeriesStep,
    WorkflowStatistics,
)
from operations.ledger.statistics.tallies import Kind, Tallies, Tally
from operations.records import Period

MOST_STEPS = 1000
"""The most minutes or hours of a series."""


def read_workflows(
    connection: Connection, within: Period, limits: StatisticsLimits
) -> PeriodStatistics[WorkflowStatistics]:
    """Read the statistics of the runs that started or ended in a period, by workflow."""
    covered = read_covered(connection, Kind.RUNS, within, limits)
    workflows = (_workflow(*each) for each in sorted(_by_name(covered).items()))
    return PeriodStatistics(covered.within, tuple(workflows))


def read_activities(
    connection: Connection, within: Period, limits: StatisticsLimits
) -> PeriodStatistics[ActivityStatistics]:
    """Read the statistics of the attempts that ended in a period, by activity."""
    covered = read_covered(connection, Kind.ATTEMPTS, within, limits)
    activities = (_activity(*each) for each in sorted(_by_name(covered).items()))
    return PeriodStatistics(covered.within, tuple(activities))


def read_series(
    connection: Connection, within: Period, step: int, limits: StatisticsLimits
) -> PeriodStatistics[SeriesStep]:
    """Read the minutes or hours of a period; raise `InvalidInput` if there are too many."""
    if (within.until - within.since).total_seconds() > MOST_STEPS * step:
        found, unit = str(within.until - within.since), "minutes" if step == MINUTE else "hours"
        raise InvalidInput("period", found, f"one of {MOST_STEPS} {unit} at most")
    of_runs = read_covered(connection, Kind.RUNS, within, limits, step)
    of_attempts = read_covered(connection, Kind.ATTEMPTS, within, limits, step)
    since = max(of_runs.within.since, of_attempts.within.since)
    covered = Period(since, within.until)
    starts = (start_of(each.since, step) for each in steps_of(covered, step))
    steps = (_step(at, of_runs.steps.get(at, {}), of_attempts.steps.get(at, {})) for at in starts)
    return PeriodStatistics(covered, tuple(steps))


def _by_name(covered: Covered) -> dict[str, Tally]:
    """Return the tallies of all applications together."""
    by_name: dict[str, Tally] = defaultdict(Tally)
    for tallies in covered.steps.values():
        for (_, name), tally in tallies.items():
            by_name[name].merge(tally)
    return by_name


def _workflow(name: str, of: Tally) -> WorkflowStatistics:
    return WorkflowStatistics(
        workflow=name,
        started=of.started,
        count=of.ended,
        failures=of.failed,
        duration=_distribution(of.duration),
        unknown=of.duration.count - of.queue_time.count,
        queue_time=_distribution(of.queue_time),
        execution_time=_distribution(of.execution_time),
    )


def _activity(name: str, of: Tally) -> ActivityStatistics:
    return ActivityStatistics(
        activity=name,
        count=of.completed + of.failed,
        failures=of.failed,
        unknown=of.duration.count - of.queue_time.count,
        queue_time=_distribution(of.queue_time),
        execution_time=_distribution(of.execution_time),
        duration=_distribution(of.duration),
        end_unknown=of.other,
    )


def _step(at: datetime, of_runs: Tallies, of_attempts: Tallies) -> SeriesStep:
    ran, attempted = Tally(), Tally()
    for tallies, total in ((of_runs, ran), (of_attempts, attempted)):
        for tally in tallies.values():
            total.merge(tally)
    return SeriesStep(
        at=at,
        started=ran.started,
        completed=ran.completed,
        failed=ran.failed,
        other=ran.other,
        queue_p95=_p95(attempted.queue_time),
        execution_p95=_p95(attempted.execution_time),
    )


def _p95(durations: Histogram) -> float | None:
    return durations.percentiles(0.95)[0] if durations.count else None


def _distribution(durations: Histogram) -> DurationDistribution | None:
    if not durations.count:
        return None
    p50, p95, p99 = durations.percentiles(0.5, 0.95, 0.99)
    return DurationDistribution(durations.count, p50, p95, p99, durations.longest / 10**6)
