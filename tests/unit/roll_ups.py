"""The roll-ups of a ledger, and what they would be if they were made anew from the rows."""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, delete, select

from operations.ledger import Ledger
from operations.ledger.db.connections import writing
from operations.ledger.statistics.buckets import Bucket, oldest_minute
from operations.ledger.statistics.roll_ups import roll_up_all
from operations.ledger.tables import roll_ups

_Counts = Counter[tuple[Any, ...]]


def kept_and_made(ledger: Ledger) -> tuple[_Counts, _Counts]:
    """Return the roll-ups that the ledger has, and those of its runs and attempts."""
    with writing(ledger._engine) as connection:
        kept = _read(connection)
        savepoint = connection.begin_nested()
        connection.execute(delete(roll_ups))
        roll_up_all(connection)
        made = _read(connection)
        savepoint.rollback()
    return kept, made


def _read(connection: Connection) -> _Counts:
    """Return the counts by all other columns, without old minutes and counts of 0."""
    oldest = oldest_minute()
    rows = ((key, count) for *key, count in connection.execute(select(roll_ups)))
    return +_Counts(
        {
            tuple(key): count
            for key, count in rows
            if key[0] != Bucket.MINUTE.seconds or key[1] >= oldest
        }
    )
