"""What fails alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from operations.ledger.sorting import micros_of, unindexed
from operations.ledger.tables import attempts, instances
from operations.likeness import likeness
from operations.model import Status
from operations.records import Period
from operations.statistics import FailureGroup, Told

MOST = 20_000  # failures of attempts, and as many of lives, that a question reads
GROUPS = 200  # that it tells of


@dataclass(frozen=True)
class _Failed:
    name: str
    error_type: str | None
    message: str | None
    at: datetime
    instance_id: str
    life: int
    is_activity: bool

    @property
    def kind(self) -> tuple[str, bool, str, str]:
        """What it has in common with its like."""
        message = likeness(self.message or "", self.instance_id)
        return self.name, self.is_activity, self.error_type or "", message


def read_failures(connection: Connection, within: Period) -> Told[FailureGroup]:
    """Group the latest failures of a period."""
    of_attempts = list(_attempts(connection, within))
    of_lives = list(_lives(connection, within))
    cut = [each[MOST - 1].at for each in (of_attempts, of_lives) if len(each) > MOST]
    since = max(cut, default=within.since)
    found: dict[tuple[str, bool, str, str], list[_Failed]] = {}
    for failed in (*of_attempts, *of_lives):
        if failed.at >= since:
            found.setdefault(failed.kind, []).append(failed)
    groups = sorted((_group(kind, of) for kind, of in found.items()), key=_rank)
    return Told(Period(since, within.until), tuple(groups[:GROUPS]))


def _attempts(connection: Connection, within: Period) -> Iterator[_Failed]:
    columns = attempts.c
    query = (
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
        .limit(MOST + 1)
    )
    for row in connection.execute(query):
        yield _Failed(*row, is_activity=True)


def _lives(connection: Connection, within: Period) -> Iterator[_Failed]:
    columns = instances.c
    query = (
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
        .limit(MOST + 1)
    )
    for row in connection.execute(query):
        yield _Failed(*row, is_activity=False)


def _group(kind: tuple[str, bool, str, str], failed: list[_Failed]) -> FailureGroup:
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
