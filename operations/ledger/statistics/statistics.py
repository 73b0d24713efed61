"""What can be said of many lives and attempts: how often they fail, and how long they take.

A question reads one index, the latest ends first, and no more of it than it has time for.
"""

from collections.abc import Collection

from sqlalchemy import Engine

from operations.ledger.db.sessions import asking
from operations.ledger.limits import StatisticsLimits
from operations.ledger.statistics.baselines import read_baselines
from operations.ledger.statistics.durations import read_activities, read_workflows
from operations.ledger.statistics.failures import read_failures
from operations.ledger.statistics.results import (
    ActivityStatistics,
    FailureGroup,
    MinuteThroughput,
    PeriodStatistics,
    WorkflowStatistics,
)
from operations.ledger.statistics.throughput import read_throughput
from operations.records import Baseline, Period


class Statistics:
    """The statistics; every method raises `LedgerUnavailable` and `QueryTimeout`."""

    def __init__(self, engine: Engine, limits: StatisticsLimits) -> None:
        self._engine = engine
        self._limits = limits

    def baselines(self, workflow: str, activities: Collection[str]) -> dict[str, Baseline]:
        """Return the baselines of those activities of a workflow that have run often enough."""
        with asking(self._engine, self._limits.seconds) as connection:
            return read_baselines(connection, workflow, activities, self._limits)

    def workflows(self, within: Period) -> PeriodStatistics[WorkflowStatistics]:
        """Return how the lives that ended in a period did, by workflow."""
        with asking(self._engine, self._limits.seconds) as connection:
            return read_workflows(connection, within, self._limits)

    def activities(self, within: Period) -> PeriodStatistics[ActivityStatistics]:
        """Return how the attempts that ended in a period did, by activity.

        What a rerun took over, and what was cut off by the end of its instance, does not count.
        """
        with asking(self._engine, self._limits.seconds) as connection:
            return read_activities(connection, within, self._limits)

    def throughput(self, within: Period) -> tuple[MinuteThroughput, ...]:
        """Return each minute of a period; raises `InvalidInput` if it is longer than a week."""
        with asking(self._engine, self._limits.seconds) as connection:
            return read_throughput(connection, within)

    def failures(self, within: Period) -> PeriodStatistics[FailureGroup]:
        """Return what failed in a period, grouped by what is alike, the most frequent first.

        An attempt that failed is one of its activity's failures; if the life failed with it, that
        is one of its workflow's.
        """
        with asking(self._engine, self._limits.seconds) as connection:
            return read_failures(connection, within, self._limits)
