"""Creates and migrates the ledger's tables; refuses tables of another version of Flowdeck."""

from threading import Lock

from sqlalchemy import Connection, Engine, func, inspect, select, text

from operations.errors import LedgerUnavailable, SchemaMismatch
from operations.ledger.db.connections import reading, writing
from operations.ledger.statistics.roll_ups import roll_up_all
from operations.ledger.tables import metadata
from operations.settings import without_password

HEAD = "0008"
"""The newest version of the schema; opening a ledger of this version does not import Alembic."""

_FIRST_WITH_ROLL_UPS = "0004"
_LOCK = 0x666C6F77  # the key of an advisory lock; no other program may use it in the database
_one_at_a_time = Lock()  # Alembic keeps its context in globals


def upgrade(engine: Engine) -> None:
    """Create the tables, or run the missing migrations; one process at a time does this.

    Raises `SchemaMismatch` for a schema that this version does not know, and `LedgerUnavailable`.
    """
    with reading(engine) as connection:
        if _version(connection) == HEAD:
            return
    with _one_at_a_time, writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            _prepare_postgresql(connection)
        _migrate(connection)


def _prepare_postgresql(connection: Connection) -> None:
    """Wait for another process that migrates, then let the migration take as long as it needs.

    Raises `LedgerUnavailable` after the session's timeout for statements, and for a database whose
    encoding cannot store every character. On SQLite the transaction itself waits.
    """
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise LedgerUnavailable(f"the encoding of its database is {encoding}, it must be UTF8")


def _migrate(connection: Connection) -> None:
    # Alembic is imported only if it is needed: most processes find the newest version.
    from operations.ledger.migrations import known_versions, migrate  # noqa: PLC0415

    version = _version(connection)
    if version not in {None, *known_versions()}:
        _refuse(connection, f"the schema {version!r}")
    if version is None and (unknown := _tables(connection)):
        _refuse(connection, f"tables without a schema version ({', '.join(unknown)})")
    migrate(connection)
    if version is not None and version < _FIRST_WITH_ROLL_UPS:
        roll_up_all(connection)


def _refuse(connection: Connection, found: str) -> None:
    raise SchemaMismatch(without_password(connection.engine.url), found, HEAD)


def _tables(connection: Connection) -> list[str]:
    """Return the names of existing tables that this schema would create."""
    return sorted(metadata.tables.keys() & set(inspect(connection).get_table_names()))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
