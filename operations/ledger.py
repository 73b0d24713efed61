"""What SQL remembers of the instances: at first, which ids were started, by whom, with what.

One row of `starts` is one life of an instance id. It is claimed before Dapr is called, so that of
any number of starts with the same id, from any process, one alone reaches the engine.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from operations.errors import LedgerUnavailable
from operations.model import Actor

BUSY_TIMEOUT = 5000  # milliseconds that a SQLite writer waits for another
_WRITES = "flowdeck_writes"  # the execution option of a transaction that means to write


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, on databases that keep zones and on SQLite, which keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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
        with self._reading() as connection:
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
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
        return _start(row) if row else None

    def claim(self, wanted: Start, latest: Start | None) -> Start | None:
        """Claim the right to start `wanted`, given the latest life that the caller knows of.

        Takes over `latest` if the engine never accepted it, else opens the next life. Returns None
        if another process has claimed the id since `latest` was read.
        """
        claim = time.time_ns()
        if latest and not latest.is_accepted:
            claimed = replace(wanted, life=latest.life, claim=claim)
            query = update(_starts).where(*_owned(latest)).values(_row(claimed))
            with self._writing() as connection:
                return claimed if connection.execute(query).rowcount == 1 else None
        claimed = replace(wanted, life=latest.life + 1 if latest else 1, claim=claim)
        try:
            with self._writing() as connection:
                connection.execute(insert(_starts).values(_row(claimed)))
        except IntegrityError:
            return None
        return claimed

    def accept(self, start: Start) -> None:
        """Note that the engine has taken the start."""
        query = update(_starts).where(*_owned(start)).values(accepted_at=datetime.now(UTC))
        with self._writing() as connection:
            connection.execute(query)

    def release(self, start: Start) -> None:
        """Forget a claim whose start is known not to have happened."""
        with self._writing() as connection:
            connection.execute(delete(_starts).where(*_owned(start)))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _translating(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        writer = self._engine.execution_options(**{_WRITES: True})
        with _translating(), writer.begin() as connection:
            yield connection


def open_ledger(url: str) -> Ledger:
    """Open the ledger at a SQLAlchemy URL, making its file and its tables if they are not there.

    Raises `LedgerUnavailable`.
    """
    with _translating():
        engine = (
            _sqlite(url) if make_url(url).get_backend_name() == "sqlite" else create_engine(url)
        )
        with engine.execution_options(**{_WRITES: True}).begin() as connection:
            _metadata.create_all(connection)
    return Ledger(engine)


def _sqlite(url: str) -> Engine:
    """Return an engine on a SQLite file that several processes write: WAL, and one writer a time."""
    file = make_url(url).database
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that comes to write fails at once if another wrote meanwhile.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise LedgerUnavailable(str(getattr(error, "orig", None) or error)) from error
    except OSError as error:
        raise LedgerUnavailable(str(error)) from error


def _owned(start: Start) -> tuple[Any, ...]:
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


def _start(row: Any) -> Start:
    fields = dict(row)
    actor = Actor(name=fields.pop("actor_name"), role=fields.pop("actor_role"))
    return Start(actor=actor, **fields)
