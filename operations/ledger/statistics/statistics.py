"""Statistics of runs and attempts: how often they fail, and how long they take.

A query reads the roll-ups of a period. Of the rest it reads one index, from the latest end
backwards, until its time or its rows are used up.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine

from operations.ledger.db.connections import reading_within
from operations.ledger.ledger_limits import StatisticsLimits
from operations.ledger.statistics.baselines import read_baselines
from operations.ledger.statistics.buckets import Starts
from operations.ledger.statistics.durations import read_activities, read_series, read_workflows
from operations.ledger.statistics.failures import read_failures
from operations.ledger.statistics.results import (
    ActivityStatistics,
    FailureGroup,
    PeriodStatistics,
    SeriesStep,
    WorkflowStatistics,
)
from operations.ledger.statistics.roll_ups import roll_up
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

    def series(self, within: Period, step: int) -> PeriodStatistics[SeriesStep]:
        """Return each minute or hour of a period; `step` is `MINUTE` or `HOUR`.

        Raises `InvalidInput` if there are more than 1,000.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_series(connection, within, step, self._limits)

    def roll_up(self, size: int, now: datetime, most: int = 1) -> Starts:
        """Roll up at most `most` minutes or hours that are due; return them, empty if none is due.

        `size` is `MINUTE` or `HOUR`.
        """
        return roll_up(self._engine, size, now, self._limits.roll_ups, most)

    def failures(self, within: Period) -> tuple[FailureGroup, ...]:
        """Return the 200 failure groups with the most failed runs in a period.

        Failed attempts count too, even if their run went on. Runs that ended before the ledger had
        groups belong to none.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_failures(connection, within, self._limits.groups)
