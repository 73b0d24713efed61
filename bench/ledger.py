"""How soon the ledger answers, by its database and by how many finished instances it holds."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice

from bench.lives import APP, Lives
from bench.questions import Question, questions
from operations.errors import QueryTimeout
from operations.ledger import Ledger, open_ledger
from tests.postgres.server import Server, name_in

COUNTS = (10_000, 100_000)
AT_ONCE = 200  # snapshots that are recorded together
AIM = 50.0  # milliseconds, p95, for pages and counts


def measure() -> None:
    """Print a table for each database, and for each size of a ledger in it."""
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/ledger.db"
            with closing(open_ledger(url).for_app(APP)) as ledger:
                _fill(ledger, "SQLite", count)
                _tell_all(ledger)
    with Server() as server:
        for count in COUNTS:
            with _on(server, count) as ledger:
                _tell_all(ledger)


@contextmanager
def _on(server: Server, count: int) -> Iterator[Ledger]:
    """Return a filled ledger that the server has tidied, as it does by itself in time."""
    url = server.new()
    with closing(open_ledger(url).for_app(APP)) as ledger:
        _fill(ledger, "PostgreSQL", count)
        server.run("VACUUM ANALYZE", name_in(url))
        yield ledger
    server.drop(url)


def _fill(ledger: Ledger, database: str, count: int) -> None:
    runs, took = iter(Lives(count)), 0.0
    while batch := list(islice(runs, AT_ONCE)):
        began = time.perf_counter()
        ledger.runs.ingest(batch)
        took += time.perf_counter() - began
    each = took / count * 1e6
    print(f"\n{database}, {count:,} finished instances, recorded in {each:.0f} µs each", flush=True)


def _tell_all(ledger: Ledger) -> None:
    print("milliseconds: p50, p95")
    aimed = {each.what: p95 for each in questions(ledger) if (p95 := _tell(each)) and each.is_aimed}
    slowest = max(aimed, key=lambda what: aimed[what])
    missed = [what for what, p95 in aimed.items() if p95 > AIM]
    print(
        f"of {len(aimed)} pages and counts without a text the slowest takes {aimed[slowest]:.1f} "
        f"({slowest}); the aim of {AIM:.0f} is missed by {', '.join(missed) or 'none'}",
        flush=True,
    )


def _tell(question: Question) -> float | None:
    """Print and return the time that 95 of 100 answers keep to, None if there was no answer."""
    taken = []
    try:
        question.ask()
        for _ in range(question.rounds):
            began = time.perf_counter()
            question.ask()
            taken.append((time.perf_counter() - began) * 1000)
    except QueryTimeout:
        print(f"{question.what:<45} too wide", flush=True)
        return None
    p95 = sorted(taken)[round(0.95 * (len(taken) - 1))]
    print(f"{question.what:<45} {statistics.median(taken):8.1f} {p95:8.1f}", flush=True)
    return p95
