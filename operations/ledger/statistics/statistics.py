"""Statistics of runs and attempts: how often they fail, and how long they take.

Outcomes and durations are read from roll-ups, failures from an index of their own.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine

from operations.errors import UnknownFailureGroup
from operations.failure_groups import GroupKey
from operations.ledger.db.connections import reading, reading_within
from operations.ledger.ledger_limits import StatisticsLimits
from operations.ledger.statistics.baselines import read_baselines, read_run_baseline
from operations.ledger.statistics.buckets import Bucket
from operations.ledger.statistics.durations import read_buckets, read_outcomes
from operations.ledger.statistics.failure_samples import read_samples
from operations.ledger.statistics.failures import (
    mark_known,
    read_failure_group,
    read_failures,
    unmark_known,
)
from operations.ledger.statistics.results import (
    FailureGroup,
    FailureSample,
    Outcomes,
    PeriodStatistics,
    SeriesBucket,
)
from operations.ledger.statistics.roll_ups import Subject
from operations.model import Actor
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
        with reading_within(self._engine, self._limits.baseline_seconds) as connection:
            return read_baselines(connection, workflow, activities, except_run_id, self._limits)

    def run_baseline(self, workflow: str, except_run_id: int = 0) -> Baseline | None:
        """Return how long runs of a workflow took, None if too few completed.

        Reruns do not count, because they keep results, nor does the run `except_run_id`.
        """
        with reading_within(self._engine, self._limits.baseline_seconds) as connection:
            return read_run_baseline(connection, workflow, except_run_id, self._limits)

    def workflows(self, within: Period) -> PeriodStatistics[Outcomes]:
        """Return the outcomes of the runs of each workflow in a period."""
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_outcomes(connection, Subject.RUNS, within)

    def activities(self, within: Period) -> PeriodStatistics[Outcomes]:
        """Return the outcomes of the attempts of each activity in a period.

        Attempts that a rerun copied, and those that the end of the instance cut off, do not count.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_outcomes(connection, Subject.ATTEMPTS, within)

    def series(self, within: Period, bucket: Bucket) -> PeriodStatistics[SeriesBucket]:
        """Return each minute, hour or day of a period.

        Raises `InvalidInput` for more than 1,000, or for minutes that are no longer kept.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_buckets(connection, within, bucket)

    def failures(self, within: Period) -> tuple[FailureGroup, ...]:
        """Return the 200 failure groups with the most failed runs in a period.

        Failed attempts count too, even if their run continued. Runs that ended before the ledger
        had groups belong to none.
        """
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_failures(connection, within, self._limits.groups)

    def failure_samples(
        self, groups: Sequence[FailureGroup], within: Period
    ) -> dict[str, FailureSample]:
        """Return the run of each group that failed last in a period, by the id of the group.

        A group of which only attempts failed has none.
        """
        ids = [each.group_id for each in groups if each.runs]
        with reading_within(self._engine, self._limits.seconds) as connection:
            return read_samples(connection, ids, within)

    def failure_group(self, group_id: str) -> GroupKey | None:
        """Return what the failures of a group have in common, None if there is no such group."""
        with reading(self._engine) as connection:
            return read_failure_group(connection, group_id)

    def mark_known(self, group_id: str, actor: Actor, note: str) -> None:
        """Mark a failure group as known, with a note; raise `UnknownFailureGroup`."""
        if not mark_known(self._engine, group_id, actor, note, datetime.now(UTC)):
            raise UnknownFailureGroup(group_id)

    def unmark_known(self, group_id: str, actor: Actor) -> None:
        """Undo `mark_known`; raise `UnknownFailureGroup`."""
        if not unmark_known(self._engine, group_id, actor, datetime.now(UTC)):
            raise UnknownFailureGroup(group_id)
