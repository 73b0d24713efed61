"""When attempts began, lent to those that the ledger holds already."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update

from operations.ledger.db.batches import in_portions
from operations.ledger.db.sessions import reading, writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.runs.attempts import ONE
from operations.ledger.tables import attempts, runs
from operations.records import StartTime
from operations.timeline import start_time_within

_Row = dict[str, Any]
_ENDED = (
    select(runs.c.instance_id, attempts)
    .join(attempts, attempts.c.run_id == runs.c.run_id)
    .where(
        runs.c.app_id == bindparam("app_id"),
        attempts.c.ended_at.is_not(None),
        runs.c.instance_id.in_(bindparam("ids", expanding=True)),
        attempts.c.event_id.in_(bindparam("events", expanding=True)),
    )
)
_BEGAN = ONE.values(started_at=bindparam("began"))
_Place = tuple[str, int]  # an instance's id, and the id of the event that scheduled an attempt


def add_start_times(engine: Engine, app_id: str, begins: Collection[StartTime]) -> None:
    """Write begins into the attempts, of whichever life, that may have begun then."""
    told: dict[_Place, list[datetime]] = defaultdict(list)
    for begin in begins:
        told[begin.instance_id, begin.event_id].append(begin.at)
    with reading(engine) as connection:
        if not any(_lent(connection, app_id, told)):
            return
    with writing(engine) as connection:
        revision = next_revision(connection)
        rows = list(_lent(connection, app_id, told))
        if rows:
            _write(connection, rows, revision)
            set_revision(connection, revision)


def _lent(
    connection: Connection, app_id: str, told: dict[_Place, list[datetime]]
) -> Iterator[_Row]:
    """Return the attempts to which something is lent that is not known of them."""
    for portion in in_portions(told):
        ids, events = (sorted(set(part)) for part in zip(*portion, strict=True))
        wanted = {"app_id": app_id, "ids": ids, "events": events}
        for row in connection.execute(_ENDED, wanted).mappings():
            times = told.get((row["instance_id"], row["event_id"]), ())
            began = start_time_within(row["scheduled_at"], row["ended_at"], times)
            if began and (row["started_at"] is None or row["started_at"] < began):
                yield {
                    "of_run_id": row["run_id"],
                    "of_generation": row["generation"],
                    "of_event_id": row["event_id"],
                    "began": began,
                }


def _write(connection: Connection, rows: list[_Row], revision: int) -> None:
    connection.execute(_BEGAN, rows)
    for run_ids in in_portions({row["of_run_id"] for row in rows}):
        grown = update(runs).where(runs.c.run_id.in_(run_ids))
        connection.execute(grown.values(revision=revision))
