"""How the database finds what the ledger is asked."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from operations.database import reading
from operations.ledger import Ledger


def plans(ledger: Ledger, ask: Callable[[Ledger], object]) -> list[str]:
    """Return the steps of the database's plans for the instances' queries of a question."""
    queries: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        queries.append((call[2], call[3]))

    engine = ledger._engine
    event.listen(engine, "before_cursor_execute", note)
    ask(ledger)
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN (COSTS OFF)"
    with reading(engine) as connection:
        return [
            row[-1]
            for query, values in queries
            if query.startswith("SELECT") and "FROM instances" in query
            for row in connection.exec_driver_sql(f"{explain} {query}", values)
        ]
