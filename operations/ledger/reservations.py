"""Which ids were started from here, by whom, with what.

One row is one life of an instance id. It is claimed before Dapr is called, so that of any number of
starts with the same id, from any process, one alone reaches the engine.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from operations.ledger.actor_columns import actor_in, row_of
from operations.ledger.db.batches import in_portions
from operations.ledger.db.sessions import reading, writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.tables import reservations
from operations.model import Actor
from operations.records import Period

_OF_IDS = (
    select(reservations)
    .where(reservations.c.instance_id.in_(bindparam("ids", expanding=True)))
    .order_by(reservations.c.sequence)
)

_IDS_SINCE = select(reservations.c.instance_id).where(
    reservations.c.revision > bindparam("revision")
)


@dataclass(frozen=True)
class Reservation:
    """One life of an instance id: claimed, and accepted once the engine has it.

    `payload` is JSON text. `life` counts from 1. `claim` is the moment (nanoseconds since 1970) at
    which a process set out to start it: the process that wrote it owns the start. `scheduled_for`
    is when it is due, if that is later.
    """

    instance_id: str
    workflow: str
    payload: str
    actor: Actor
    sequence: int = 0
    claim: int = 0
    accepted_at: datetime | None = None
    scheduled_for: datetime | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the engine is known to have taken the start."""
        return self.accepted_at is not None

    @property
    def reserved_at(self) -> datetime:
        """The moment of the claim."""
        return datetime.fromtimestamp(self.claim / 10**9, UTC)


class Reservations:
    """The starts; every method raises `LedgerUnavailable` if the ledger cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest(self, instance_id: str) -> Reservation | None:
        """Return the latest life of the id, or None if it was never started from here."""
        return self._latest(reservations.c.instance_id == instance_id)

    def accepted(self, instance_id: str, within: Period) -> Reservation | None:
        """Return the latest start of the id that was accepted in a period, or None."""
        accepted_at = reservations.c.accepted_at
        return self._latest(
            reservations.c.instance_id == instance_id,
            accepted_at >= within.since,
            accepted_at < within.until,
        )

    def ids_since(self, revision: int) -> tuple[str, ...]:
        """Return the ids whose reservations were written after a revision."""
        with reading(self._engine) as connection:
            found = connection.execute(_IDS_SINCE, {"revision": revision}).scalars()
            return tuple(dict.fromkeys(found))

    def claim(self, wanted: Reservation, latest: Reservation | None) -> Reservation | None:
        """Claim the right to start `wanted`, given the latest life that the caller knows of.

        Takes over `latest` if the engine never accepted it, else opens the next life. Returns None
        if another process has claimed the id since `latest` was read.
        """
        if latest and not latest.is_accepted:
            return self._take_over(latest, wanted)
        sequence = latest.sequence + 1 if latest else 1
        claimed = replace(wanted, sequence=sequence, claim=time.time_ns())
        try:
            with writing(self._engine) as connection:
                revision = next_revision(connection)
                row = row_of(claimed) | {"revision": revision}
                connection.execute(insert(reservations).values(row))
                set_revision(connection, revision)
        except IntegrityError:
            return None
        return claimed

    def accept(self, start: Reservation) -> None:
        """Note that the engine has taken the start."""
        query = update(reservations).where(*_owned(start)).values(accepted_at=datetime.now(UTC))
        with writing(self._engine) as connection:
            connection.execute(query)

    def release(self, start: Reservation) -> None:
        """Forget a claim whose start is known not to have happened."""
        with writing(self._engine) as connection:
            connection.execute(delete(reservations).where(*_owned(start)))

    def _latest(self, *conditions: ColumnElement[bool]) -> Reservation | None:
        query = (
            select(reservations)
            .where(*conditions)
            .order_by(reservations.c.sequence.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        return _start(row) if row else None

    def _take_over(self, abandoned: Reservation, wanted: Reservation) -> Reservation | None:
        claimed = replace(wanted, sequence=abandoned.sequence, claim=time.time_ns())
        query = update(reservations).where(*_owned(abandoned))
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            row = row_of(claimed) | {"revision": revision}
            taken = connection.execute(query.values(row)).rowcount == 1
            set_revision(connection, revision)
        return claimed if taken else None


def latest_starts(connection: Connection, ids: Iterable[str]) -> dict[str, Reservation]:
    """Return the latest start of each id that was started from here."""
    found: dict[str, Reservation] = {}
    for portion in in_portions(ids):
        for row in connection.execute(_OF_IDS, {"ids": portion}).mappings():
            found[row["instance_id"]] = _start(row)
    return found


def _start(row: RowMapping) -> Reservation:
    told = {
        name: value for name, value in row.items() if not name.startswith(("actor_", "revision"))
    }
    return Reservation(actor=actor_in(row), **told)


def _owned(start: Reservation) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that finds the row of `start` while its claim holds."""
    columns = reservations.c
    return (
        columns.instance_id == start.instance_id,
        columns.sequence == start.sequence,
        columns.claim == start.claim,
        columns.accepted_at.is_(None),
    )
