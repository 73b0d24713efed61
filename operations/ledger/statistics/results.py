"""The results of statistics: of workflows, activities, minutes and failures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from operations.records import Period

_Statistic = TypeVar("_Statistic")


@dataclass(frozen=True)
class PeriodStatistics(Generic[_Statistic]):
    """Statistics of a period, or of the latest part of it if more ended in it than can be read."""

    within: Period
    of: tuple[_Statistic, ...]


@dataclass(frozen=True)
class DurationDistribution:
    """The percentiles of `count` durations, in seconds; each is one of the durations."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True)
class WorkflowStatistics:
    """How the runs of a workflow ended, and how long the completed and the failed ones took.

    `queue_time` passes from the start, or from the time for which it was scheduled, to the first
    turn; `execution_time` passes from the first turn to the end. The first turn of `unknown` runs
    is not known: these count in `duration` alone.
    """

    workflow: str
    count: int
    failures: int
    duration: DurationDistribution | None
    unknown: int = 0
    queue_time: DurationDistribution | None = None
    execution_time: DurationDistribution | None = None

    @property
    def failure_share(self) -> float:
        """The share of failures, from 0 to 1."""
        return self.failures / self.count


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
class MinuteThroughput:
    """How many runs were created, completed and failed in the minute that starts at `at`."""

    at: datetime
    created: int
    completed: int
    failed: int


@dataclass(frozen=True)
class FailureGroup:
    """Failures of one activity or workflow whose messages have the same fingerprint.

    In `fingerprint` a placeholder replaces each id, number and quoted value of the message.
    `example` is the instance id of the last failure, `run_id` is its run.
    """

    name: str
    is_activity: bool
    error_type: str
    fingerprint: str
    count: int
    first: datetime
    last: datetime
    example: str
    run_id: int
