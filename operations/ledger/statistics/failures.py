"""Reads failure groups, and marks them as known."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    RowMapping,
    Select,
    cast,
    func,
    literal_column,
    select,
    update,
)

from operations.failure_groups import MARK_KNOWN, UNMARK_KNOWN, FailedKind, GroupKey
from operations.ledger.audit_log import NO_APP, add_entries
from operations.ledger.db.batches import in_batches
from operations.ledger.db.connections import writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.micros import micros_of, time_of
from operations.ledger.statistics.results import FailureGroup, KnownFailure
from operations.ledger.tables import attempts, failure_groups, runs
from operations.model import Actor
from operations.records import AuditEntry, Outcome, Period

TREND = 24
"""The number of equal parts into which the trend of a group divides a period."""


@dataclass
class _Found:
    """The counts of one group."""

    runs: int = 0
    attempts: int = 0
    last: int = 0  # microseconds since 1970
    workflows: set[str] = field(default_factory=set)
    trend: list[int] = field(default_factory=lambda: [0] * TREND)


def mark_known(engine: Engine, group_id: str, actor: Actor, note: str, at: datetime) -> bool:
    """Mark a group as known, or change the note; return False if there is no such group."""
    values = {"known_at": at, "known_by": actor.name, "note": note}
    return _set_known(engine, values, _entry(MARK_KNOWN, group_id, actor, at, note or None))


def unmark_known(engine: Engine, group_id: str, actor: Actor, at: datetime) -> bool:
    """Undo `mark_known`; return False if there is no such group."""
    values = {"known_at": None, "known_by": None, "note": None}
    return _set_known(engine, values, _entry(UNMARK_KNOWN, group_id, actor, at))


def _entry(
    action: str, group_id: str, actor: Actor, at: datetime, note: str | None = None
) -> AuditEntry:
    return AuditEntry(at, actor, action, group_id, Outcome.DONE, reason=note, app_id=NO_APP)


def _set_known(engine: Engine, values: dict[str, Any], entry: AuditEntry) -> bool:
    """Change the group that an audit entry names, and add the entry."""
    group_id = entry.instance_id
    query = update(failure_groups).where(failure_groups.c.group_id == group_id).values(values)
    with writing(engine) as connection:
        revision = next_revision(connection)
        is_found = bool(connection.execute(query).rowcount)
        if is_found:
            add_entries(connection, revision, [entry])
            set_revision(connection, revision)
    return is_found


def read_failures(connection: Connection, within: Period, limit: int) -> tuple[FailureGroup, ...]:
    """Return the groups of the failures in a period; those with the most failed runs come first."""
    found: dict[str, _Found] = defaultdict(_Found)
    for group_id, workflow, part, number, last in connection.execute(_failed_runs(within)):
        of = found[group_id]
        of.runs += number
        of.last = max(of.last, last)
        of.workflows.add(workflow)
        of.trend[part] += number
    for group_id, number, ended_at in connection.execute(_failed_attempts(within)):
        of = found[group_id]
        of.attempts, of.last = number, max(of.last, micros_of(ended_at))
    ranked = sorted(found, key=lambda each: (-found[each].runs, -found[each].last, each))[:limit]
    groups = {group.group_id: group for group in _described(connection, found, ranked)}
    return tuple(groups[each] for each in ranked)


def read_failure_group(connection: Connection, group_id: str) -> GroupKey | None:
    """Return what the failures of a group have in common, None if there is no such group."""
    query = select(failure_groups).where(failure_groups.c.group_id == group_id)
    row = connection.execute(query).mappings().first()
    return _key(row) if row else None


def _failed_runs(within: Period) -> Select[Any]:
    """Count the failed runs by group, workflow and part of the period."""
    ended, since, until = runs.c.ended_micros, micros_of(within.since), micros_of(within.until)
    passed, length = cast(ended - since, BigInteger), cast(until - since, BigInteger)
    part = (passed * TREND // length).label("part")
    keys = (runs.c.failure_group, runs.c.workflow, part)
    return (
        select(*keys, func.count(), func.max(ended))
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
                key=_key(row),
                runs=of.runs,
                attempts=of.attempts,
                first_at=row["first_at"],
                last_at=time_of(of.last),
                workflows=tuple(sorted(of.workflows)),
                trend=tuple(of.trend),
                known=_known(row["known_at"], row["known_by"], row["note"]),
            )


def _key(row: RowMapping) -> GroupKey:
    kind = FailedKind(row["kind"])
    return GroupKey(row["app_id"], kind, row["name"], row["error_type"], row["fingerprint"])


def _known(at: datetime | None, by: str | None, note: str | None) -> KnownFailure | None:
    return KnownFailure(at.astimezone(UTC), by or "", note or "") if at else None
