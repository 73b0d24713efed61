"""The one row that tells what is new: the ledger's revision, and the recorder's sign of life."""

import json
from collections.abc import Sequence
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


def read_heartbeat(engine: Engine) -> Heartbeat:
    """Read the row."""
    with reading(engine) as connection:
        row = connection.execute(_READ).one()
    outages = tuple(map(_outage, json.loads(row.outages)))
    metrics = _measures(json.loads(row.metrics)) if row.metrics else None
    return Heartbeat(row.revision, row.heartbeat_at, outages, backlog=row.backlog, metrics=metrics)


def write_heartbeat(
    engine: Engine,
    at: datetime,
    outages: Sequence[Outage],
    backlog: int | None,
    metrics: RecorderMetrics | None,
) -> None:
    """Write that the recorder lives, what it saw, how much it has not seen yet, its measures."""
    told = json.dumps([_told(outage) for outage in outages])
    measured = json.dumps(vars(metrics)) if metrics else None
    values = {"heartbeat_at": at, "outages": told, "backlog": backlog, "metrics": measured}
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
