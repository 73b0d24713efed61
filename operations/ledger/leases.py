"""Leases on instances and bulk jobs: one process at a time acts on an instance or for a job."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Engine, delete, insert, update
from sqlalchemy.exc import IntegrityError

from operations.ledger.db.connections import writing
from operations.ledger.tables import leases

LEASE_SECONDS = 10.0


@dataclass(frozen=True)
class Lease:
    """The right to act on an instance until `expires_at` (nanoseconds since 1970)."""

    app_id: str
    instance_id: str
    expires_at: int


class Leases:
    """Acquires, renews and releases leases; every method raises `LedgerUnavailable`.

    A lease whose process died expires; then another action can acquire it.
    """

    def __init__(self, engine: Engine, app_id: Callable[[], str]) -> None:
        self._engine = engine
        self._app_id = app_id

    def acquire(self, instance_id: str, seconds: float = LEASE_SECONDS) -> Lease | None:
        """Acquire the lease on an instance, or return None while another action has it."""
        is_expired = leases.c.expires_at <= time.time_ns()
        lease = Lease(self._app_id(), instance_id, _expiry(seconds))
        try:
            with writing(self._engine) as connection:
                connection.execute(delete(leases).where(*_of_instance(lease), is_expired))
                connection.execute(insert(leases).values(vars(lease)))
        except IntegrityError:
            return None
        return lease

    def renew(self, lease: Lease, seconds: float = LEASE_SECONDS) -> Lease | None:
        """Renew a lease, or return None if another action has acquired it."""
        renewed = replace(lease, expires_at=_expiry(seconds))
        query = update(leases).where(*_is(lease)).values(expires_at=renewed.expires_at)
        with writing(self._engine) as connection:
            return renewed if connection.execute(query).rowcount else None

    def release(self, lease: Lease) -> None:
        """Release a lease; do nothing if another action has acquired it since."""
        with writing(self._engine) as connection:
            connection.execute(delete(leases).where(*_is(lease)))


def _expiry(seconds: float) -> int:
    return time.time_ns() + round(seconds * 10**9)


def _is(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return *_of_instance(lease), leases.c.expires_at == lease.expires_at


def _of_instance(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return leases.c.app_id == lease.app_id, leases.c.instance_id == lease.instance_id
