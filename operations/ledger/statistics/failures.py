"""Groups failures of attempts and runs by their fingerprint."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from operations.ledger.ledger_limits import StatisticsLimits
from operations.ledger.micros import micros_of
from operations.ledger.statistics.latest_rows import LatestRows
from operations.ledger.statistics.results import FailureGroup, PeriodStatistics
from operations.ledger.tables import attempts, runs
from operations.model import Status
from operations.records import Period

PLACEHOLDER = "…"
"""Replaces numbers, ids and quoted values in a fingerprint."""

_QUOTED = re.compile(r"""(?<!\w)(?:'[^'\n]*'|"[^"\n]*"|`[^`\n]*`)(?!\w)""")
_WORD = re.compile(r"[\w-]+(?:[.:,/@+][\w-]+)*")
_ID_LIKE = re.compile(r"\d|^[0-9a-fA-F]{8,}$")
_Kind = tuple[str, bool, str, str]  # name, is it an activity, error type, fingerprint


@dataclass(frozen=True)
class _Failed:
    is_activity: bool
    name: str
    error_type: str | None
    message: str | None
    at: datetime
    instance_id: str
    run_id: int

    @property
    def kind(self) -> _Kind:
        """What the failures of a group have in common."""
        shared = fingerprint(self.message or "", self.instance_id)
        return self.name, self.is_activity, self.error_type or "", shared


def read_failures(
    connection: Connection, within: Period, limits: StatisticsLimits
) -> PeriodStatistics[FailureGroup]:
    """Group the latest failures of a period, of attempts and of runs."""
    read, since = list[tuple[_Kind, _Failed]](), within.since
    for is_activity, query in ((True, _attempts(within)), (False, _runs(within))):
        latest = LatestRows(
            connection, query, limits.failures, limits.reading_seconds / 2, limits.batch
        )
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
    return PeriodStatistics(Period(since, within.until), tuple(groups[: limits.groups]))


def _attempts(within: Period) -> Select[Any]:
    columns = attempts.c
    return (
        select(
            columns.name,
            columns.error_type,
            columns.error_message,
            columns.ended_at,
            runs.c.instance_id,
            columns.run_id,
        )
        .join(runs, runs.c.run_id == columns.run_id)
        .where(columns.ended_at >= within.since, columns.ended_at < within.until)
        .where(columns.error_type.is_not(None))
        .where(columns.ended_at > columns.scheduled_at)  # not copied by a rerun
        .order_by(columns.ended_at.desc(), columns.run_id.desc())
    )


def _runs(within: Period) -> Select[Any]:
    columns = runs.c
    return (
        select(
            columns.workflow,
            columns.error_type,
            columns.error_message,
            columns.ended_at,
            columns.instance_id,
            columns.run_id,
        )
        .where(columns.ended_micros >= max(0, micros_of(within.since)))
        .where(columns.ended_micros < micros_of(within.until))
        .where(columns.status == Status.FAILED.value)
        .order_by(columns.ended_micros.desc(), columns.run_id.desc())
    )


def _group(kind: _Kind, failed: list[_Failed]) -> FailureGroup:
    last = max(failed, key=lambda each: (each.at, each.run_id))
    return FailureGroup(
        *kind,
        count=len(failed),
        first=min(each.at for each in failed),
        last=last.at,
        example=last.instance_id,
        run_id=last.run_id,
    )


def _rank(group: FailureGroup) -> tuple[object, ...]:
    return -group.count, -micros_of(group.last), group.name, group.error_type, group.fingerprint


def fingerprint(message: str, instance_id: str = "") -> str:
    """Return a message in which a placeholder replaces each number, id and quoted value.

    Failures of one failure group have the same fingerprint. A word with a digit counts as an id,
    as does the id of the failed instance.
    """
    if instance_id:
        message = message.replace(instance_id, PLACEHOLDER)
    return _WORD.sub(_replaced, _QUOTED.sub(PLACEHOLDER, message))


def _replaced(word: re.Match[str]) -> str:
    return PLACEHOLDER if _ID_LIKE.search(word[0]) else word[0]
