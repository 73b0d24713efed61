"""Reads the failure groups of a period."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, cast, func, literal_column, select

from operations.failure_groups import FailedKind, GroupKey
from operations.ledger.db.batches import in_batches
from operations.ledger.micros import micros_of, time_of
from operations.ledger.statistics.results import FailureGroup, KnownFailure
from operations.ledger.tables import attempts, failure_groups, runs
from operations.records import Period

TREND = 24
"""The number of equal parts into which the trend of a group divides a period."""


@dataclass
class _Found:
    """What was counted of one group."""

    runs: int = 0
    attempts: int = 0
    last: int = 0  # microseconds since 1970
    run_id: int | None = None
    workflows: set[str] = field(default_factory=set)
    trend: list[int] = field(default_factory=lambda: [0] * TREND)


def read_failures(connection: Connection, within: Period, most: int) -> tuple[FailureGroup, ...]:
    """Return the groups of the failures in a period; those with the most failed runs come first."""
    found: dict[str, _Found] = defaultdict(_Found)
    for group_id, workflow, part, number, last, run_id in connection.execute(_failed_runs(within)):
        of = found[group_id]
        of.runs += number
        of.last, of.run_id = max(of.last, last), max(of.run_id or 0, run_id)
        of.workflows.add(workflow)
        of.trend[part] += number
    for group_id, number, ended_at in connection.execute(_failed_attempts(within)):
        of = found[group_id]
        of.attempts, of.last = number, max(of.last, micros_of(ended_at))
    ranked = sorted(found, key=lambda each: (-found[each].runs, -found[each].last, each))[:most]
    groups = {group.group_id: group for group in _described(connection, found, ranked)}
    return tuple(groups[each] for each in ranked)


def _failed_runs(within: Period) -> Select[Any]:
    """Count the failed runs by group, workflow and part of the period."""
    ended, since, until = runs.c.ended_micros, micros_of(within.since), micros_of(within.until)
    passed, length = cast(ended - since, BigInteger), cast(until - since, BigInteger)
    part = (passed * TREND // length).label("part")
    keys = (runs.c.failure_group, runs.c.workflow, part)
    return (
        select(*keys, func.count(), func.max(ended), func.max(runs.c.run_id))
        .where(runs.c.failure_group.is_not(None), ended >= max(0, since), ended < until)
        .group_by(runs.c.failure_group, runs.c.workflow, literal_column("part"))
    )


def _failed_attempts(within: Period) -> Select[Any]:
    columns = attempts.c
    return (
        select(columns.failure_group, func.count(), func.max(columns.ended_at))
        .where(columns.failure_group.is_not(None))
        .where(columns.ended_at >= within.since, columns.ended_at < within.until)
        .group_by(columns.failure_group)
    )


def _described(
    connection: Connection, found: dict[str, _Found], ids: list[str]
) -> Iterator[FailureGroup]:
    for batch in in_batches(ids):
        query = select(failure_groups).where(failure_groups.c.group_id.in_(batch))
        for row in connection.execute(query).mappings():
            of = found[row["group_id"]]
            yield FailureGroup(
                group_id=row["group_id"],
                key=GroupKey(
                    row["app_id"],
                    FailedKind(row["kind"]),
                    row["name"],
                    row["error_type"],
                    row["fingerprint"],
                ),
                runs=of.runs,
                attempts=of.attempts,
                first_at=row["first_at"],
                last_at=time_of(of.last),
                workflows=tuple(sorted(of.workflows)),
                trend=tuple(of.trend),
                run_id=of.run_id,
                known=_known(row["known_at"], row["known_by"], row["note"]),
            )


def _known(at: datetime | None, by: str | None, note: str | None) -> KnownFailure | None:
    return KnownFailure(at.astimezone(UTC), by or "", note or "") if at else None
