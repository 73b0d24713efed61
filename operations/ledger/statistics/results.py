"""What the lives and attempts that ended in a period say together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from operations.records import Period

_Told = TypeVar("_Told")


@dataclass(frozen=True)
class PeriodStatistics(Generic[_Told]):
    """Statistics of a period, or of the latest part of it if more ended in it than can be read."""

    within: Period
    of: tuple[_Told, ...]


@dataclass(frozen=True)
class DurationDistribution:
    """How `count` durations are spread, in seconds; each percentile is one of them."""

    count: int
    median: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True)
class WorkflowStatistics:
    """How the lives of a workflow ended, and how long they took that were not terminated.

    `queue` is from when one was started, or was to start, until its first turn, and `run` from then
    on. Nobody knows when `unknown` of them had that: these are in `took` alone.
    """

    workflow: str
    count: int
    failures: int
    took: DurationDistribution | None
    unknown: int = 0
    queue: DurationDistribution | None = None
    run: DurationDistribution | None = None

    @property
    def failure_share(self) -> float:
        """Which share of them failed, from 0 to 1."""
        return self.failures / self.count


@dataclass(frozen=True)
class ActivityStatistics:
    """How the attempts of an activity ended, in whichever workflow, and how long they took.

    Nobody knows when `unknown` of them began: these are in `took`, which is queue and run together,
    and neither in `queue` nor in `run`. Beside those that are counted there were `unseen` ones:
    their workflow continued as new before anybody saw how they ended.
    """

    activity: str
    count: int
    failures: int
    unknown: int
    queue: DurationDistribution | None
    run: DurationDistribution | None
    took: DurationDistribution | None
    unseen: int = 0

    @property
    def failure_share(self) -> float:
        """Which share of them failed, from 0 to 1."""
        return self.failures / self.count if self.count else 0.0


@dataclass(frozen=True)
class MinuteThroughput:
    """How many lives were created, completed and failed in the minute that begins `at`."""

    at: datetime
    started: int
    completed: int
    failed: int


@dataclass(frozen=True)
class FailureGroup:
    """Failures that are alike: of an activity, or of a workflow itself.

    `message` has a mark in the place of all that tells one from another. `example` is the instance
    that failed last, and `life` the key of its life.
    """

    name: str
    is_activity: bool
    error_type: str
    message: str
    count: int
    first: datetime
    last: datetime
    example: str
    run_id: int
