"""Adds start times from traces to attempts that the ledger already has."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update

from operations.ledger.db.batches import in_batches
from operations.ledger.db.connections import reading, writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.runs.attempts import UPDATE_ONE
from operations.ledger.statistics.roll_ups import roll_up_attempts
from operations.ledger.tables import attempts, runs
from operations.timeline import Ending, StartTime, start_time_within

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
_UPDATE = UPDATE_ONE.values(started_at=bindparam("new_started_at"))
_StartTimes = dict[tuple[str, int], list[StartTime]]  # by instance id and event id


def add_start_times(engine: Engine, app_id: str, start_times: Collection[StartTime]) -> None:
    """Write start times into the attempts, of any run, that they fit."""
    by_event: _StartTimes = defaultdict(list)
    for each in start_times:
        by_event[each.instance_id, each.event_id].append(each)
    with reading(engine) as connection:
        if not any(_changes(connection, app_id, by_event)):
            return
    with writing(engine) as connection:
        revision = next_revision(connection)
        changes = list(_changes(connection, app_id, by_event))
        if changes:
            _write(connection, changes, revision)
            roll_up_attempts(connection, ((app_id, *each) for each in changes))
            set_revision(connection, revision)


def _changes(
    connection: Connection, app_id: str, by_event: _StartTimes
) -> Iterator[tuple[_Row, _Row]]:
    """Yield the attempts that get a later start time, before and after the change."""
    for batch in in_batches(by_event):
        ids, events = (sorted(set(values)) for values in zip(*batch, strict=True))
        wanted = {"app_id": app_id, "ids": ids, "events": events}
        for row in connection.execute(_ENDED, wanted).mappings():
            known = by_event.get((row["instance_id"], row["event_id"]), ())
            started_at = start_time_within(
                row["scheduled_at"], row["ended_at"], Ending(row["ending"]), known
            )
            if started_at and (row["started_at"] is None or row["started_at"] < started_at):
                yield dict(row), dict(row) | {"started_at": started_at}


def _write(connection: Connection, changes: list[tuple[_Row, _Row]], revision: int) -> None:
    rows = [
        {
            "of_run_id": row["run_id"],
            "of_generation": row["generation"],
            "of_event_id": row["event_id"],
            "new_started_at": row["started_at"],
        }
        for _, row in changes
    ]
    connection.execute(_UPDATE, rows)
    for run_ids in in_batches({row["of_run_id"] for row in rows}):
        query = update(runs).where(runs.c.run_id.in_(run_ids))
        connection.execute(query.values(revision=revision))
