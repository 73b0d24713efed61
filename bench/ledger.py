"""Measures how quickly the ledger answers, by its database and its number of finished runs."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import islice

from bench.queries import Query, queries
from bench.synthetic_runs import APP, SyntheticRuns
from operations.errors import QueryTimeout
from operations.ledger import Ledger, open_ledger
from tests.postgres.server import Server, name_in

COUNTS = (10_000, 100_000)
AT_ONCE = 200  # snapshots in one transaction
TARGET = 50.0  # milliseconds, p95, for pages and counts


def measure() -> None:
    """Print a table for each database and each size of the ledger."""
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/ledger.db"
            with closing(open_ledger(url).for_app(APP)) as ledger:
                fill(ledger, "SQLite", count)
                _print_all(ledger)
    with Server() as server:
        for count in COUNTS:
            with _on(server, count) as ledger:
                _print_all(ledger)


@contextmanager
def _on(server: Server, count: int) -> Iterator[Ledger]:
    """Yield a filled ledger after a vacuum, which autovacuum would do in time."""
    url = server.new()
    with closing(open_ledger(url).for_app(APP)) as ledger:
        fill(ledger, "PostgreSQL", count)
        server.run("VACUUM ANALYZE", name_in(url))
        yield ledger
    server.drop(url)


def fill(ledger: Ledger, database: str, count: int, shift: timedelta = timedelta()) -> None:
    """Record synthetic runs, with their times moved by `shift`; print how long one takes."""
    runs, seconds = iter(SyntheticRuns(count, shift=shift)), 0.0
    while batch := list(islice(runs, AT_ONCE)):
        started = time.perf_counter()
        ledger.runs.ingest(batch)
        seconds += time.perf_counter() - started
    ledger.analyze()
    each = seconds / count * 1e6
    print(f"\n{database}, {count:,} finished instances, recorded in {each:.0f} µs each", flush=True)


def _print_all(ledger: Ledger) -> None:
    print("milliseconds: p50, p95")
    results = {
        query.name: p95
        for query in queries(ledger)
        if (p95 := measure_query(query)) and query.has_target
    }
    slowest = max(results, key=lambda name: results[name])
    missed = [name for name, p95 in results.items() if p95 > TARGET]
    print(
        f"of {len(results)} pages and counts without a text the slowest takes "
        f"{results[slowest]:.1f} ({slowest}); "
        f"the target of {TARGET:.0f} is missed by {', '.join(missed) or 'none'}",
        flush=True,
    )


def measure_query(query: Query) -> float | None:
    """Print the median and the p95 of a query; return the p95, None if the query timed out."""
    times = []
    try:
        query.run()
        for _ in range(query.rounds):
            started = time.perf_counter()
            query.run()
            times.append((time.perf_counter() - started) * 1000)
    except QueryTimeout:
        print(f"{query.name:<45} timed out", flush=True)
        return None
    p95 = sorted(times)[round(0.95 * (len(times) - 1))]
    print(f"{query.name:<45} {statistics.median(times):8.1f} {p95:8.1f}", flush=True)
    return p95
