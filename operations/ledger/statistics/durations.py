"""How runs and attempts ended in a period, and how long they took."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from operations.errors import InvalidInput
from operations.ledger.statistics.buckets import Bucket, buckets_in, oldest_minute, split, time_at
from operations.ledger.statistics.histogram import Histogram, percentile
from operations.ledger.statistics.results import (
    DurationDistribution,
    Outcomes,
    PeriodStatistics,
    SeriesBucket,
)
from operations.ledger.statistics.roll_ups import Measure, Subject, read_roll_ups, read_series
from operations.records import Period

MAX_SERIES = 1000
"""The most buckets of a series."""

_Tally = Mapping[Measure, Histogram]  # a measure other than a duration has all counts in bin 0


def read_outcomes(
    connection: Connection, subject: Subject, within: Period
) -> PeriodStatistics[Outcomes]:
    """Read how runs, by workflow, or attempts, by activity, ended in a period."""
    parts = split(within)
    tallies: dict[str, _Tally] = defaultdict(_no_tally)
    for buckets in parts:
        for name, measure, number, count in read_roll_ups(connection, buckets, subject):
            tallies[name][measure][number] += count
    covered = Period(parts[0].period.since, parts[-1].period.until) if parts else within
    return PeriodStatistics(covered, tuple(_outcomes(*each) for each in sorted(tallies.items())))


def read_buckets(
    connection: Connection, within: Period, bucket: Bucket
) -> PeriodStatistics[SeriesBucket]:
    """Read each bucket of a period; raise `InvalidInput` if it has too many, or old minutes."""
    buckets = buckets_in(within, bucket)
    since, unit = within.since.isoformat(), f"{bucket}s"
    if len(buckets.starts) > MAX_SERIES:
        raise InvalidInput("since", since, f"a time at most {MAX_SERIES} {unit} before until")
    if bucket is Bucket.MINUTE and buckets.start < oldest_minute():
        raise InvalidInput("since", since, "a time in the last two hours, for minutes")
    tallies: dict[tuple[int, Subject], _Tally] = defaultdict(_no_tally)
    for start, subject, measure, number, count in read_series(connection, buckets):
        tallies[start, subject][measure][number] += count
    series = (
        _bucket(start, tallies[start, Subject.RUNS], tallies[start, Subject.ATTEMPTS])
        for start in buckets.starts
    )
    return PeriodStatistics(buckets.period, tuple(series))


def _no_tally() -> _Tally:
    return {measure: Histogram() for measure in Measure}


def _outcomes(name: str, of: _Tally) -> Outcomes:
    created, completed, failed, other = _numbers(of)
    return Outcomes(
        name=name,
        created=created,
        completed=completed,
        failed=failed,
        other=other,
        duration=_distribution(of[Measure.DURATION]),
        queue_time=_distribution(of[Measure.QUEUE_TIME]),
        execution_time=_distribution(of[Measure.EXECUTION_TIME]),
    )


def _bucket(start: int, of_runs: _Tally, of_attempts: _Tally) -> SeriesBucket:
    created, completed, failed, other = _numbers(of_runs)
    return SeriesBucket(
        at=time_at(start),
        created=created,
        completed=completed,
        failed=failed,
        other=other,
        queue_p95=_p95(of_attempts[Measure.QUEUE_TIME]),
        execution_p95=_p95(of_attempts[Measure.EXECUTION_TIME]),
    )


def _numbers(of: _Tally) -> Iterable[int]:
    measures = Measure.CREATED, Measure.COMPLETED, Measure.FAILED, Measure.OTHER
    return (of[measure].total() for measure in measures)


def _p95(durations: Histogram) -> float | None:
    return percentile(durations, 0.95) if durations else None


def _distribution(durations: Histogram) -> DurationDistribution | None:
    if not durations:
        return None
    p50, p95, p99, longest = (percentile(durations, share) for share in (0.5, 0.95, 0.99, 1))
    return DurationDistribution(durations.total(), p50, p95, p99, longest)
