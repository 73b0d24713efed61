"""The results of statistics: of workflows, activities, steps of time and failures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from operations.failure_groups import GroupKey
from operations.records import Period

_Statistic = TypeVar("_Statistic")


@dataclass(frozen=True)
class PeriodStatistics(Generic[_Statistic]):
    """Statistics of a period, or of the latest part of it if more ended in it than can be read."""

    within: Period
    of: tuple[_Statistic, ...]


@dataclass(frozen=True)
class DurationDistribution:
    """The percentiles of `count` durations, in seconds; nearest rank, accurate to 1 %."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True)
class WorkflowStatistics:
    """How the runs of a workflow ended, and how long the completed and the failed ones took.

    `started` is the number of runs that were created in the period, `count` of those that ended.
    `queue_time` passes from the start, or from the time for which it was scheduled, to the first
    turn; `execution_time` passes from the first turn to the end. The first turn of `unknown` runs
    is not known: these count in `duration` alone.
    """

    workflow: str
    started: int
    count: int
    failures: int
    duration: DurationDistribution | None
    unknown: int = 0
    queue_time: DurationDistribution | None = None
    execution_time: DurationDistribution | None = None

    @property
    def failure_share(self) -> float:
        """The share of failures, from 0 to 1."""
        return self.failures / self.count if self.count else 0.0


@dataclass(frozen=True)
class ActivityStatistics:
    """How the attempts of an activity ended, in all workflows, and how long they took.

    `duration` is queue time and execution time together. The start of `unknown` attempts is not
    known: these count in `duration` alone. `end_unknown` attempts are not in `count`: their
    workflow continued as new before their end was read.
    """

    activity: str
    count: int
    failures: int
    unknown: int
    queue_time: DurationDistribution | None
    execution_time: DurationDistribution | None
    duration: DurationDistribution | None
    end_unknown: int = 0

    @property
    def failure_share(self) -> float:
        """The share of failures, from 0 to 1."""
        return self.failures / self.count if self.count else 0.0


@dataclass(frozen=True)
class SeriesStep:
    """One minute or hour, from `at` on: how many runs were created and ended, and how.

    `other` runs neither completed nor failed. `queue_p95` and `execution_p95` are percentiles, in
    seconds, of the queue time and the execution time of the attempts that ended; None without any.
    """

    at: datetime
    started: int
    completed: int
    failed: int
    other: int
    queue_p95: float | None
    execution_p95: float | None


@dataclass(frozen=True)
class KnownFailure:
    """Who has marked a failure group as known, when, and with which note."""

    at: datetime
    by: str
    note: str


@dataclass(frozen=True)
class FailureGroup:
    """Failures of one step, with one error type and similar messages, in a period.

    `runs` is the number of the runs that failed, `attempts` that of the failed attempts, of which
    later ones may have succeeded. `first_at` is the first failure that the ledger has, also before
    the period. `workflows` are those of the runs. `trend` has the number of failed runs in each of
    24 equal parts of the period. `run_id` is the latest of the runs, None without one.
    """

    group_id: str
    key: GroupKey
    runs: int
    attempts: int
    first_at: datetime
    last_at: datetime
    workflows: tuple[str, ...]
    trend: tuple[int, ...]
    run_id: int | None
    known: KnownFailure | None
