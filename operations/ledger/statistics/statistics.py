"""Statistics of runs and attempts: how often they fail, and how long they take.

A query reads one index, from the latest end backwards, until its time or its rows are used up.
"""

from collections.abc import Collection

from sqlalchemy import Engine

from operations.ledger.db.connections import reading_within
from operations.ledger.ledger_limits import StatisticsLimits
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

    def baselines(
        self, workflow: str, activities: Collection[str], except_run_id: int = 0
    ) -> dict[str, Baseline]:
        """Return the baselines of those activities that enough runs of a workflow completed.

        Only completed runs count, and not the run with the `run_id` `except_run_id`.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_baselines(connection, workflow, activities, except_run_id, self._limits)

    def workflows(self, within: Period) -> PeriodStatistics[WorkflowStatistics]:
        """Return the statistics of the runs that ended in a period, by workflow."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_workflows(connection, within, self._limits)

    def activities(self, within: Period) -> PeriodStatistics[ActivityStatistics]:
        """Return the statistics of the attempts that ended in a period, by activity.

        Attempts that a rerun copied, and those that the end of the instance cut off, do not count.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_activities(connection, within, self._limits)

    def throughput(self, within: Period) -> tuple[MinuteThroughput, ...]:
        """Return each minute of a period; raise `InvalidInput` if the period exceeds a week."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_throughput(connection, within)

    def failures(self, within: Period) -> PeriodStatistics[FailureGroup]:
        """Return the failure groups of a period, the most frequent first.

        A failed attempt counts as a failure of its activity. If its run failed too, the run counts
        as a failure of its workflow.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_failures(connection, within, self._limits)
