"""Baselines: how long the latest attempts of activities, and the latest runs, took."""

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Subquery, bindparam, func, select

from operations.ledger.ledger_limits import StatisticsLimits
from operations.ledger.tables import attempts, runs
from operations.model import Status
from operations.records import Baseline
from operations.timeline import Ending

_SECOND = 1_000_000  # microseconds
_Row = tuple[int, float]  # a `run_id`, and how many seconds one of its attempts took


def read_baselines(
    connection: Connection,
    workflow: str,
    activities: Collection[str],
    except_run_id: int,
    limits: StatisticsLimits,
) -> dict[str, Baseline]:
    """Return the baselines of those activities that enough completed runs of a workflow completed.

    The run `except_run_id` does not count: a run must not be compared with itself.
    """
    found = {name: _rows(connection, workflow, name, except_run_id, limits) for name in activities}
    return {
        name: Baseline(tuple(sorted(seconds for _, seconds in rows)))
        for name, rows in found.items()
        if len({run_id for run_id, _ in rows}) >= limits.fewest_runs
    }


def read_run_baseline(
    connection: Connection, workflow: str, except_run_id: int, limits: StatisticsLimits
) -> Baseline | None:
    """Return how long the latest completed runs of a workflow took, None if there are too few.

    The run `except_run_id` and reruns do not count.
    """
    columns = runs.c
    latest = (
        select(columns.duration_micros)
        .where(
            columns.workflow == workflow,
            columns.status == Status.COMPLETED,
            columns.run_id != except_run_id,
            columns.rerun_of.is_(None),
            columns.duration_micros >= 0,
        )
        .order_by(columns.created_at.desc(), columns.run_id.desc())
        .limit(limits.baseline_attempts)
    )
    durations = sorted(connection.scalars(latest))
    if len(durations) < limits.fewest_runs:
        return None
    return Baseline(tuple(each / _SECOND for each in durations))


def _rows(
    connection: Connection, workflow: str, name: str, except_run_id: int, limits: StatisticsLimits
) -> list[_Row]:
    """Return how long the latest completed attempts took, including queue time."""
    of = {"of_workflow": workflow, "of_name": name, "except_run_id": except_run_id}
    found = connection.execute(_latest(limits), of)
    return [(run_id, (end - start).total_seconds()) for run_id, start, end in found]


@cache
def _latest(limits: StatisticsLimits) -> Select[Any]:
    """Return the query of the latest attempts, a few of each run: a fan-out would fill the result.

    It is built once: building it takes longer than executing it.
    """
    columns = _candidates(limits).c
    number = func.row_number().over(partition_by=columns.run_id, order_by=columns.event_id)
    numbered = select(
        columns.run_id, columns.scheduled_at, columns.ended_at, number.label("number")
    ).subquery()
    return (
        select(numbered.c.run_id, numbered.c.scheduled_at, numbered.c.ended_at)
        .where(numbered.c.number <= limits.attempts_of_run)
        .order_by(numbered.c.run_id.desc())
        .limit(limits.baseline_attempts)
    )


def _candidates(limits: StatisticsLimits) -> Subquery:
    """Return the query of a bounded number of latest attempts, however many a run has."""
    columns = attempts.c
    return (
        select(columns.run_id, columns.event_id, columns.scheduled_at, columns.ended_at)
        .join(runs, runs.c.run_id == columns.run_id)
        .where(
            columns.name == bindparam("of_name"),
            columns.ending == Ending.COMPLETED,
            columns.ended_at > columns.scheduled_at,  # not copied by a rerun
            columns.run_id != bindparam("except_run_id"),
            runs.c.workflow == bindparam("of_workflow"),
            runs.c.status == Status.COMPLETED,
        )
        .order_by(columns.run_id.desc())
        .limit(limits.baseline_candidates)
        .subquery()
    )
