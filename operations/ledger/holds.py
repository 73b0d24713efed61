"""Who is acting on an instance at this moment: one process at most."""

import time
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, delete, insert, update
from sqlalchemy.exc import IntegrityError

from operations.database import writing
from operations.ledger.tables import holds

LASTS = 10.0  # seconds after which a hold counts as left behind by a process that died


@dataclass(frozen=True)
class Hold:
    """The right to act on an instance, `taken` at a moment (nanoseconds since 1970)."""

    instance_id: str
    taken: int


class Holds:
    """The holds; every method raises `LedgerUnavailable` if the ledger cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, instance_id: str) -> Hold | None:
        """Take the hold of an instance, or return None while another has it."""
        now = time.time_ns()
        columns = holds.c
        is_left_behind = columns.taken < now - round(LASTS * 10**9)
        try:
            with writing(self._engine) as connection:
                connection.execute(
                    delete(holds).where(columns.instance_id == instance_id, is_left_behind)
                )
                connection.execute(insert(holds).values(instance_id=instance_id, taken=now))
        except IntegrityError:
            return None
        return Hold(instance_id, now)

    def renew(self, hold: Hold) -> Hold | None:
        """Take a hold anew, before it counts as left behind; None if another has it by now."""
        now = time.time_ns()
        with writing(self._engine) as connection:
            kept = connection.execute(update(holds).where(*_is(hold)).values(taken=now))
        return Hold(hold.instance_id, now) if kept.rowcount else None

    def release(self, hold: Hold) -> None:
        """Give a hold back."""
        with writing(self._engine) as connection:
            connection.execute(delete(holds).where(*_is(hold)))


def _is(hold: Hold) -> tuple[ColumnElement[bool], ...]:
    return holds.c.instance_id == hold.instance_id, holds.c.taken == hold.taken
