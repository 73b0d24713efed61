"""The only row of `heartbeat`: the ledger's revision, and the recorder's last heartbeat."""

import json
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update

from operations.ledger.db.connections import reading, writing
from operations.ledger.tables import heartbeat
from operations.model import Service
from operations.recorder_report import Heartbeat, Outage, RecorderMetrics

_THE_ROW = heartbeat.c.key == 1
_READ = select(heartbeat).where(_THE_ROW)
_LOCK = select(heartbeat.c.revision).where(_THE_ROW).with_for_update()
_SET = update(heartbeat).where(_THE_ROW).values(revision=bindparam("next"))


def next_revision(connection: Connection) -> int:
    """Return the revision for the rows that this transaction writes.

    It locks the row: no other transaction gets a revision until this one ends. So a reader that
    reads a revision also reads everything that was written under earlier ones.
    """
    return int(connection.execute(_LOCK).scalar_one()) + 1


def set_revision(connection: Connection, revision: int) -> None:
    """Set the ledger's revision."""
    connection.execute(_SET, {"next": revision})


def read_heartbeat(engine: Engine) -> tuple[str, Heartbeat]:
    """Return the ledger's random id and its heartbeat."""
    with reading(engine) as connection:
        row = connection.execute(_READ).one()
    outages = tuple(map(_outage, json.loads(row.outages)))
    metrics = _metrics(json.loads(row.metrics)) if row.metrics else None
    found = Heartbeat(row.revision, row.heartbeat_at, outages, row.backlog, metrics, row.app_id)
    return row.ledger_id, found


def write_heartbeat(engine: Engine, written: Heartbeat) -> None:
    """Write the recorder's heartbeat; the revision stays as it is."""
    values = {
        "app_id": written.app_id,
        "heartbeat_at": written.heartbeat_at,
        "outages": json.dumps([_outage_json(outage) for outage in written.outages]),
        "backlog": written.backlog,
        "metrics": json.dumps(vars(written.metrics)) if written.metrics else None,
    }
    with writing(engine) as connection:
        connection.execute(update(heartbeat).where(_THE_ROW).values(values))


def _outage_json(outage: Outage) -> dict[str, str]:
    return {"service": outage.service, "since": outage.since.isoformat(), "reason": outage.reason}


def _outage(found: dict[str, str]) -> Outage:
    since = datetime.fromisoformat(found["since"])
    return Outage(Service(found["service"]), since, found["reason"])


def _metrics(found: dict[str, Any]) -> RecorderMetrics:
    """Return the metrics, without those that only another version of Flowdeck has."""
    names = {field.name for field in fields(RecorderMetrics)}
    return RecorderMetrics(**{name: value for name, value in found.items() if name in names})
