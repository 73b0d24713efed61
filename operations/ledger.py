"""What SQL remembers of the instances: at first, which ids were started, by whom, with what.

One row of `starts` is one life of an instance id. It is claimed before Dapr is called, so that of
any number of starts with the same id, from any process, one alone reaches the engine.
"""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Engine,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from operations.database import UtcDateTime, open_engine, reading, writing
from operations.model import Actor

_metadata = MetaData()
_starts = Table(
    "starts",
    _metadata,
    Column("instance_id", String(64), primary_key=True),
    Column("life", Integer, primary_key=True),
    Column("workflow", String(255), nullable=False),
    Column("payload", Text, nullable=False),
    Column("actor_name", String(255), nullable=False),
    Column("actor_role", String(64), nullable=False),
    Column("claim", BigInteger, nullable=False),
    Column("accepted_at", UtcDateTime),
)


@dataclass(frozen=True)
class Start:
    """One life of an instance id: claimed, and accepted once the engine has it.

    `payload` is JSON text. `life` counts from 1. `claim` is the moment (nanoseconds since 1970) at
    which a process set out to start it: the process that wrote it owns the start.
    """

    instance_id: str
    workflow: str
    payload: str
    actor: Actor
    life: int = 0
    claim: int = 0
    accepted_at: datetime | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the engine is known to have taken the start."""
        return self.accepted_at is not None


class Ledger:
    """The ledger's database; every method raises `LedgerUnavailable` if it cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ping(self) -> None:
        """Ask the database for nothing."""
        with reading(self._engine) as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close the connections of this process."""
        self._engine.dispose()

    def latest_start(self, instance_id: str) -> Start | None:
        """Return the latest life of the id, or None if it was never started from here."""
        query = (
            select(_starts)
            .where(_starts.c.instance_id == instance_id)
            .order_by(_starts.c.life.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        return _start(row) if row else None

    def claim(self, wanted: Start, latest: Start | None) -> Start | None:
        """Claim the right to start `wanted`, given the latest life that the caller knows of.

        Takes over `latest` if the engine never accepted it, else opens the next life. Returns None
        if another process has claimed the id since `latest` was read.
        """
        if latest and not latest.is_accepted:
            return self._take_over(latest, wanted)
        life = latest.life + 1 if latest else 1
        claimed = replace(wanted, life=life, claim=time.time_ns())
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(_starts).values(_row(claimed)))
        except IntegrityError:
            return None
        return claimed

    def accept(self, start: Start) -> None:
        """Note that the engine has taken the start."""
        query = update(_starts).where(*_owned(start)).values(accepted_at=datetime.now(UTC))
        with writing(self._engine) as connection:
            connection.execute(query)

    def release(self, start: Start) -> None:
        """Forget a claim whose start is known not to have happened."""
        with writing(self._engine) as connection:
            connection.execute(delete(_starts).where(*_owned(start)))

    def _take_over(self, abandoned: Start, wanted: Start) -> Start | None:
        claimed = replace(wanted, life=abandoned.life, claim=time.time_ns())
        query = update(_starts).where(*_owned(abandoned)).values(_row(claimed))
        with writing(self._engine) as connection:
            taken = connection.execute(query).rowcount == 1
        return claimed if taken else None


def open_ledger(url: str) -> Ledger:
    """Open the ledger at a SQLAlchemy URL, making its file and its tables if they are not there.

    Raises `LedgerUnavailable`.
    """
    engine = open_engine(url)
    with writing(engine) as connection:
        _metadata.create_all(connection)
    return Ledger(engine)


def _owned(start: Start) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that finds the row of `start` while its claim holds."""
    columns = _starts.c
    return (
        columns.instance_id == start.instance_id,
        columns.life == start.life,
        columns.claim == start.claim,
        columns.accepted_at.is_(None),
    )


def _row(start: Start) -> dict[str, object]:
    row = {name: value for name, value in vars(start).items() if name != "actor"}
    return {**row, "actor_name": start.actor.name, "actor_role": start.actor.role}


def _start(row: RowMapping) -> Start:
    fields = dict(row)
    actor = Actor(name=fields.pop("actor_name"), role=fields.pop("actor_role"))
    return Start(actor=actor, **fields)
