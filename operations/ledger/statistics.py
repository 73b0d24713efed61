"""What can be said of many lives and attempts: how often they fail, and how long they take.

A question reads one index, the latest ends first, and no more of it than it has time for.
"""

from sqlalchemy import Engine

from operations.database import asking
from operations.ledger.durations import read_activities, read_workflows
from operations.ledger.failures import read_failures
from operations.ledger.throughput import read_throughput
from operations.records import Period
from operations.statistics import ActivityStatistics, FailureGroup, Minute, Told, WorkflowStatistics

SECONDS = 3.0  # that a question has; from half of that on, the latest ends have to do


class Statistics:
    """The statistics; every method raises `LedgerUnavailable` and `QuestionTooWide`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def workflows(self, within: Period) -> Told[WorkflowStatistics]:
        """Return how the lives that ended in a period did, by workflow."""
        with asking(self._engine, SECONDS) as connection:
            return read_workflows(connection, within)

    def activities(self, within: Period) -> Told[ActivityStatistics]:
        """Return how the attempts that ended in a period did, by activity.

        What a rerun took over, and what was cut off by the end of its instance, does not count.
        """
        with asking(self._engine, SECONDS) as connection:
            return read_activities(connection, within)

    def throughput(self, within: Period) -> tuple[Minute, ...]:
        """Return each minute of a period; raises `InvalidInput` if it is longer than a week."""
        with asking(self._engine, SECONDS) as connection:
            return read_throughput(connection, within)

    def failures(self, within: Period) -> Told[FailureGroup]:
        """Return what failed in a period, grouped by what is alike, the most frequent first.

        An attempt that failed is one of its activity's failures; if the life failed with it, that
        is one of its workflow's.
        """
        with asking(self._engine, SECONDS) as connection:
            return read_failures(connection, within)
