"""Who is acting on an instance at this moment: one process at most."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Engine, delete, insert, update
from sqlalchemy.exc import IntegrityError

from operations.ledger.db.sessions import writing
from operations.ledger.tables import leases

LASTS = 10.0  # seconds after which a hold counts as left behind by a process that died


@dataclass(frozen=True)
class Lease:
    """The right to act on an instance, `taken` at a moment (nanoseconds since 1970)."""

    app_id: str
    instance_id: str
    taken: int


class Leases:
    """The holds; every method raises `LedgerUnavailable` if the ledger cannot be reached."""

    def __init__(self, engine: Engine, app_id: Callable[[], str]) -> None:
        self._engine = engine
        self._app_id = app_id

    def take(self, instance_id: str) -> Lease | None:
        """Take the hold of an instance, or return None while another has it."""
        lease = Lease(self._app_id(), instance_id, now := time.time_ns())
        columns = leases.c
        is_left_behind = columns.taken < now - round(LASTS * 10**9)
        try:
            with writing(self._engine) as connection:
                connection.execute(delete(leases).where(*_of_instance(lease), is_left_behind))
                connection.execute(insert(leases).values(vars(lease)))
        except IntegrityError:
            return None
        return lease

    def renew(self, lease: Lease) -> Lease | None:
        """Take a hold anew, before it counts as left behind; None if another has it by now."""
        now = time.time_ns()
        with writing(self._engine) as connection:
            kept = connection.execute(update(leases).where(*_is(lease)).values(taken=now))
        return replace(lease, taken=now) if kept.rowcount else None

    def release(self, lease: Lease) -> None:
        """Give a hold back."""
        with writing(self._engine) as connection:
            connection.execute(delete(leases).where(*_is(lease)))


def _is(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return *_of_instance(lease), leases.c.taken == lease.taken


def _of_instance(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return leases.c.app_id == lease.app_id, leases.c.instance_id == lease.instance_id
