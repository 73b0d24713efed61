"""What operators did."""

from sqlalchemy import Engine, RowMapping, insert, select

from operations.database import reading, writing
from operations.ledger.pulse import next_revision, set_revision
from operations.ledger.tables import journal
from operations.model import Actor, Status
from operations.records import Deed, Outcome


class Journal:
    """The deeds; every method raises `LedgerUnavailable` if the ledger cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, deed: Deed) -> None:
        """Add a deed."""
        with writing(self._engine) as connection:
            revision = next_revision(connection)
            connection.execute(insert(journal).values(**_row(deed), revision=revision))
            set_revision(connection, revision)

    def of(self, instance_id: str, limit: int) -> tuple[Deed, ...]:
        """Return what was done to an instance id, in all of its lives, newest first."""
        columns = journal.c
        query = (
            select(journal)
            .where(columns.instance_id == instance_id)
            .order_by(columns.at.desc(), columns.key.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return tuple(_deed(row) for row in connection.execute(query).mappings())


def _row(deed: Deed) -> dict[str, object]:
    row = {name: value for name, value in vars(deed).items() if name != "actor"}
    return {**row, "actor_name": deed.actor.name, "actor_role": deed.actor.role}


def _deed(row: RowMapping) -> Deed:
    return Deed(
        at=row["at"],
        actor=Actor(name=row["actor_name"], role=row["actor_role"]),
        action=row["action"],
        instance_id=row["instance_id"],
        outcome=Outcome(row["outcome"]),
        before=_status(row["before"]),
        after=_status(row["after"]),
        message=row["message"],
    )


def _status(text: str | None) -> Status | None:
    return Status(text) if text else None
