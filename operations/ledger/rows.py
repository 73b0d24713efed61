"""Lives as rows of `instances`."""

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
    update,
)

from operations.ledger.lives import Life
from operations.ledger.portions import in_portions
from operations.ledger.sorting import ended_micros, queue_micros, run_micros, took_micros
from operations.ledger.tables import instances
from operations.model import Status
from operations.records import Entry

_ENTRY = tuple(field.name for field in fields(Entry))
ENTRY_COLUMNS = [instances.c[name] for name in _ENTRY]
"""What must be read for an entry."""

_WRITTEN = [column.name for column in instances.c if not column.primary_key]

# Statements are made once: to make one takes longer than to execute it.
_OF_IDS = select(instances).where(instances.c.instance_id.in_(bindparam("ids", expanding=True)))
_LATEST = _OF_IDS.where(instances.c.is_latest.is_(true()))
_EARLIER = _OF_IDS.where(
    instances.c.execution_id.in_(bindparam("execution_ids", expanding=True)),
    instances.c.is_latest.is_(false()),
)
_INSERT = insert(instances).returning(instances.c.key, sort_by_parameter_order=True)
_ONE = update(instances).where(instances.c.key == bindparam("of"))
_UPDATE = _ONE.values({name: bindparam(name) for name in _WRITTEN})
_TOUCH = _ONE.values(seen_at=bindparam("seen_at"))


def entry_in(row: RowMapping) -> Entry:
    """Return the entry that a row holds."""
    return Entry(**{name: row[name] for name in _ENTRY} | {"status": Status(row["status"])})


def latest_lives(connection: Connection, ids: Iterable[str]) -> Iterator[Life]:
    """Read the latest life of each id that there is."""
    for portion in in_portions(ids):
        yield from _lives(connection, _LATEST, ids=portion)


def earlier_lives(connection: Connection, executions: Iterable[tuple[str, str]]) -> Iterator[Life]:
    """Read those lives that have one of these ids and execution ids, except for the latest."""
    for portion in in_portions(executions):
        ids, execution_ids = zip(*portion, strict=True)
        yield from _lives(connection, _EARLIER, ids=ids, execution_ids=execution_ids)


def insert_lives(connection: Connection, revision: int, lives: Sequence[Life]) -> list[int]:
    """Add lives; return their keys, in the same order."""
    if not lives:
        return []
    rows = [_row(life, revision) for life in lives]
    return list(connection.execute(_INSERT, rows).scalars())


def update_lives(connection: Connection, revision: int, lives: Sequence[Life]) -> None:
    """Write lives that are there, with a revision."""
    if lives:
        rows = [_row(life, revision) | {"of": life.entry.key} for life in lives]
        connection.execute(_UPDATE, rows)


def touch_lives(connection: Connection, lives: Sequence[Life]) -> None:
    """Write when lives were last seen, which is no change: older news must not come after it."""
    if lives:
        rows = [{"of": life.entry.key, "seen_at": life.seen_at} for life in lives]
        connection.execute(_TOUCH, rows)


def _lives(connection: Connection, query: Select[Any], **portion: Sequence[str]) -> Iterator[Life]:
    for row in connection.execute(query, portion).mappings():
        yield Life(entry_in(row), row["seen_at"], row["is_archived"])


def _row(life: Life, revision: int) -> dict[str, Any]:
    row = vars(life.entry) | {
        "status": life.entry.status.value,
        "revision": revision,
        "seen_at": life.seen_at,
        "is_archived": life.is_archived,
        "ended_micros": ended_micros(life.entry),
        "took_micros": took_micros(life.entry),
        "queue_micros": queue_micros(life.entry),
        "run_micros": run_micros(life.entry),
    }
    del row["key"]
    return row
