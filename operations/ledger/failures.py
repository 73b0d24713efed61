"""What fails alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from operations.ledger.latest import Latest
from operations.ledger.sorting import micros_of, unindexed
from operations.ledger.tables import attempts, instances
from operations.likeness import likeness
from operations.model import Status
from operations.records import Period
from operations.statistics import FailureGroup, Told

MOST = 20_000  # failures of attempts, and as many of lives, that a question reads
GROUPS = 200  # that it tells of

_Kind = tuple[str, bool, str, str]  # a name, whether an activity's, an error's type, its likeness


@dataclass(frozen=True)
class _Failed:
    is_activity: bool
    name: str
    error_type: str | None
    message: str | None
    at: datetime
    instance_id: str
    life: int

    @property
    def kind(self) -> _Kind:
        """What it has in common with its like."""
        message = likeness(self.message or "", self.instance_id)
        return self.name, self.is_activity, self.error_type or "", message


def read_failures(connection: Connection, within: Period) -> Told[FailureGroup]:
    """Group the latest failures of a period: those of attempts, and those of lives."""
    read, since = list[tuple[_Kind, _Failed]](), within.since
    for is_activity, query in ((True, _attempts(within)), (False, _lives(within))):
        latest = Latest(connection, query, MOST, share=0.5)
        for row in latest:
            failed = _Failed(is_activity, *row)
            read.append((failed.kind, failed))
        if latest.cut:
            since = max(since, read[-1][1].at)
    found: dict[_Kind, list[_Failed]] = {}
    for kind, failed in read:
        if failed.at >= since:
            found.setdefault(kind, []).append(failed)
    groups = sorted((_group(kind, of) for kind, of in found.items()), key=_rank)
    return Told(Period(since, within.until), tuple(groups[:GROUPS]))


def _attempts(within: Period) -> Select[Any]:
    columns = attempts.c
    return (
        select(
            columns.name,
            columns.error_type,
            columns.error_message,
            columns.ended_at,
            instances.c.instance_id,
            columns.key,
        )
        .join(instances, instances.c.key == columns.key)
        .where(columns.ended_at >= within.since, columns.ended_at < within.until)
        .where(columns.error_type.is_not(None))
        .where(columns.ended_at > columns.started_at)  # not what a rerun took over
        .order_by(columns.ended_at.desc(), columns.key.desc())
    )


def _lives(within: Period) -> Select[Any]:
    columns = instances.c
    return (
        select(
            columns.workflow,
            columns.failure_type,
            columns.failure_message,
            columns.ended_at,
            columns.instance_id,
            columns.key,
        )
        .where(columns.ended_micros >= max(0, micros_of(within.since)))
        .where(columns.ended_micros < micros_of(within.until))
        .where(unindexed(columns.status) == Status.FAILED.value)
        .order_by(columns.ended_micros.desc(), columns.key.desc())
    )


def _group(kind: _Kind, failed: list[_Failed]) -> FailureGroup:
    last = max(failed, key=lambda each: (each.at, each.life))
    return FailureGroup(
        *kind,
        count=len(failed),
        first=min(each.at for each in failed),
        last=last.at,
        example=last.instance_id,
        life=last.life,
    )


def _rank(group: FailureGroup) -> tuple[object, ...]:
    return -group.count, -micros_of(group.last), group.name, group.error_type, group.message
