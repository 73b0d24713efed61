"""The one row that tells what is new: the ledger's revision, and the recorder's sign of life."""

import json
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update

from operations.ledger.db.sessions import reading, writing
from operations.ledger.tables import heartbeat
from operations.model import Service
from operations.records import Heartbeat, Outage, RecorderMetrics

_THE_ROW = heartbeat.c.key == 1
_READ = select(heartbeat).where(_THE_ROW)
_LOCK = select(heartbeat.c.revision).where(_THE_ROW).with_for_update()
_SET = update(heartbeat).where(_THE_ROW).values(revision=bindparam("next"))


def next_revision(connection: Connection) -> int:
    """Return the revision that this transaction may give what it writes.

    Until its end no other transaction gets one: who sees a revision sees all that came before it.
    """
    return int(connection.execute(_LOCK).scalar_one()) + 1


def set_revision(connection: Connection, revision: int) -> None:
    """Let the ledger have the revision of what was written."""
    connection.execute(_SET, {"next": revision})


def read_heartbeat(engine: Engine) -> tuple[str, Heartbeat]:
    """Return the ledger's random id, and its heartbeat."""
    with reading(engine) as connection:
        row = connection.execute(_READ).one()
    outages = tuple(map(_outage, json.loads(row.outages)))
    metrics = _measures(json.loads(row.metrics)) if row.metrics else None
    beat = Heartbeat(row.revision, row.heartbeat_at, outages, row.backlog, metrics, row.app_id)
    return row.ledger_id, beat


def write_heartbeat(engine: Engine, beat: Heartbeat) -> None:
    """Write the recorder's sign of life; the revision stays as it is."""
    values = {
        "app_id": beat.app_id,
        "heartbeat_at": beat.heartbeat_at,
        "outages": json.dumps([_told(outage) for outage in beat.outages]),
        "backlog": beat.backlog,
        "metrics": json.dumps(vars(beat.metrics)) if beat.metrics else None,
    }
    with writing(engine) as connection:
        connection.execute(update(heartbeat).where(_THE_ROW).values(values))


def _told(outage: Outage) -> dict[str, str]:
    return {"service": outage.service, "since": outage.since.isoformat(), "reason": outage.reason}


def _outage(told: dict[str, str]) -> Outage:
    return Outage(Service(told["service"]), datetime.fromisoformat(told["since"]), told["reason"])


def _measures(told: dict[str, Any]) -> RecorderMetrics:
    """Return measures without those that only another version knows."""
    names = {field.name for field in fields(RecorderMetrics)}
    return RecorderMetrics(**{name: value for name, value in told.items() if name in names})
