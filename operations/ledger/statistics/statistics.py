"""What can be said of many lives and attempts: how often they fail, and how long they take.

A question reads one index, the latest ends first, and no more of it than it has time for.
"""

from sqlalchemy import Engine

from operations.ledger.db.sessions import asking
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
from operations.records import Period

SECONDS = 3.0  # that a question has; from half of that on, the latest ends have to do


class Statistics:
    """The statistics; every method raises `LedgerUnavailable` and `QueryTimeout`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def workflows(self, within: Period) -> PeriodStatistics[WorkflowStatistics]:
        """Return how the lives that ended in a period did, by workflow."""
        with asking(self._engine, SECONDS) as connection:
            return read_workflows(connection, within)

    def activities(self, within: Period) -> PeriodStatistics[ActivityStatistics]:
        """Return how the attempts that ended in a period did, by activity.

        What a rerun took over, and what was cut off by the end of its instance, does not count.
        """
        with asking(self._engine, SECONDS) as connection:
            return read_activities(connection, within)

    def throughput(self, within: Period) -> tuple[MinuteThroughput, ...]:
        """Return each minute of a period; raises `InvalidInput` if it is longer than a week."""
        with asking(self._engine, SECONDS) as connection:
            return read_throughput(connection, within)

    def failures(self, within: Period) -> PeriodStatistics[FailureGroup]:
        """Return what failed in a period, grouped by what is alike, the most frequent first.

        An attempt that failed is one of its activity's failures; if the life failed with it, that
        is one of its workflow's.
        """
        with asking(self._engine, SECONDS) as connection:
            return read_failures(connection, within)
