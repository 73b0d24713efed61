"""Baselines: how long the latest attempts of activities took."""

import statistics
from collections.abc import Collection

from sqlalchemy import Connection, select

from operations.ledger.ledger_limits import StatisticsLimits
from operations.ledger.tables import attempts, runs
from operations.records import Baseline
from operations.timeline import Ending


def read_baselines(
    connection: Connection, workflow: str, activities: Collection[str], limits: StatisticsLimits
) -> dict[str, Baseline]:
    """Return the baselines of those activities of a workflow that have enough attempts."""
    found = {
        name: _seconds(connection, workflow, name, limits.baseline_attempts) for name in activities
    }
    return {
        name: _baseline(seconds)
        for name, seconds in found.items()
        if len(seconds) >= limits.fewest_attempts
    }


def _seconds(connection: Connection, workflow: str, name: str, max_attempts: int) -> list[float]:
    """Return how many seconds the latest completed attempts took, including queue time."""
    columns = attempts.c
    query = (
        select(columns.scheduled_at, columns.ended_at)
        .join(runs, runs.c.run_id == columns.run_id)
        .where(
            columns.name == name,
            columns.ending == Ending.COMPLETED,
            columns.ended_at > columns.scheduled_at,  # not copied by a rerun
            runs.c.workflow == workflow,
        )
        .order_by(columns.run_id.desc())
        .limit(max_attempts)
    )
    return [(end - start).total_seconds() for start, end in connection.execute(query)]


def _baseline(seconds: list[float]) -> Baseline:
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return Baseline(p50=cuts[9], p95=cuts[18], attempts=len(seconds))
