"""Reservations of instance ids: who starts which instance, with which input.

A start reserves its id before Dapr is called, so that only one of several starts with the same id
reaches the engine, also if they come from different processes.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

from sqlalchemy import (
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
from operations.ledger.audit_log import add_entries, finish_start
from operations.ledger.db.batches import in_batches
from operations.ledger.db.connections import reading, writing
from operations.ledger.heartbeat import next_revision, set_revision
from operations.ledger.tables import reservations
from operations.model import Actor
from operations.records import AuditEntry, Outcome

# Statements are built once: building them anew would take a third of the time of a start.
_LATEST = (
    select(reservations)
    .where(
        reservations.c.app_id == bindparam("app_id"),
        reservations.c.instance_id == bindparam("instance_id"),
    )
    .order_by(reservations.c.sequence.desc())
    .limit(1)
)
_IS_OPEN = (
    reservations.c.app_id == bindparam("open_app_id"),
    reservations.c.instance_id == bindparam("open_instance_id"),
    reservations.c.sequence == bindparam("open_sequence"),
    reservations.c.claim == bindparam("open_claim"),
    reservations.c.accepted_at.is_(None),
)
"""The conditions that find a reservation while it is not accepted or replaced; see `_open`."""
_INSERT = insert(reservations)
_REPLACE = update(reservations).where(*_IS_OPEN)
_ACCEPT = _REPLACE.values(accepted_at=bindparam("now"), revision=bindparam("next_revision"))
_DELETE = delete(reservations).where(*_IS_OPEN)
_OF_IDS = (
    select(reservations)
    .where(
        reservations.c.app_id == bindparam("app_id"),
        reservations.c.instance_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(reservations.c.sequence)
)
_IDS_SINCE = (
    select(reservations.c.instance_id)
    .where(
        reservations.c.app_id == bindparam("app_id"),
        reservations.c.revision > bindparam("revision"),
    )
    .order_by(reservations.c.revision)
)


@dataclass(frozen=True)
class Reservation:
    """An instance id that is reserved for one start.

    `payload` is JSON text. `sequence` counts the reservations of an id from 1. `claim` is the time
    of the reservation in nanoseconds since 1970; it identifies this reservation.
    `accepted_at` is when it was known that the engine has the instance, None until then.
    `scheduled_for` is when the instance is due to start, None if at once. Times are aware UTC.
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
        """True if it is known that the engine has the instance."""
        return self.accepted_at is not None

    @property
    def reserved_at(self) -> datetime:
        """The time of the reservation, aware UTC."""
        return datetime.fromtimestamp(self.claim / 10**9, UTC)


_FIELDS = [field.name for field in fields(Reservation) if field.name != "actor"]


class Reservations:
    """Reads and writes reservations; every method raises `LedgerUnavailable`.

    Every write gets a revision of the ledger, by which the recorder finds new instances.
    """

    def __init__(self, engine: Engine, app_id: Callable[[], str]) -> None:
        self._engine = engine
        self._app_id = app_id

    def latest(self, instance_id: str) -> Reservation | None:
        """Return the latest reservation of the id, None if it has none."""
        wanted = {"app_id": self._app_id(), "instance_id": instance_id}
        with reading(self._engine) as connection:
            row = connection.execute(_LATEST, wanted).mappings().first()
        return _reservation(row) if row else None

    def ids_since(self, revision: int) -> tuple[str, ...]:
        """Return the ids whose reservations were written after a revision, the oldest first."""
        wanted = {"app_id": self._app_id(), "revision": revision}
        with reading(self._engine) as connection:
            found = connection.execute(_IDS_SINCE, wanted).scalars()
            return tuple(dict.fromkeys(found))

    def claim(
        self, wanted: Reservation, latest: Reservation | None, entry: AuditEntry | None = None
    ) -> Reservation | None:
        """Reserve the id for `wanted`; return the reservation with its sequence and claim.

        `latest` is the latest reservation of the id, as the caller read it. It is replaced if it
        was never accepted; else the next reservation is added. `entry` is written to the audit log
        in the same transaction, with the time of the reservation. Returns None if another process
        has reserved the id since `latest` was read.
        """
        app_id = self._app_id()  # before the transaction: this may call the sidecar
        replaced = latest if latest and not latest.is_accepted else None
        sequence = replaced.sequence if replaced else latest.sequence + 1 if latest else 1
        claimed = replace(wanted, sequence=sequence, claim=time.time_ns())
        try:
            with writing(self._engine) as connection:
                revision = next_revision(connection)
                if not _write(connection, app_id, revision, claimed, replaced):
                    return None
                if entry:
                    entry = replace(entry, app_id=app_id, at=claimed.reserved_at)
                    add_entries(connection, revision, [entry])
                set_revision(connection, revision)
        except IntegrityError:
            return None
        return claimed

    def accept(self, reservation: Reservation) -> None:
        """Record that the engine has the instance; the outcome of its start is DONE."""
        now = datetime.now(UTC)
        app_id = self._app_id()
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            values = {**_open(app_id, reservation), "now": now, "next_revision": revision}
            if connection.execute(_ACCEPT, values).rowcount:
                key = (app_id, reservation.instance_id, reservation.reserved_at)
                finish_start(connection, revision, *key, Outcome.DONE, at=now)
                set_revision(connection, revision)

    def release(self, reservation: Reservation, reason: str) -> None:
        """Delete the reservation of a start that failed; the outcome of the start is REFUSED."""
        app_id = self._app_id()
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            if connection.execute(_DELETE, _open(app_id, reservation)).rowcount:
                key = (app_id, reservation.instance_id, reservation.reserved_at)
                finish_start(connection, revision, *key, Outcome.REFUSED, message=reason)
                set_revision(connection, revision)


def latest_reservations(
    connection: Connection, app_id: str, ids: Iterable[str]
) -> dict[str, Reservation]:
    """Return the latest reservation of each id that has one."""
    found: dict[str, Reservation] = {}
    for batch in in_batches(ids):
        for row in connection.execute(_OF_IDS, {"app_id": app_id, "ids": batch}).mappings():
            found[row["instance_id"]] = _reservation(row)
    return found


def _write(
    connection: Connection,
    app_id: str,
    revision: int,
    claimed: Reservation,
    replaced: Reservation | None,
) -> bool:
    """Write a reservation; return False if another process has replaced `replaced` since."""
    row = {**row_of(claimed), "app_id": app_id, "revision": revision}
    if replaced is None:
        connection.execute(_INSERT, row)
        return True
    query = _REPLACE.values(row)
    return connection.execute(query, _open(app_id, replaced)).rowcount == 1


def _reservation(row: RowMapping) -> Reservation:
    values = {name: row[name] for name in _FIELDS}
    return Reservation(actor=actor_in(row), **values)


def _open(app_id: str, reservation: Reservation) -> dict[str, object]:
    """Return the values of `_IS_OPEN`."""
    return {
        "open_app_id": app_id,
        "open_instance_id": reservation.instance_id,
        "open_sequence": reservation.sequence,
        "open_claim": reservation.claim,
    }
