"""The results of statistics: of workflows, activities, buckets of time and failures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from operations.failure_groups import GroupKey
from operations.records import Period

_Statistic = TypeVar("_Statistic")


@dataclass(frozen=True)
class PeriodStatistics(Generic[_Statistic]):
    """Statistics of a period, widened to whole hours (the last two hours to whole minutes)."""

    within: Period
    of: tuple[_Statistic, ...]


@dataclass(frozen=True)
class DurationDistribution:
    """The percentiles of `count` durations, in seconds; nearest rank, accurate to 2 %."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True)
class Outcomes:
    """How the runs of a workflow, or the attempts of an activity, ended in a period.

    `created` runs were created in the period; for attempts it is 0. `other` runs neither completed
    nor failed; `other` attempts have an unknown end, because their workflow continued as new before
    it was read. The distributions cover the runs or attempts that completed or failed. The
    `queue_time` of a run passes from its start, or from the time for which it was scheduled, to its
    first turn; of an attempt from `scheduled_at` to `started_at`. `execution_time` passes from then
    to the end. `start_unknown` runs or attempts count only in `duration`.
    """

    name: str
    created: int
    completed: int
    failed: int
    other: int
    duration: DurationDistribution | None
    queue_time: DurationDistribution | None
    execution_time: DurationDistribution | None

    @property
    def ended(self) -> int:
        """The number of runs or attempts that ended."""
        return self.completed + self.failed + self.other

    @property
    def failure_share(self) -> float | None:
        """The share of failures, 0 to 1, among those that completed or failed; None without any."""
        of = self.completed + self.failed
        return self.failed / of if of else None

    @property
    def start_unknown(self) -> int:
        """The number of completed and failed ones whose queue time is unknown."""
        counts = (each.count if each else 0 for each in (self.duration, self.queue_time))
        whole, known = counts
        return whole - known


@dataclass(frozen=True)
class SeriesBucket:
    """One minute, hour or day, from `at` on: how many runs were created and ended, and how.

    `other` runs neither completed nor failed. `queue_p95` and `execution_p95` are percentiles, in
    seconds, of the queue time and the execution time of the attempts that ended; None without any.
    """

    at: datetime
    created: int
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
class FailureSample:
    """The run of a failure group that failed last in a period.

    `message` and `stack_trace` are those of the step that failed. The trace has only the
    application's own frames, and `hidden_frames` is the number of the others; a trace without own
    frames is complete. It has at most 4,000 characters. If the history of the run is long, the
    trace is that of its workflow.
    """

    run_id: int
    instance_id: str
    is_latest: bool
    at: datetime
    message: str
    stack_trace: str | None
    hidden_frames: int


@dataclass(frozen=True)
class FailureGroup:
    """Failures of one step, with one error type and similar messages, in a period.

    `runs` counts the failed runs, `attempts` the failed attempts, including those whose retry
    succeeded. `first_at` is the first failure in the ledger, also before the period, `last_at` the
    last one in the period. `workflows` names the workflows of the runs. `trend` counts the failed
    runs in each of 24 equal parts of the period.
    """

    group_id: str
    key: GroupKey
    runs: int
    attempts: int
    first_at: datetime
    last_at: datetime
    workflows: tuple[str, ...]
    trend: tuple[int, ...]
    known: KnownFailure | None
