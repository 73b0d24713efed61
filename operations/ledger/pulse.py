"""The one row that tells what is new: the ledger's revision, and the recorder's sign of life."""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update

from operations.database import reading, writing
from operations.ledger.tables import pulse
from operations.model import Part
from operations.records import Measures, Outage, Pulse

_THE_ROW = pulse.c.key == 1
_READ = select(pulse).where(_THE_ROW)
_LOCK = select(pulse.c.revision).where(_THE_ROW).with_for_update()
_SET = update(pulse).where(_THE_ROW).values(revision=bindparam("next"))


def next_revision(connection: Connection) -> int:
    """Return the revision that this transaction may give what it writes.

    Until its end no other transaction gets one: who sees a revision sees all that came before it.
    """
    return int(connection.execute(_LOCK).scalar_one()) + 1


def set_revision(connection: Connection, revision: int) -> None:
    """Let the ledger have the revision of what was written."""
    connection.execute(_SET, {"next": revision})


def read_pulse(engine: Engine) -> Pulse:
    """Read the row."""
    with reading(engine) as connection:
        row = connection.execute(_READ).one()
    outages = tuple(map(_outage, json.loads(row.outages)))
    measures = _measures(json.loads(row.measures)) if row.measures else None
    return Pulse(row.revision, row.beat_at, outages, behind=row.behind, measures=measures)


def beat(
    engine: Engine,
    at: datetime,
    outages: Sequence[Outage],
    behind: int | None,
    measures: Measures | None,
) -> None:
    """Write that the recorder lives, what it saw, how much it has not seen yet, its measures."""
    told = json.dumps([_told(outage) for outage in outages])
    measured = json.dumps(vars(measures)) if measures else None
    values = {"beat_at": at, "outages": told, "behind": behind, "measures": measured}
    with writing(engine) as connection:
        connection.execute(update(pulse).where(_THE_ROW).values(values))


def _told(outage: Outage) -> dict[str, str]:
    return {"part": outage.part, "since": outage.since.isoformat(), "why": outage.why}


def _outage(told: dict[str, str]) -> Outage:
    return Outage(Part(told["part"]), datetime.fromisoformat(told["since"]), told["why"])


def _measures(told: dict[str, Any]) -> Measures:
    """Return measures without those that only another version knows."""
    names = {field.name for field in fields(Measures)}
    return Measures(**{name: value for name, value in told.items() if name in names})
