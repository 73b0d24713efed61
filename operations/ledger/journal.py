"""What operators did."""

from sqlalchemy import Engine, RowMapping, insert, select

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
            rows = [{**row_of(deed), "revision": revision} for deed in deeds]
            connection.execute(insert(journal), rows)
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
