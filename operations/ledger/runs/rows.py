"""Reads and writes the rows of `runs`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    false,
    insert,
    select,
    true,
    tuple_,
    update,
)

from operations.ledger.db.batches import in_batches
from operations.ledger.micros import duration_micros, ended_micros
from operations.ledger.runs.identity import Run
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import RunSummary
from operations.timeline import SpanKind

_FIELDS = tuple(field.name for field in fields(RunSummary))
SUMMARY_COLUMNS = [runs.c[name] for name in _FIELDS]
"""The columns of a `RunSummary`."""

# `is_latest` comes first: the clocks of `created_at` may differ between the runs of an id.
_ORDER_IN_ID = (runs.c.is_latest, runs.c.created_at, runs.c.run_id)
_WRITTEN = [column.name for column in runs.c if not column.primary_key]

# Statements are built once: building one takes longer than executing it.
_OF_IDS = select(runs).where(
    runs.c.app_id == bindparam("app_id"),
    runs.c.instance_id.in_(bindparam("ids", expanding=True)),
)
_LATEST = _OF_IDS.where(runs.c.is_latest.is_(true()))
_EARLIER = _OF_IDS.where(
    runs.c.execution_id.in_(bindparam("execution_ids", expanding=True)),
    runs.c.is_latest.is_(false()),
)
_INSERT = insert(runs).returning(runs.c.run_id, sort_by_parameter_order=True)
_ONE = update(runs).where(runs.c.run_id == bindparam("of"))
_UPDATE = _ONE.values({name: bindparam(name) for name in _WRITTEN})
_TOUCH = _ONE.values(read_at=bindparam("read_at"))


def summary_in(row: RowMapping) -> RunSummary:
    """Return the summary of a row."""
    values = {name: row[name] for name in _FIELDS}
    values["status"] = Status(row["status"])
    if row["waits_kind"] is not None:
        values["waits_kind"] = SpanKind(row["waits_kind"])
    return RunSummary(**values)


def latest_runs(connection: Connection, app_id: str, ids: Iterable[str]) -> Iterator[Run]:
    """Read the latest runs of instance ids of an application."""
    for batch in in_batches(ids):
        yield from _read_runs(connection, _LATEST, app_id=app_id, ids=batch)


def earlier_runs(
    connection: Connection, app_id: str, executions: Iterable[tuple[str, str]]
) -> Iterator[Run]:
    """Read the runs with these instance ids and execution ids, except the latest runs."""
    for batch in in_batches(executions):
        ids, execution_ids = zip(*batch, strict=True)
        yield from _read_runs(
            connection, _EARLIER, app_id=app_id, ids=ids, execution_ids=execution_ids
        )


def read_adjacent_runs(
    connection: Connection, run: RunSummary
) -> tuple[RunSummary | None, RunSummary | None]:
    """Read the runs of the same id right before and right after a run, None at the ends."""
    here, key = tuple_(*_ORDER_IN_ID), (run.is_latest, run.created_at, run.run_id)
    of_id = (
        select(*SUMMARY_COLUMNS)
        .where(runs.c.app_id == run.app_id, runs.c.instance_id == run.instance_id)
        .limit(1)
    )
    earlier = of_id.where(here < key).order_by(*(column.desc() for column in _ORDER_IN_ID))
    later = of_id.where(here > key).order_by(*_ORDER_IN_ID)
    before, after = (connection.execute(each).mappings().first() for each in (earlier, later))
    return summary_in(before) if before else None, summary_in(after) if after else None


def insert_runs(connection: Connection, revision: int, runs: Sequence[Run]) -> list[int]:
    """Insert runs; return their `run_id`s in the same order."""
    if not runs:
        return []
    rows = [_row(run, revision) for run in runs]
    return list(connection.execute(_INSERT, rows).scalars())


def update_runs(connection: Connection, revision: int, runs: Sequence[Run]) -> None:
    """Update runs, and set their revision."""
    if runs:
        rows = [_row(run, revision) | {"of": run.summary.run_id} for run in runs]
        connection.execute(_UPDATE, rows)


def touch_runs(connection: Connection, runs: Sequence[Run]) -> None:
    """Update `read_at` of runs, so that older snapshots become stale; their revision stays."""
    if runs:
        rows = [{"of": run.summary.run_id, "read_at": run.read_at} for run in runs]
        connection.execute(_TOUCH, rows)


def _read_runs(connection: Connection, query: Select[Any], **values: object) -> Iterator[Run]:
    for row in connection.execute(query, values).mappings():
        yield Run(summary_in(row), row["read_at"], row["is_archived"])


def _row(run: Run, revision: int) -> dict[str, Any]:
    row = vars(run.summary) | {
        "status": run.summary.status.value,
        "waits_kind": run.summary.waits_kind and run.summary.waits_kind.value,
        "revision": revision,
        "read_at": run.read_at,
        "is_archived": run.is_archived,
        "ended_micros": ended_micros(run.summary),
        "duration_micros": duration_micros(run.summary),
    }
    del row["run_id"]
    return row
