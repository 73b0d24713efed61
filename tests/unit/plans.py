"""How the database finds what the ledger is asked."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from operations.ledger import Ledger
from operations.ledger.db.sessions import asking, reading

Query = tuple[str, Any]
"""A statement as the driver gets it, and its values."""


def asked(
    ledger: Ledger,
    ask: Callable[[Ledger], object],
    table: str = "runs",
    begins: str = "SELECT",
) -> list[Query]:
    """Return a table's queries that a question takes, those that begin with a word."""
    queries: list[Query] = []

    def note(*call: Any) -> None:
        queries.append((call[2], call[3]))

    event.listen(ledger._engine, "before_cursor_execute", note)
    ask(ledger)
    event.remove(ledger._engine, "before_cursor_execute", note)
    return [each for each in queries if each[0].startswith(begins) and f"FROM {table}" in each[0]]


def plan(ledger: Ledger, query: Query, *, as_question: bool = False) -> list[str]:
    """Return the steps of the database's plan for a query; a question has settings of its own."""
    is_sqlite = ledger._engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN (COSTS OFF)"
    statement, values = query
    opened = asking(ledger._engine, 60) if as_question else reading(ledger._engine)
    with opened as connection:
        return [row[-1] for row in connection.exec_driver_sql(f"{explain} {statement}", values)]


def plans(ledger: Ledger, ask: Callable[[Ledger], object], table: str = "runs") -> list[str]:
    """Return the steps of the database's plans for a table's queries that a question takes."""
    return [step for query in asked(ledger, ask, table) for step in plan(ledger, query)]
