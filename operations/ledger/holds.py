"""Who is acting on an instance at this moment: one process at most."""

import time
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert
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

    def release(self, hold: Hold) -> None:
        """Give a hold back."""
        columns = holds.c
        query = delete(holds).where(
            columns.instance_id == hold.instance_id, columns.taken == hold.taken
        )
        with writing(self._engine) as connection:
            connection.execute(query)
