"""Brings a ledger's schema to the version that this code knows."""

from threading import Lock

from sqlalchemy import Connection, Engine, func, inspect, select, text

from operations.errors import LedgerUnavailable
from operations.ledger.db.sessions import reading, writing

HEAD = "0001"
"""The newest version: a ledger that has it is opened without the help of Alembic."""

_LOCK = 0x666C6F77  # any number that nobody else may lock in the same database
_one_at_a_time = Lock()  # Alembic keeps what it works on in globals


def upgrade(engine: Engine) -> None:
    """Make or complete the schema; of several processes at the same moment, one does.

    Raises `LedgerUnavailable`, also for a ledger of a newer Flowdeck.
    """
    with reading(engine) as connection:
        if _version(connection) == HEAD:
            return
    with _one_at_a_time, writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            _shut_out_others(connection)
        _migrate(connection)


def _shut_out_others(connection: Connection) -> None:
    """Wait for others that change the schema: on SQLite the transaction itself does.

    Then the server is to take its time, and texts must be able to hold any character.
    """
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise LedgerUnavailable(f"the encoding of its database is {encoding}, it must be UTF8")


def _migrate(connection: Connection) -> None:
    # Alembic is seldom needed.
    from operations.ledger.migrations import known_versions, migrate  # noqa: PLC0415

    version = _version(connection)
    if version is not None and version not in known_versions():
        raise LedgerUnavailable(
            f"a newer Flowdeck has written it: its schema is {version}, this one's is {HEAD}"
        )
    migrate(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
