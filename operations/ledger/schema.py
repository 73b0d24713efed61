"""Brings a ledger's schema to the version that this code knows."""

from threading import Lock

from sqlalchemy import Connection, Engine, inspect, text

from operations.database import reading, writing
from operations.errors import LedgerUnavailable

HEAD = "0005"
"""The newest version: a ledger that has it is opened without the help of Alembic."""

_one_at_a_time = Lock()  # Alembic keeps what it works on in globals


def upgrade(engine: Engine) -> None:
    """Make or complete the schema; of several processes at the same moment, one does.

    Raises `LedgerUnavailable`, also for a ledger of a newer Flowdeck.
    """
    with reading(engine) as connection:
        if _version(connection) == HEAD:
            return
    # On SQLite the transaction shuts out other writers from its beginning. PostgreSQL does not: it
    # needs an advisory lock here.
    with _one_at_a_time, writing(engine) as connection:
        _migrate(connection)


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
