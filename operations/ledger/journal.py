"""What operators did, and what they have begun to do."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, insert, select, update

from operations.database import reading, writing
from operations.ledger.actors import actor_in, row_of
from operations.ledger.pulse import next_revision, set_revision
from operations.ledger.tables import journal
from operations.model import Status
from operations.records import ALL_TIME, Deed, Outcome, Period


class Journal:
    """The deeds; every method raises `LedgerUnavailable` if the ledger cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, *deeds: Deed) -> None:
        """Add deeds, all or none."""
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            _add(connection, revision, deeds)
            set_revision(connection, revision)

    def begin(self, deed: Deed) -> int:
        """Add a deed that is about to be done, and return the key by which `end` finds it."""
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            added = connection.execute(insert(journal).values(_row(deed, revision)))
            set_revision(connection, revision)
            return int(added.inserted_primary_key[0])  # type: ignore[index]

    def end(self, key: int, deed: Deed, *others: Deed) -> None:
        """Write what came of a deed that was begun, and add others, all or none."""
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            begun = update(journal).where(*_is_begun(key, deed)).values(_row(deed, revision))
            is_here = connection.execute(begun).rowcount  # or this ledger has replaced another
            _add(connection, revision, others if is_here else (deed, *others))
            set_revision(connection, revision)

    def of(self, instance_id: str, limit: int, within: Period = ALL_TIME) -> tuple[Deed, ...]:
        """Return what was done to an instance id in a period, newest first."""
        columns = journal.c
        query = (
            select(journal)
            .where(columns.instance_id == instance_id)
            .where(columns.at >= within.since, columns.at < within.until)
            .order_by(columns.at.desc(), columns.key.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return tuple(_deed(row) for row in connection.execute(query).mappings())

    def of_bulk(self, bulk: str) -> tuple[Deed, ...]:
        """Return what was done as a part of a bulk, in its order."""
        query = select(journal).where(journal.c.bulk == bulk).order_by(journal.c.key)
        with reading(self._engine) as connection:
            return tuple(_deed(row) for row in connection.execute(query).mappings())


def _add(connection: Connection, revision: int, deeds: Sequence[Deed]) -> None:
    if deeds:
        connection.execute(insert(journal), [_row(deed, revision) for deed in deeds])


def _row(deed: Deed, revision: int) -> dict[str, Any]:
    return {**row_of(deed), "revision": revision}


def _is_begun(key: int, deed: Deed) -> tuple[ColumnElement[bool], ...]:
    columns = journal.c
    return (
        columns.key == key,
        columns.instance_id == deed.instance_id,
        columns.action == deed.action,
        columns.outcome == Outcome.UNKNOWN.value,
    )


def _deed(row: RowMapping) -> Deed:
    return Deed(
        at=row["at"],
        actor=actor_in(row),
        action=row["action"],
        instance_id=row["instance_id"],
        outcome=Outcome(row["outcome"]),
        before=_status(row["before"]),
        after=_status(row["after"]),
        message=row["message"],
        why=row["why"],
        bulk=row["bulk"],
    )


def _status(text: str | None) -> Status | None:
    return Status(text) if text else None
