"""Empty ledgers on a server, each for one test, and then for another."""

from contextlib import suppress
from functools import cached_property

import psycopg
from sqlalchemy import Table

from operations.ledger import open_ledger
from operations.ledger.schema import HEAD
from operations.ledger.tables import metadata
from tests.postgres.server import Server, name_in

KEEP = "CREATE SCHEMA kept; CREATE TABLE kept.heartbeat AS TABLE heartbeat"


class Ledgers:
    """Makes databases like one that holds an empty ledger, and empties them for the next test.

    That takes a tenth of the time that a new one does.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free: list[str] = []

    @cached_property
    def template(self) -> str:
        """The name of a database that holds an empty ledger."""
        url = self._server.new()
        open_ledger(url).close()
        self._server.run(KEEP, name_in(url))
        return name_in(url)

    def take(self) -> str:
        """Return the URL of an empty ledger that nobody else has."""
        return self._free.pop() if self._free else self._server.new(self.template)

    def give_back(self, url: str) -> None:
        """Take one back; what it holds is gone."""
        with suppress(psycopg.Error):  # one that cannot be emptied is nobody's any more
            self._server.run(_emptying(), name_in(url))
            self._free.append(url)


def _emptying() -> str:
    tables = metadata.sorted_tables
    return "; ".join(
        (
            "SET lock_timeout = '1s'",
            *(f"DELETE FROM {table.name}" for table in reversed(tables)),  # noqa: S608
            *(
                f"ALTER SEQUENCE {table.name}_{_counted(table)}_seq RESTART"
                for table in tables
                if _counted(table)
            ),
            "INSERT INTO heartbeat SELECT * FROM kept.heartbeat",
            f"UPDATE alembic_version SET version_num = '{HEAD}'",  # noqa: S608
        )
    )


def _counted(table: Table) -> str | None:
    """Return the name of the column that a sequence numbers, None if there is none."""
    column = table.autoincrement_column
    return None if column is None else column.name
